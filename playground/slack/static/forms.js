// The form that lies over the chat: drawn when it comes, sent, refused, closed.

import { ask, el, notice, packed } from "./api.js";
import { draw, field, valuesOf } from "./blocks.js";

const dialog = document.getElementById("form");
let shown = "";

export async function showForm(user) {
  const { views } = await ask("views", { user });
  const view = views?.at(-1);
  if (!view) {
    shown = "";
    if (dialog.open) dialog.close();
    return;
  }
  const mark = `${view.id} ${view.hash} ${JSON.stringify(view.errors)}`;
  if (mark === shown) return;
  const kept = shown.startsWith(`${view.id} `) ? valuesOf(dialog) : {};
  shown = mark;
  dialog.replaceChildren(drawn(view, user));
  refill(kept);
  if (!dialog.open) dialog.showModal();
}

function refill(kept) {
  for (const one of dialog.querySelectorAll("[data-field]")) {
    const value = kept[one.dataset.block]?.[one.dataset.field];
    if (typeof value === "string" && "value" in one && one.type !== "file") one.value = value;
  }
}

function drawn(view, user) {
  const act = async (action, block, value) => {
    const answer = await ask("click", { user, action_id: action, block_id: block, view_id: view.id, value, state: valuesOf(dialog) });
    if (!answer.ok) notice(answer.error);
  };
  const parts = view.blocks.map((block) => (block.type === "input" ? field(block, view.errors[block.block_id], act) : draw([block], act)));
  const send = async (event) => {
    event.preventDefault();
    const answer = await ask("submit", { user, view_id: view.id, values: await filled() });
    if (!answer.ok && !answer.errors) notice(answer.error);
    await showForm(user);
  };
  const footer = el(
    "footer",
    {},
    el("button", { type: "button", onclick: () => close(user, view) }, view.close?.text ?? "Cancel"),
    view.submit ? el("button", { className: "primary" }, view.submit.text) : null,
  );
  return el("form", { novalidate: true, onsubmit: send }, el("h2", {}, view.title?.text ?? ""), parts.flat(), footer);
}

async function filled() {
  const values = valuesOf(dialog);
  for (const one of dialog.querySelectorAll('[data-kind="file_input"]')) {
    values[one.dataset.block][one.dataset.field] = await Promise.all([...one.files].map(packed));
  }
  return values;
}

async function close(user, view) {
  await ask("close_view", { user, view_id: view.id });
  await showForm(user);
}

dialog.addEventListener("cancel", (event) => {
  event.preventDefault();
  dialog.querySelector("footer button")?.click();
});
