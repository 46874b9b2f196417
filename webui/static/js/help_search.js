// Shows the few best articles below the field while one types. What was typed is noted by the desk
// only once it rests, or is gone to. Down and Up move through the results, Escape closes them.
import { call, Failed } from "./http.js";

const PAUSE = 160;
const REST = 1800;

export function attach(form) {
  const field = form.querySelector("input[type=search]");
  const box = form.querySelector(".help-search__found");
  const said = form.querySelector("[data-help-said]");
  let timer = 0;
  let resting = 0;
  let asked = null;
  let noted = field.value.trim();

  const address = (typing) => `${form.action}?${new URLSearchParams([...new FormData(form), ["typing", typing]])}`;
  const links = () => [...box.querySelectorAll("a")];

  function close() {
    asked?.abort();
    clearTimeout(timer);
    box.hidden = true;
  }

  async function look() {
    asked?.abort();
    const words = field.value.trim();
    if (words.length < 2) return close();
    asked = new AbortController();
    try {
      const response = await call(address("on"), { signal: asked.signal, quiet: true });
      box.innerHTML = await response.text();
      box.hidden = !box.textContent.trim();
      said.textContent = box.firstElementChild?.dataset.said ?? "";
    } catch (error) {
      if (!(error instanceof Failed) && error.name !== "AbortError") throw error;
    }
  }

  function note() {
    const words = field.value.trim();
    clearTimeout(resting);
    if (words.length < 3 || words === noted) return;
    noted = words;
    fetch(address("rest"), { credentials: "same-origin", keepalive: true, headers: { "X-Fragment": "1" } }).catch(() => {});
  }

  field.addEventListener("input", () => {
    clearTimeout(timer);
    clearTimeout(resting);
    timer = setTimeout(look, PAUSE);
    resting = setTimeout(note, REST);
  });
  field.addEventListener("focus", () => {
    if (box.firstElementChild && field.value.trim().length > 1) box.hidden = !box.textContent.trim();
  });
  form.addEventListener("submit", () => clearTimeout(resting));
  box.addEventListener("click", (event) => event.target.closest("a") && note());
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !box.hidden) {
      event.preventDefault();
      close();
      field.focus();
    } else if (["ArrowDown", "ArrowUp"].includes(event.key) && !box.hidden) {
      const all = [field, ...links()];
      const next = all.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
      event.preventDefault();
      all.at(next % all.length)?.focus();
    }
  });
  form.addEventListener("focusout", (event) => {
    if (!form.contains(event.relatedTarget)) box.hidden = true;
  });
  document.addEventListener("pointerdown", (event) => form.contains(event.target) || close());
}
