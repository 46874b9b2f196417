// Changes the look at once; the server keeps it.
import { Failed, post } from "./http.js";

export function attach(form) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const theme = event.submitter.value;
    document.documentElement.dataset.theme = theme;
    for (const button of form.querySelectorAll("[name=theme]")) button.setAttribute("aria-pressed", String(button.value === theme));
    const fields = new FormData(form, event.submitter);
    try {
      await post(form.action, fields);
    } catch (error) {
      if (!(error instanceof Failed)) throw error;
    }
  });
}
