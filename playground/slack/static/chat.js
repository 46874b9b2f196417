// The page: who I am, where I am, what is said there.

import { ask, el, face, names, notice, packed } from "./api.js";
import { draw } from "./blocks.js";
import { showForm } from "./forms.js";
import { mrkdwn } from "./text.js";

const at = (id) => document.getElementById(id);
const wanted = new URLSearchParams(location.search);
const now = { user: "", place: "", thread: "", state: null };
const unread = new Set();
let drafted = 0;

// --- the frame

async function begin() {
  now.state = await ask("state");
  names.users = new Map(now.state.users.map((one) => [one.id, one.shown]));
  names.channels = new Map(now.state.channels.filter((one) => one.name).map((one) => [one.id, one.name]));
  const people = now.state.users.filter((one) => !one.is_bot && !one.deleted);
  now.user ||= find(people, wanted.get("user"), (one) => [one.id, one.name])?.id ?? people[0]?.id;
  at("person").replaceChildren(...people.map((one) => el("option", { value: one.id, selected: one.id === now.user }, `${one.shown} (${team(one)})`)));
  const mine = places();
  if (!mine.some((one) => one.id === now.place)) {
    now.place = find(mine, wanted.get("channel"), (one) => [one.id, one.name, one.label])?.id ?? mine[0]?.id ?? "";
  }
  drawPlaces(mine);
  drawShortcuts();
}

const find = (list, key, keys) => (key ? list.find((one) => keys(one).includes(key)) : undefined);
const team = (user) => now.state.workspaces.find((one) => one.id === user.team_id)?.name ?? "";
const me = () => now.state.users.find((one) => one.id === now.user);
const home = () => now.state.workspaces.find((one) => one.id === me()?.team_id);

function places() {
  const own = now.state.channels.filter((one) => one.members.includes(now.user) && !one.archived);
  const rows = own.map((one) => ({ id: one.id, name: one.name, kind: one.kind, label: label(one) }));
  if (home()?.installed) rows.unshift({ id: "home", name: "home", kind: "app", label: `${now.state.app.name}: home` });
  return rows.sort((one, two) => order(one) - order(two));
}

const order = (one) => ({ channel: 0, group: 0, im: 2, mpim: 2, app: 3 })[one.kind];

function label(channel) {
  if (channel.kind === "im" || channel.kind === "mpim") {
    return channel.members.filter((one) => one !== now.user).map((one) => names.users.get(one)).join(", ") || "Myself";
  }
  return `${channel.kind === "group" ? "🔒" : "#"} ${channel.name}${channel.is_ext_shared ? " ⇄" : ""}`;
}

function drawPlaces(mine) {
  const head = { 0: "Channels", 2: "Direct messages", 3: "App" };
  let last = -1;
  at("places").replaceChildren(
    ...mine.flatMap((one) => {
      const title = order(one) === last ? [] : [el("h3", {}, head[order(one)])];
      last = order(one);
      const marks = { "aria-current": one.id === now.place ? "page" : null, className: unread.has(one.id) ? "unread" : "" };
      return [...title, el("button", { type: "button", ...marks, onclick: () => go(one.id) }, one.label)];
    }),
  );
  at("place").replaceChildren(...mine.map((one) => el("option", { value: one.id, selected: one.id === now.place }, (unread.has(one.id) ? "• " : "") + one.label)));
}

function drawShortcuts() {
  const list = now.state.app.shortcuts.filter((one) => one.type === "global");
  at("shortcuts").hidden = !list.length;
  at("shortcuts").replaceChildren(el("option", { value: "" }, "Shortcuts…"), ...list.map((one) => el("option", { value: one.callback_id }, one.name)));
}

async function go(place) {
  now.place = place;
  now.thread = "";
  unread.delete(place);
  drawPlaces(places());
  if (place === "home") await ask("open_home", { user: now.user });
  await draws();
}

// --- what is said

async function draws() {
  const isHome = now.place === "home";
  at("home").hidden = !isHome;
  at("messages").hidden = at("composer").hidden = isHome;
  at("title").textContent = places().find((one) => one.id === now.place)?.label ?? "";
  at("thread").hidden = !now.thread;
  await Promise.all([isHome ? drawHome() : drawList("messages", "channel"), now.thread ? drawList("replies", "thread") : null, showForm(now.user)]);
}

async function drawHome() {
  const { view } = await ask("home", { user: now.user });
  const act = press({ view_id: "home" });
  at("home").replaceChildren(...(view ? draw(view.blocks, act) : [el("p", { className: "small" }, "Nothing here yet.")]));
}

async function drawList(id, verb) {
  const given = { channel: now.place, user: now.user, ...(verb === "thread" ? { ts: now.thread } : {}) };
  const answer = await ask(verb, given);
  if (!answer.ok) return notice(answer.error);
  const all = [...answer.messages, ...answer.ephemerals].sort((one, two) => (one.ts < two.ts ? -1 : 1));
  const list = at(id);
  if (list.contains(document.activeElement) && document.activeElement.tagName === "SELECT") return undefined;
  const isLow = list.scrollHeight - list.scrollTop - list.clientHeight < 80 || !list.childElementCount;
  list.replaceChildren(...all.filter((one) => !one.hidden || one.subtype === "tombstone").map((one) => row(one, verb)));
  if (isLow) list.scrollTop = list.scrollHeight;
  return undefined;
}

function row(message, verb) {
  const sender = message.is_ephemeral ? now.state.app.name : message.by || message.username || "Somebody";
  const picture = message.icons?.image_48 ?? `/avatar/${message.is_ephemeral ? home()?.bot_user : (message.user ?? message.bot_id ?? "app")}.svg`;
  const time = new Date(Number(message.ts) * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const act = press({ channel: now.place, ts: message.ts });
  const body = el(
    "div",
    { className: "body" },
    el("span", { className: "who" }, sender),
    message.bot_id || message.is_ephemeral ? el("span", { className: "badge" }, "APP") : null,
    el("span", { className: "when" }, time),
    message.is_ephemeral ? el("span", { className: "small" }, "Only you can see this") : null,
    message.blocks?.length ? draw(message.blocks, act) : el("p", { className: "text" }, mrkdwn(message.text)),
    message.edited ? el("span", { className: "small" }, "(edited)") : null,
    files(message),
    reactions(message),
    verb === "channel" && message.reply_count ? threadLink(message) : null,
  );
  const mark = { className: message.is_ephemeral ? "message whisper" : "message", "data-ts": message.ts };
  return el("li", mark, el("img", { src: picture, alt: "" }), body, message.is_ephemeral ? null : tools(message));
}

const threadLink = (message) =>
  el("button", { type: "button", className: "quiet", onclick: () => openThread(message.ts) }, `${message.reply_count} ${message.reply_count === 1 ? "reply" : "replies"}`);

function files(message) {
  const list = (message.files ?? []).map((one) => {
    const address = `/_play/files/${one.id}`;
    const isPicture = /^image\/(png|jpeg|gif|webp)$/.test(one.mimetype);
    return el("a", { href: address, target: "_blank" }, isPicture ? el("img", { src: address, alt: one.title }) : `📎 ${one.name} (${one.size} B)`);
  });
  return list.length ? el("div", { className: "files" }, list) : null;
}

function reactions(message) {
  const list = (message.reactions ?? []).map((one) => {
    const mine = one.users.includes(now.user);
    const who = one.users.map((user) => names.users.get(user)).join(", ");
    return el("button", { type: "button", "aria-pressed": String(mine), title: who, onclick: () => react(message, one.name, mine) }, `${face(one.name)} ${one.count}`);
  });
  return list.length ? el("div", { className: "reactions" }, list) : null;
}

function tools(message) {
  const shortcuts = now.state.app.shortcuts.filter((one) => one.type === "message");
  const more = el("select", { "aria-label": "More" }, el("option", { value: "" }, "More…"), shortcuts.map((one) => el("option", { value: one.callback_id }, one.name)));
  more.addEventListener("change", () => {
    told(ask("message_shortcut", { user: now.user, channel: now.place, ts: message.ts, callback_id: more.value }));
    more.value = "";
  });
  const quick = ["+1", "eyes", "white_check_mark"].map((name) =>
    el("button", { type: "button", "aria-label": `React ${name}`, onclick: () => react(message, name, false) }, face(name)),
  );
  const own = message.user === now.user && !message.bot_id;
  return el(
    "div",
    { className: "tools" },
    quick,
    el("button", { type: "button", onclick: () => openThread(message.thread_ts ?? message.ts) }, "Reply"),
    own ? el("button", { type: "button", onclick: () => edit(message) }, "Edit") : null,
    own ? el("button", { type: "button", onclick: () => told(ask("delete", { user: now.user, channel: now.place, ts: message.ts })) }, "Delete") : null,
    shortcuts.length ? more : null,
  );
}

// --- what I do

const press = (where) => (action, block, value) => told(ask("click", { user: now.user, action_id: action, block_id: block, value, ...where }));

async function told(asked) {
  const answer = await asked;
  if (!answer.ok) notice(answer.error);
  await draws();
}

const react = (message, name, mine) => told(ask(mine ? "unreact" : "react", { user: now.user, channel: now.place, ts: message.ts, name }));

function openThread(ts) {
  now.thread = ts;
  at("replies").replaceChildren();
  return draws().then(() => at("answer").querySelector("textarea").focus());
}

function edit(message) {
  const text = prompt("Edit your message", message.text.replace(/<(https?:[^|>]+)(\|[^>]*)?>/g, "$1").replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&"));
  return text && told(ask("edit", { user: now.user, channel: now.place, ts: message.ts, text }));
}

function composer(id, thread) {
  const form = at(id);
  const words = form.querySelector("textarea");
  const picker = form.querySelector("input[type=file]");
  picker.addEventListener("change", () => form.querySelector(".attach").classList.toggle("full", picker.files.length > 0));
  words.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = words.value.trim();
    const attached = await Promise.all([...picker.files].map(packed));
    if (!text && !attached.length) return;
    words.value = picker.value = "";
    form.querySelector(".attach").classList.remove("full");
    const given = { user: now.user, channel: now.place, text, thread: thread() };
    await told(/^\/(?!\/)/.test(text) && !attached.length ? ask("command", given) : ask("say", { ...given, files: attached }));
  });
}

// --- life

async function listen(seq) {
  for (;;) {
    try {
      const answer = await ask("changes", { after: seq, timeout: 25 });
      if (answer.changes.length) await changed(answer.changes);
      seq = answer.seq;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }
}

async function changed(changes) {
  const elsewhere = changes.filter((one) => one.kind === "message" && one.channel !== now.place);
  for (const one of elsewhere) unread.add(one.channel);
  if (elsewhere.length || changes.some((one) => ["channel", "user", "workspace", "app"].includes(one.kind))) await begin();
  clearTimeout(drafted);
  drafted = setTimeout(draws, 30);
}

at("person").addEventListener("change", async (event) => {
  now.user = event.target.value;
  now.thread = now.place = "";
  unread.clear();
  await begin();
  await draws();
});
at("place").addEventListener("change", (event) => go(event.target.value));
at("shortcuts").addEventListener("change", (event) => {
  told(ask("global_shortcut", { user: now.user, callback_id: event.target.value }));
  event.target.value = "";
});
at("leave").addEventListener("click", () => {
  now.thread = "";
  draws();
});
composer("composer", () => "");
composer("answer", () => now.thread);
await begin();
await go(now.place);
listen(now.state.seq);
