// Counts the picked rows and shows the bar of what can be done with them.
import { text } from "./text.js";

export function attach(form) {
  const bar = form.querySelector("[data-bulk-bar]");
  const all = form.querySelector("[data-pick-all]");
  const picks = () => [...form.querySelectorAll("[data-pick]")];

  const show = () => {
    const some = picks().filter((pick) => pick.checked).length;
    bar.toggleAttribute("data-some", some > 0);
    bar.querySelector("[data-bulk-count]").textContent = text("selected", some);
    if (all) {
      all.checked = some > 0 && some === picks().length;
      all.indeterminate = some > 0 && !all.checked;
    }
  };
  const set = (checked) => { picks().forEach((pick) => (pick.checked = checked)); show(); };

  all?.addEventListener("change", () => set(all.checked));
  bar.querySelector("[data-bulk-none]").addEventListener("click", () => set(false));
  form.addEventListener("change", show);
  form.addEventListener("deskbell:content", show);
  show();
}
