// Shows what the message will look like, made by the server.
import { Failed, post } from "./http.js";

export function attach(form, field) {
  const button = form.querySelector("[data-composer-show]");
  const pane = form.querySelector("[data-composer-preview]");
  if (!button) return;

  const show = (on) => {
    button.setAttribute("aria-pressed", String(on));
    pane.hidden = !on;
    field.hidden = on;
    if (!on) field.focus();
  };
  button.addEventListener("click", async () => {
    if (!pane.hidden) return show(false);
    try {
      const response = await post(form.dataset.previewUrl, { body: field.value });
      pane.innerHTML = await response.text();
      show(true);
    } catch (error) {
      if (!(error instanceof Failed)) throw error;
    }
  });
  form.addEventListener("composer:sent", () => show(false));
}
