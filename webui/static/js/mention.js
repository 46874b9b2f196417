// @ and two letters offer colleagues; the server answers [{name, handle}].
import { call, Failed } from "./http.js";
import { insert } from "./markdown.js";

const WORD = /(^|\s)@([\p{L}\p{N}._-]{1,30})$/u;

export function attach(form, field) {
  const url = form.dataset.mentionUrl;
  if (!url) return;
  const box = Object.assign(document.createElement("div"), { className: "mentions", hidden: true, id: `${form.id}-mentions` });
  box.setAttribute("role", "listbox");
  box.setAttribute("aria-label", "@");
  form.append(box);
  let asked = 0;

  const close = () => { box.hidden = true; asked += 1; field.removeAttribute("aria-activedescendant"); };
  const select = (at) => {
    [...box.children].forEach((option, index) => option.setAttribute("aria-selected", String(index === at)));
    field.setAttribute("aria-activedescendant", box.children[at].id);
  };
  const choose = (option) => {
    const typed = WORD.exec(field.value.slice(0, field.selectionStart));
    if (typed) {
      field.setSelectionRange(field.selectionStart - typed[2].length, field.selectionStart);
      insert(field, `${option.dataset.handle} `);
    }
    close();
  };

  field.addEventListener("input", async () => {
    const typed = WORD.exec(field.value.slice(0, field.selectionStart));
    if (!typed) return close();
    const mine = (asked += 1);
    const people = await find(url, typed[2]);
    if (mine !== asked) return;
    box.replaceChildren(...people.map((person, index) => row(box.id, person, index)));
    box.hidden = !people.length;
    if (people.length) select(0);
  });
  field.addEventListener("keydown", (event) => {
    if (box.hidden) return;
    const at = [...box.children].findIndex((option) => option.getAttribute("aria-selected") === "true");
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by) select((at + by + box.children.length) % box.children.length);
    else if (event.key === "Enter" || event.key === "Tab") choose(box.children[at]);
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }, { capture: true });
  box.addEventListener("mousedown", (event) => { event.preventDefault(); const option = event.target.closest("[role=option]"); if (option) choose(option); });
  field.addEventListener("blur", close);
}

async function find(url, words) {
  try {
    const response = await call(`${url}${url.includes("?") ? "&" : "?"}q=${encodeURIComponent(words)}`, { quiet: true });
    return await response.json();
  } catch (error) {
    if (error instanceof Failed) return [];
    throw error;
  }
}

function row(prefix, { name, handle }, index) {
  const option = Object.assign(document.createElement("div"), { id: `${prefix}-${index}`, textContent: name });
  option.setAttribute("role", "option");
  option.dataset.handle = handle ?? name;
  return option;
}
