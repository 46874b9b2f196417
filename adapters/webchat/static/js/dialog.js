// Dialogs of this page: a sheet with content, and a short question.
import { h, icon } from "./dom.js";
import { t } from "./text.js";

export function sheet(title, ...content) {
  const close = h("button", { type: "button", class: "icon-button", "aria-label": t("close"), onclick: () => dialog.close() }, icon("x"));
  const dialog = h("dialog", { class: "sheet", "aria-label": title }, h("div", { class: "sheet__head" }, h("h2", {}, title), close), h("div", { class: "sheet__body" }, ...content));
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

export function ask(question, yes) {
  return new Promise((answer) => {
    const dialog = h("dialog", { class: "question", "aria-label": question },
      h("p", {}, question),
      h("form", { method: "dialog", class: "question__buttons" },
        h("button", { class: "button", value: "no" }, t("cancel")),
        h("button", { class: "button button--danger", value: "yes" }, yes)));
    dialog.addEventListener("close", () => {
      answer(dialog.returnValue === "yes");
      dialog.remove();
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
