// Offers people while one types: their names and addresses become the options of the field's list.
import { call, Failed } from "./http.js";

const PAUSE = 180;

export function attach(field) {
  const list = document.getElementById(field.getAttribute("list"));
  let timer;
  field.addEventListener("input", () => {
    clearTimeout(timer);
    if (field.value.trim().length < 3 || [...list.options].some((option) => option.value === field.value)) return;
    timer = setTimeout(() => offer(field, list), PAUSE);
  });
}

async function offer(field, list) {
  try {
    const people = await (await call(`${field.dataset.people}?q=${encodeURIComponent(field.value)}`, { quiet: true })).json();
    list.replaceChildren(...people.map(({ value, hint }) => Object.assign(document.createElement("option"), { value, label: hint })));
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
  }
}
