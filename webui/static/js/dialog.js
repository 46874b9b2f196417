// data-dialog="id" opens a <dialog>; a click beside it closes it.
export function attach(element) {
  if (element.matches("dialog")) return box(element);
  element.addEventListener("click", (event) => {
    event.preventDefault();
    element.closest("[popover]")?.hidePopover();
    open(element.dataset.dialog);
  });
}

export function open(id) {
  const dialog = document.getElementById(id);
  if (dialog && !dialog.open) dialog.showModal();
  return Boolean(dialog);
}

function box(dialog) {
  dialog.addEventListener("mousedown", (event) => {
    if (event.target === dialog && !inside(event, dialog.getBoundingClientRect())) dialog.close("cancel");
  });
  if ("open" in dialog.dataset) dialog.showModal();
}

const inside = ({ clientX: x, clientY: y }, box) => x >= box.left && x <= box.right && y >= box.top && y <= box.bottom;
