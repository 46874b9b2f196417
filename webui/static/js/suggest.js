// Articles for what is being written in a form: asked for in the pauses, shown once, turned off by a press.
// Its buttons submit nothing by themselves: Enter in a field sends the form, and never says "solved".
import { call, Failed } from "./http.js";

const PAUSE = 600;

export function attach(box) {
  const form = box.closest("form");
  const fields = ["subject", "text"].map((name) => form.elements[name]);
  let timer, asked = "", running;
  const words = () => fields.map((field) => field.value.trim()).filter(Boolean).join("\n").slice(0, 2000);
  const ask = async () => {
    const text = words();
    if (text === asked) return;
    asked = text;
    running?.abort();
    running = new AbortController();
    try {
      const answer = await call(`${box.dataset.suggest}?${new URLSearchParams({ text })}`, { quiet: true, signal: running.signal });
      box.innerHTML = (await answer.text()).trim();
    } catch (error) {
      if (!(error instanceof Failed)) throw error;
    }
  };
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(ask, PAUSE);
  };
  for (const field of fields) field.addEventListener("input", later);
  const note = (name, value) => {
    const field = Object.assign(document.createElement("input"), { type: "hidden", name, value });
    box.querySelector("fieldset").append(field);
  };
  const solve = (article) => {
    note("solved", article);
    for (const files of form.querySelectorAll("input[type=file]")) files.disabled = true;
    form.action = box.dataset.suggest;
    form.submit();
  };
  box.addEventListener("click", (event) => {
    const solved = event.target.closest("[data-suggest-solved]");
    if (solved) solve(solved.dataset.suggestSolved);
    if (!event.target.closest("[data-suggest-off]")) return;
    note("dismissed", "1");
    clearTimeout(timer);
    running?.abort();
    for (const field of fields) field.removeEventListener("input", later);
    box.querySelector("fieldset").hidden = true;
    fields[1].focus();
  });
}
