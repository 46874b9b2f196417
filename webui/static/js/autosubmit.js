// A form that sends itself when a field changes: GET by going there, POST in the background.
import { refreshAll } from "./fragment.js";
import { Failed, post } from "./http.js";

export function attach(form) {
  form.addEventListener("change", async (event) => {
    if (event.target.matches("[data-no-autosubmit]") || !form.reportValidity()) return;
    if (form.method === "get") return form.requestSubmit();
    try {
      await post(form.action, new FormData(form));
    } catch (error) {
      if (!(error instanceof Failed)) throw error;
      form.reset();
    }
    refreshAll();
  });
}
