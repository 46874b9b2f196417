// Where the visitor writes: a field that grows, a draft that survives, typing that is told.
import { call } from "./api.js";
import { $, h, icon } from "./dom.js";
import { forget, load, save } from "./store.js";
import { t } from "./text.js";
import * as outbox from "./outbox.js";
import * as uploads from "./uploads.js";

const TELL_EVERY = 3_000;
let context = { thread: () => "", lastOwn: () => null, refresh: () => {} };
let editing = null;
let told = 0;

export function use(given) {
  context = given;
}

const draft = () => `draft-${context.thread()}`;

// Another conversation, or another visitor: what was being written there.
export function shown() {
  if (editing) leave();
  $("words").value = load(draft(), "");
  problem("");
  grow();
}

// What was typed before the scripts were here stays.
export function keep() {
  if ($("words").value) save(draft(), $("words").value);
}

export function edit(item) {
  editing = item;
  $("mode").replaceChildren(icon("edit"), h("span", {}, t("editing")), h("button", { type: "button", class: "mini", "aria-label": t("cancel"), onclick: stop }, icon("x")));
  $("mode").hidden = false;
  $("words").value = item.text;
  grow();
  $("words").focus();
}

export const isEditing = () => editing !== null;

function leave() {
  editing = null;
  $("mode").hidden = true;
}

export function stop() {
  leave();
  $("words").value = load(draft(), "");
  grow();
  $("words").focus();
}

export function problem(words) {
  $("problem").textContent = words;
}

async function submit() {
  const text = $("words").value.trim();
  problem("");
  if (editing) return saveEdit(text);
  if ((!text && !uploads.any()) || uploads.busy()) return;
  if (text.length > 50_000) {
    problem(t("problem"));
    return;
  }
  $("words").value = "";
  forget(draft());
  grow();
  told = 0;
  outbox.add(context.thread(), text, uploads.taken());
  context.said();
}

async function saveEdit(text) {
  const item = editing;
  if (text && text !== item.text) {
    try {
      await call("PUT", `conversations/${context.thread()}/messages/${item.native}`, { text, version: crypto.randomUUID() });
    } catch (error) {
      problem(error.message);
      return;
    }
  }
  stop();
  context.refresh();
}

export function grow() {
  const field = $("words");
  field.style.height = "auto";
  field.style.height = `${Math.min(field.scrollHeight, 180)}px`;
  ready();
}

function ready() {
  const empty = !$("words").value.trim() && !uploads.any() && !editing;
  $("send").classList.toggle("send--quiet", empty || uploads.busy());
}

function tell() {
  const now = Date.now();
  if (editing || now - told < TELL_EVERY || !context.begun()) return;
  told = now;
  call("POST", `conversations/${context.thread()}/typing`, { on: true }).catch(() => {});
}

$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  submit();
});
$("words").addEventListener("input", () => {
  if (!editing && $("words").value) save(draft(), $("words").value);
  else if (!editing) forget(draft());
  grow();
  if ($("words").value) tell();
});
$("words").addEventListener("keydown", (event) => {
  const plain = !event.shiftKey && !event.isComposing && !event.altKey;
  if (event.key === "Enter" && plain) {
    event.preventDefault();
    submit();
  } else if (event.key === "Escape" && editing) {
    event.stopPropagation();
    stop();
  } else if (event.key === "ArrowUp" && !$("words").value && !editing) {
    const last = context.lastOwn();
    if (last) {
      event.preventDefault();
      edit(last);
    }
  }
});
uploads.onChange(ready);
