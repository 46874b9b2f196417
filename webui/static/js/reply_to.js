// The next reply answers one message: a chip in the composer says which, and can be taken off.
import { text } from "./text.js";

export function attach(button) {
  button.addEventListener("click", () => {
    const { replyTo, replyName } = button.dataset;
    const box = document.querySelector("[data-composer-extras]");
    if (!box) return;
    const form = box.closest("form");
    form.querySelector("[name=kind][value=reply]")?.click();
    box.querySelector("[data-extra=reply]")?.remove();
    box.append(chip("reply", "reply_to", replyTo, `↳ ${replyName}`));
    form.querySelector("[data-composer-body]").focus();
  });
}

// A hidden value that goes with the next message, with words and a way to take it off.
export function chip(kind, name, value, words) {
  const item = document.createElement("li");
  item.className = "chip";
  item.dataset.extra = kind;
  const label = Object.assign(document.createElement("span"), { textContent: words, className: "truncate" });
  const field = Object.assign(document.createElement("input"), { type: "hidden", name, value });
  const off = Object.assign(document.createElement("button"), { type: "button", className: "chip__off", textContent: "×" });
  off.setAttribute("aria-label", `${text("remove")} ${words}`);
  off.addEventListener("click", () => item.remove());
  item.append(label, field, off);
  return item;
}
