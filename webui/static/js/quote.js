// Puts a message as a quotation into the composer.
import { insert } from "./markdown.js";

export function attach(button) {
  button.addEventListener("click", () => {
    const body = document.querySelector(`#message-${CSS.escape(button.dataset.quote)} [data-message-body]`);
    const field = document.querySelector("[data-composer-body]");
    if (!body || !field) return;
    const lead = /(^|\n)$/.test(field.value.slice(0, field.selectionStart)) ? "" : "\n\n";
    insert(field, lead + body.innerText.trim().replace(/^/gm, "> ") + "\n\n");
  });
}
