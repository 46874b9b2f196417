// A select whose choice decides what stands in another element: its fragment is fetched with the choice.
import { refresh } from "./fragment.js";

export function attach(select) {
  const target = document.getElementById(select.dataset.decides);
  select.addEventListener("change", () => {
    const url = new URL(target.dataset.fragmentUrl, location.href);
    url.searchParams.set(select.name, select.value);
    target.dataset.fragmentUrl = url.pathname + url.search;
    refresh(target);
  });
}
