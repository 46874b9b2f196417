// Copies data-copy and says so for a moment.
import { text } from "./text.js";
import { toast } from "./toast.js";

export function attach(button) {
  const label = button.querySelector("[data-copy-label]");
  const words = label?.textContent;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
    } catch {
      return toast(text("failed"), "bad");
    }
    button.dataset.copied = "";
    if (label) label.textContent = button.dataset.copiedText;
    setTimeout(() => { delete button.dataset.copied; if (label) label.textContent = words; }, 2000);
  });
}
