// A macro's text for this ticket comes from the server and goes in at the cursor; it never sends itself.
// What goes with the macro is shown as a chip and done once the message is sent.
import { call, Failed } from "./http.js";
import { insert } from "./markdown.js";
import { chip } from "./reply_to.js";

export function attach(button) {
  button.addEventListener("click", async () => {
    const form = button.closest("form");
    try {
      const { id, body, actions } = await (await call(button.dataset.macroUrl)).json();
      insert(form.querySelector("[data-composer-body]"), body);
      const box = form.querySelector("[data-composer-extras]");
      box.querySelector("[data-extra=macro]")?.remove();
      if (actions) box.append(chip("macro", "macro", id, `⚡ ${button.textContent.trim()}: ${actions}`));
    } catch (error) {
      if (!(error instanceof Failed)) throw error;
    }
  });
}
