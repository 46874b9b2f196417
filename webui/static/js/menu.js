// Popover menus: arrow keys walk, a choice closes; placed by hand where the browser cannot anchor.
const ANCHORS = CSS.supports("position-area: block-end");
const ITEMS = "a[href], button:not(:disabled), input, select";

export function attach(menu) {
  const opener = document.querySelector(`[popovertarget="${CSS.escape(menu.id)}"]`);
  menu.addEventListener("toggle", (event) => {
    if (event.newState !== "open") return;
    if (!ANCHORS && opener) place(menu, opener.getBoundingClientRect());
    menu.querySelector(ITEMS)?.focus({ focusVisible: false });
  });
  menu.addEventListener("keydown", (event) => walk(menu, event));
  menu.addEventListener("click", (event) => {
    if (event.target.closest("button[type=button]")) menu.hidePopover();
  });
}

function walk(menu, event) {
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!by || event.target.matches("input, select, textarea")) return;
  event.preventDefault();
  const items = [...menu.querySelectorAll(ITEMS)];
  items.at((items.indexOf(document.activeElement) + by) % items.length).focus();
}

function place(menu, beside) {
  const { offsetWidth: width, offsetHeight: height } = menu;
  const below = beside.bottom + height + 8 < innerHeight;
  menu.style.top = `${Math.max(4, below ? beside.bottom : beside.top - height - 8)}px`;
  menu.style.left = `${Math.max(4, Math.min(beside.right - width, innerWidth - width - 4))}px`;
}
