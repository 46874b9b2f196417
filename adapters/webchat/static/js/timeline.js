// The conversation as it stands: what the desk showed, and below it what is still on its way.
import { $, h, icon } from "./dom.js";
import { clock, dayOf, full, sizeOf, t } from "./text.js";
import * as outbox from "./outbox.js";
import { actionsOf, pickerOf } from "./actions.js";

const items = new Map();
const nodes = new Map();
const passing = []; // cards that are no messages
const reads = new Map(); // conversation → how far the desk has read, as it was told
let status = null;
let thread = "";
let first = true;

export const all = () => items;
export const statusNow = () => status;

export function clear(to) {
  thread = to;
  items.clear();
  nodes.clear();
  passing.length = 0;
  reads.clear();
  status = null;
  first = true;
  $("log").replaceChildren();
  $("earlier").hidden = true;
}

export function take(answer, { older = false } = {}) {
  if (answer.whole && !older) for (const id of [...items.keys()]) items.delete(id);
  for (const item of answer.items) items.set(item.id, item);
  if (answer.whole) $("earlier").hidden = !answer.earlier;
  if (!older) status = answer.status;
  outbox.confirm(new Set([...items.values()].filter((one) => one.side === "me").map((one) => one.native)));
  draw({ keep: older });
}

// What was said here, as the desk has kept it.
export function add(item) {
  items.set(item.id, item);
  outbox.confirm(new Set([item.native]));
  draw();
}

// The desk has read on: news that the page need not ask for, and that a look under way may not know.
export function readUpTo({ part, upto }) {
  if (seenOf(part) >= upto) return;
  reads.set(part, upto);
  draw();
}

const seenOf = (part) => Math.max(reads.get(part) ?? 0, status?.seen_part === part ? status.seen : 0);

export function addCard(card) {
  passing.push({ kind: "card", id: `c${passing.length}`, at: new Date().toISOString(), seq: 0, card });
  draw();
}

export const oldest = () => sorted()[0]?.at ?? "";

export function lastOwn() {
  return sorted().findLast((one) => one.kind === "message" && one.side === "me" && !one.deleted && !one.hidden);
}

function sorted() {
  return [...items.values(), ...passing].sort((a, b) => (a.at === b.at ? a.seq - b.seq : a.at < b.at ? -1 : 1));
}

export function draw({ keep = false } = {}) {
  const scroll = $("scroll");
  const atEnd = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 80;
  const height = scroll.scrollHeight;
  const known = sorted();
  const pending = outbox.waiting(thread);
  const wanted = [];
  let day = "";
  let before = null;
  for (const item of known) {
    if (dayOf(item.at) !== day) {
      day = dayOf(item.at);
      wanted.push(node(`day-${day}`, day, () => h("p", { class: "day" }, h("span", {}, day))));
      before = null;
    }
    wanted.push(drawn(item, before));
    before = item;
  }
  for (const entry of pending) wanted.push(node(entry.id, entry, () => pendingNode(entry)));
  place($("log"), wanted);
  $("welcome").hidden = known.length > 0 || pending.length > 0;
  if (keep) scroll.scrollTop += scroll.scrollHeight - height;
  else if (atEnd || first) scroll.scrollTop = scroll.scrollHeight;
  if (known.length) first = false;
}

// A node is made anew only when what it shows has changed.
function node(id, shown, make) {
  const mark = JSON.stringify(shown);
  const found = nodes.get(id);
  if (found && found.mark === mark) return found.node;
  const made = make();
  nodes.set(id, { mark, node: made });
  return made;
}

function place(log, wanted) {
  const keep = new Set(wanted);
  for (const child of [...log.children]) if (!keep.has(child)) child.remove();
  let at = log.firstElementChild;
  for (const one of wanted) {
    if (one === at) at = at.nextElementSibling;
    else log.insertBefore(one, at);
  }
}

function drawn(item, before) {
  if (item.kind === "fact") return node(item.id, item, () => factNode(item));
  if (item.kind === "card") return node(item.id, item, () => cardNode(item.card));
  const close = before?.kind === "message" && before.side === item.side && (item.side === "me" || before.author === item.author)
    && new Date(item.at) - new Date(before.at) < 240_000;
  const last = item.side === "me" && lastOwn()?.id === item.id;
  const seen = item.side === "me" && item.seq <= seenOf(item.part);
  return node(item.id, [item, close, last && seen, last], () => messageNode(item, { close, last, seen }));
}

function factNode(item) {
  return h("p", { class: `fact fact--${item.name.split(".")[1]}` }, h("span", {}, item.text), " ", h("time", { datetime: item.at, title: full(item.at) }, clock(item.at)));
}

function messageNode(item, { close, last, seen }) {
  const me = item.side === "me";
  const gone = item.deleted || item.hidden;
  const box = h("div", { class: "message__box" });
  if (gone) box.append(h("p", { class: "message__gone" }, t(item.deleted ? "deleted" : "hidden")));
  else {
    if (item.html) box.append(h("div", { class: "prose", html: item.html, dir: "auto" }));
    if (item.files.length) box.append(h("ul", { class: "files" }, ...item.files.map(fileNode)));
  }
  const foot = h("p", { class: "message__foot" }, h("time", { datetime: item.at, title: full(item.at) }, clock(item.at)));
  if (item.edited) foot.append(h("span", {}, t("edited")));
  if (last && !gone) foot.append(stateNode(seen ? "checks" : "check", t(seen ? "seen" : "sent")));
  return h(
    "article",
    { class: `message message--${item.side}${close ? " message--close" : ""}${gone ? " message--gone" : ""}`, "data-id": item.id, "aria-label": me ? t("you") : item.author },
    !me && !close ? h("span", { class: `avatar${item.side === "bot" ? " avatar--bot" : ""}`, "aria-hidden": "true" }, item.side === "bot" ? icon("bell") : initials(item.author)) : null,
    !me && !close ? h("p", { class: "message__name" }, item.author) : null,
    h("div", { class: "message__row" }, box, gone ? null : actionsOf(item)),
    reactionsNode(item),
    foot,
  );
}

function reactionsNode(item) {
  if (!item.reactions.length) return null;
  return h("div", { class: "reactions" }, ...item.reactions.map((one) => pickerOf(item, one)));
}

function stateNode(name, words, kind = "") {
  return h("span", { class: `message__state ${kind}` }, icon(name), words);
}

function pendingNode(entry) {
  const failed = entry.state === "failed" || entry.state === "refused";
  const state = {
    sending: () => (entry.tries ? stateNode("clock", entry.why || t("waiting_net")) : stateNode("clock", t("sending"))),
    sent: () => stateNode("check", t("sent")),
    held: () => stateNode("clock", t("held")),
    refused: () => stateNode("warn", t("refused"), "message__state--failed"),
    failed: () => stateNode("warn", `${t("failed")}. ${entry.why}`, "message__state--failed"),
  }[entry.state]();
  const box = h("div", { class: "message__box" }, entry.text ? h("p", { class: "message__plain", dir: "auto" }, entry.text) : null);
  if (entry.files.length) box.append(h("ul", { class: "files" }, ...entry.files.map((file) => h("li", { class: "file" }, h("span", { class: "file__body" }, icon("file"), h("span", { class: "file__name" }, file.name))))));
  const buttons = failed
    ? h("span", { class: "message__buttons" },
        entry.state === "failed" ? h("button", { type: "button", class: "link", onclick: () => outbox.again(entry.id) }, t("retry")) : null,
        h("button", { type: "button", class: "link", onclick: () => outbox.drop(entry.id) }, t("discard")))
    : null;
  return h(
    "article",
    { class: `message message--me message--${entry.state}`, "aria-label": t("you"), "data-native": entry.id },
    h("div", { class: "message__row" }, box),
    h("p", { class: "message__foot" }, state, buttons),
    ...(entry.state === "held" ? (entry.cards ?? []).map(cardNode) : []),
  );
}

function fileNode(file) {
  const facts = h("span", { class: "file__size" }, sizeOf(file.size));
  if (file.kind === "image" && file.inline) {
    const size = file.width ? { width: file.width, height: file.height } : {};
    return h("li", { class: "file file--image" },
      h("a", { href: file.url, target: "_blank", rel: "noopener", "aria-label": t("file_open", { name: file.name }) },
        h("img", { src: file.thumb || file.url, alt: file.name, loading: "lazy", ...size })));
  }
  return h("li", { class: "file" },
    h("a", { class: "file__body", href: file.url, download: file.name, target: "_blank", rel: "noopener", "aria-label": t("download", { name: file.name }) },
      icon("file"), h("span", { class: "file__name" }, file.name), facts));
}

function initials(name) {
  const parts = name.trim().split(/\s+/);
  return ((parts[0]?.[0] ?? "?") + (parts.length > 1 ? parts.at(-1)[0] : "")).toUpperCase();
}

export function cardNode(card) {
  const made = h("div", { class: `card card--${card.tone}` });
  if (card.title) made.append(h("h3", {}, card.title));
  if (card.html) made.append(h("div", { class: "prose", html: card.html }));
  if (card.fields.length) made.append(h("dl", {}, ...card.fields.flatMap((one) => [h("dt", {}, one.label), h("dd", { html: one.html })])));
  const buttons = card.buttons.map((one) =>
    one.url
      ? h("a", { class: `button button--${one.style}`, href: one.url, target: "_blank", rel: "noopener" }, one.label)
      : h("button", { type: "button", class: `button button--${one.style}`, onclick: () => dispatchEvent(new CustomEvent("press", { detail: { button: one.id } })) }, one.label));
  const selects = card.selects.map((one) =>
    h("label", { class: "field" }, h("span", {}, one.label),
      h("select", { onchange: (event) => event.target.value && dispatchEvent(new CustomEvent("press", { detail: { button: one.id, choice: event.target.value } })) },
        h("option", { value: "" }, t("choose")), ...one.options.map((option) => h("option", { value: option.value }, option.label)))));
  if (buttons.length || selects.length) made.append(h("div", { class: "card__buttons" }, ...buttons, ...selects));
  return made;
}
