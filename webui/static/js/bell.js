// The bell rings when there is more to read than before, and shows the latest in place.
import { refresh } from "./fragment.js";

export function attach(bell) {
  let unread = Number(bell.dataset.unread);
  new MutationObserver(() => {
    const now = Number(bell.dataset.unread);
    if (now > unread) ring(bell);
    unread = now;
  }).observe(bell, { attributeFilter: ["data-unread"] });
  bell.addEventListener("click", (event) => open(bell, event));
}

function ring(bell) {
  bell.dataset.ringing = "";
  setTimeout(() => delete bell.dataset.ringing, 800);
}

// A click with a modifier, or without an answer from the desk, goes to the page as the link says.
async function open(bell, event) {
  const home = bell.closest("[data-fragment-url]");
  if (!home || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  await refresh(home);
  const latest = document.getElementById("bell-latest");
  if (latest) latest.showPopover({ source: home.querySelector("[data-bell]") });
  else location.assign(bell.href);
}
