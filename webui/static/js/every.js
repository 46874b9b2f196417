// A fragment with data-every="10" is fetched anew every ten seconds while someone can see it.
import { refresh } from "./fragment.js";

export function attach(element) {
  const seconds = Number(element.dataset.every) || 30;
  const timer = setInterval(() => {
    if (!element.isConnected) return clearInterval(timer);
    if (!document.hidden) refresh(element);
  }, seconds * 1000);
}
