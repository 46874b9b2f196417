// Single keys press or focus what carries data-key; only outside fields, never with a modifier.
import { open } from "./dialog.js";

const FIELDS = "input:not([type=checkbox], [type=radio], [type=button], [type=submit]), textarea, select, [contenteditable]";

export function attach() {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (isTyped(event.target) || document.querySelector("dialog[open], [popover][data-menu]:popover-open")) return;
    if (act(event.key)) event.preventDefault();
  });
}

// A field in a dialog that has just been closed may still have the focus until the next frame.
function isTyped(target) {
  return target.closest(FIELDS)?.checkVisibility() ?? false;
}

function act(key) {
  if (key === "j" || key === "k") return step(key === "j" ? 1 : -1);
  if (key === "o") return document.activeElement.matches("[data-row-link]") && press(document.activeElement);
  const element = carrier(key);
  if (element) return press(element);
  return key === "?" && open("key-help");
}

function carrier(key) {
  const all = [...document.querySelectorAll(`[data-key="${CSS.escape(key)}"]`)].filter((element) => !element.disabled);
  const inMain = all.filter((element) => element.closest("main"));
  const shown = (element) => element.checkVisibility();
  return inMain.find(shown) ?? all.find(shown) ?? inMain[0];
}

function press(element) {
  const panel = element.closest("[popover]");
  if (panel && !panel.checkVisibility()) panel.showPopover();
  const isField = element.matches("textarea, select, input:not([type=radio], [type=checkbox])");
  if (isField) element.focus();
  else element.click();
  if (element.dataset.keyFocus) document.querySelector(element.dataset.keyFocus)?.focus();
  return true;
}

function step(by) {
  const links = [...document.querySelectorAll("[data-rows] [data-row-link]")];
  if (!links.length) return false;
  const row = document.activeElement.closest("[data-row]");
  const at = links.findIndex((link) => row?.contains(link));
  const next = links[Math.max(0, Math.min(links.length - 1, at < 0 ? 0 : at + by))];
  next.focus({ preventScroll: true });
  next.closest("[data-row]").scrollIntoView({ block: "nearest" });
  return true;
}
