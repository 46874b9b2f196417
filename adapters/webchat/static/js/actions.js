// What one can do with a message: react to it, change or delete one's own.
import { call } from "./api.js";
import { $, h, icon } from "./dom.js";
import { t } from "./text.js";
import { ask } from "./dialog.js";

const EMOJI = ["👍", "❤️", "😄", "🎉", "😮", "🙏"];
let context = { thread: () => "", edit: () => {}, refresh: () => {} };

export const use = (given) => {
  context = given;
};

export function actionsOf(item) {
  const own = item.side === "me";
  return h(
    "div",
    { class: "actions" },
    h("button", { type: "button", class: "mini", "aria-label": t("react"), "aria-expanded": "false", onclick: (event) => togglePicker(event.currentTarget, item) }, icon("smile")),
    own ? h("button", { type: "button", class: "mini", "aria-label": t("edit"), onclick: () => context.edit(item) }, icon("edit")) : null,
    own ? h("button", { type: "button", class: "mini", "aria-label": t("delete"), onclick: () => remove(item) }, icon("trash")) : null,
  );
}

export function pickerOf(item, reaction) {
  return h("button", {
    type: "button",
    class: "reaction",
    "aria-pressed": String(reaction.mine),
    "aria-label": t("reactions", { emoji: reaction.emoji, count: reaction.count }),
    onclick: () => toggle(item, reaction.emoji),
  }, reaction.emoji, h("span", {}, String(reaction.count)));
}

function togglePicker(button, item) {
  const open = button.parentElement.querySelector(".picker");
  closePickers();
  if (open) return;
  button.setAttribute("aria-expanded", "true");
  const picker = h("div", { class: "picker" }, ...EMOJI.map((emoji) =>
    h("button", { type: "button", "aria-label": t("react_with", { emoji }), onclick: () => { closePickers(); toggle(item, emoji); } }, emoji)));
  button.after(picker);
  if (picker.getBoundingClientRect().top < $("scroll").getBoundingClientRect().top) picker.classList.add("picker--below");
  if (picker.getBoundingClientRect().right > $("scroll").getBoundingClientRect().right - 8) picker.classList.add("picker--end");
  picker.querySelector("button").focus();
}

export function closePickers() {
  for (const picker of document.querySelectorAll(".picker")) {
    picker.previousElementSibling?.setAttribute("aria-expanded", "false");
    if (picker.contains(document.activeElement)) picker.previousElementSibling?.focus();
    picker.remove();
  }
}

async function toggle(item, emoji) {
  const mine = item.reactions.filter((one) => one.mine).map((one) => one.emoji);
  const wanted = mine.includes(emoji) ? mine.filter((one) => one !== emoji) : [...mine, emoji];
  await attempt(() => call("PUT", `conversations/${context.thread()}/messages/${item.native}/reactions`, { emoji: wanted }));
}

async function remove(item) {
  if (!(await ask(t("delete_sure"), t("delete")))) return;
  await attempt(() => call("DELETE", `conversations/${context.thread()}/messages/${item.native}`));
}

async function attempt(step) {
  try {
    await step();
    context.refresh();
  } catch (error) {
    context.problem(error);
  }
}

document.addEventListener("click", (event) => event.target.closest(".actions") || closePickers());
document.addEventListener("keydown", (event) => event.key === "Escape" && closePickers());
