// The chat page: who one is, which chat and topic, what stands there, and writing into it.

import { act, look, packed, watch } from "./play.js";
import { drawn } from "./message.js";

const at = (id) => document.getElementById(id);
const asked = new URLSearchParams(location.search);
let world, messages = [], replyTo = null, editing = null, drawing = 0;

const me = () => Number(at("person").value);
const chat = () => world.chats.find((one) => one.key === at("chat").value);
const thread = () => (at("topic").value ? Number(at("topic").value) : null);

function options(select, pairs, wanted) {
  const kept = wanted ?? select.value;
  select.replaceChildren(...pairs.map(([value, text]) => new Option(text, value)));
  if (pairs.some(([value]) => String(value) === String(kept))) select.value = kept;
}

async function fresh() {
  world = await look("world");
  const people = world.users.filter((one) => !one.is_bot);
  options(at("person"), people.map((one) => [one.id, one.name]), first("user"));
  chats();
}

function first(name) {
  const wanted = asked.get(name);
  asked.delete(name);
  return wanted ?? undefined;
}

function chats() {
  const mine = world.chats.filter((one) => one.person === me() || one.members.some(isMe));
  options(at("chat"), mine.map((one) => [one.key, one.title]), first("chat"));
  topics();
}

function isMe(member) {
  return member.id === me() && !["left", "kicked"].includes(member.status);
}

function topics() {
  const here = chat();
  at("topic-label").hidden = at("new-topic").hidden = !here?.has_topics;
  const general = here?.forum ? here.general.name : "No topic";
  const list = (here?.topics ?? []).map((one) => [one.id, one.name + (one.closed ? " (closed)" : "")]);
  options(at("topic"), [["", general], ...list], first("topic"));
  at("block").hidden = !here?.bot;
  at("block").textContent = isBlocked() ? "Unblock bot" : "Block bot";
  return draw();
}

function isBlocked() {
  const bot = world.users.find((one) => one.id === chat()?.bot);
  return Boolean(bot?.blocked_by.includes(me()));
}

async function draw() {
  const turn = ++drawing;
  if (!chat()) return at("messages").replaceChildren();
  const found = await look(`chats/${encodeURIComponent(chat().key)}/messages?limit=300&thread=${thread() ?? "none"}`);
  if (turn !== drawing) return;
  messages = found;
  const find = (id) => messages.find((one) => one.id === id);
  const list = at("messages");
  const low = list.scrollHeight - list.scrollTop - list.clientHeight < 80;
  list.replaceChildren(...messages.map((one) => drawn(one, me(), find, on)));
  if (low || !list.dataset.drawn) list.scrollTop = list.scrollHeight;
  list.dataset.drawn = "yes";
  choices();
}

function choices() {
  const last = messages.findLast((one) => one.keyboard);
  const rows = last?.keyboard.keyboard ?? [];
  at("choices").replaceChildren(...rows.map((row) => {
    const line = Object.assign(document.createElement("div"), { className: "choices-row" });
    line.append(...row.map((one) => {
      const text = one.text ?? one;
      return Object.assign(document.createElement("button"), { type: "button", textContent: text, onclick: () => say(text) });
    }));
    return line;
  }));
}

const place = () => ({ user: me(), chat: chat().key });

const DO = {
  reply: (said) => answer(said),
  edit: (said) => { editing = said; at("text").value = said.text; show(`Editing: ${said.text}`); },
  delete: (said) => act("delete", { ...place(), message: said.id }),
  emoji: (said, emoji) => {
    const had = said.reactions.some((one) => one.by === me() && one.emoji === emoji);
    return act("react", { ...place(), message: said.id, emoji: had ? null : emoji });
  },
  press: async (said, button) => {
    const { answer: told } = await act("press", { ...place(), message: said.id, button, wait: 10 });
    if (told?.text) told.show_alert ? notice(told.text) : sign(told.text);
    if (told?.url) sign(told.url);
  },
};

async function on(what, said, more) {
  try {
    await DO[what](said, more);
  } catch (wrong) {
    notice(wrong.message);
  }
}

function answer(said) {
  replyTo = said;
  show(`Reply to ${said.from.name}: ${said.text.slice(0, 60)}`);
}

function show(text) {
  at("reply").hidden = !text;
  at("reply").firstElementChild.textContent = text;
  at("text").focus();
}

function forget() {
  replyTo = editing = null;
  at("reply").hidden = true;
}

const OTHER = {
  location: () => ({ location: [52.52, 13.405] }),
  contact: () => ({ contact: { first_name: "Sam", last_name: "Bell", phone_number: "+15550100" } }),
  poll: () => ({ poll: ["Which day suits you?", ["Monday", "Friday"]] }),
  dice: () => ({ extra: { dice: { emoji: "🎲", value: 1 + Math.floor(Math.random() * 6) } } }),
  sticker: () => ({ files: [{ kind: "sticker", name: "sticker.webp", mime: "image/webp", base64: STICKER }] }),
  voice: () => ({ files: [{ kind: "voice", name: "voice.ogg", mime: "audio/ogg", base64: btoa("OggS" + "\0".repeat(60)) }] }),
  strange: () => ({ extra: { hologram: { size: 3 } } }),
};
const STICKER = "UklGRh4AAABXRUJQVlA4TBEAAAAvB8ABAAdQ2uoXpf+BiOh/AAA=";

async function other() {
  const kind = at("other").value;
  at("other").value = "";
  if (kind) await say("", [], OTHER[kind]());
}

async function say(text, files = [], content = {}) {
  const more = { ...content, ...(replyTo ? { reply_to: replyTo.id } : {}) };
  if (thread() !== null) more.thread = thread();
  try {
    if (editing) await act("edit", { ...place(), message: editing.id, text, typed: true });
    else await act("say", { ...place(), text, typed: true, files, ...more });
    forget();
    return true;
  } catch (wrong) {
    notice(wrong.message);
    return false;
  }
}

async function send(event) {
  event?.preventDefault();
  const text = at("text").value.trim();
  const files = await Promise.all([...at("files").files].slice(0, 10).map(packed));
  if (!text && !files.length) return;
  if (!(await say(text, files))) return;
  at("text").value = at("files").value = at("picked").textContent = "";
}

function notice(text) {
  at("notice").querySelector("p").textContent = text;
  at("notice").showModal();
}

function sign(text) {
  at("sign").textContent = text;
  clearTimeout(sign.timer);
  sign.timer = setTimeout(() => (at("sign").textContent = ""), 5000);
}

function commands() {
  const list = at("command-list");
  list.hidden = !list.hidden;
  const here = chat();
  const bots = world.users.filter((one) => one.is_bot && (one.id === here.bot || here.members.some((m) => m.id === one.id)));
  list.replaceChildren(...bots.flatMap((bot) => bot.commands).map((one) => {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: `/${one.command}: ${one.description}` });
    button.onclick = () => { at("text").value = `/${one.command} `; list.hidden = true; at("text").focus(); };
    const item = document.createElement("li");
    item.append(button);
    return item;
  }));
}

function told(change) {
  if (["user", "bot", "chat", "member", "topic", "blocked", "unblocked"].includes(change.what)) return soon(fresh);
  if (change.chat !== at("chat").value) return undefined;
  if (change.what === "action" && (change.thread ?? null) === thread()) return sign(`${change.action}…`);
  return soon(draw);
}

function soon(what) {
  if (what === fresh) soon.wanted = fresh;
  soon.wanted ??= what;
  soon.timer ??= setTimeout(() => {
    const wanted = soon.wanted;
    soon.timer = soon.wanted = undefined;
    wanted();
  }, 50);
}

async function newTopic() {
  const name = prompt("Name of the topic");
  if (!name) return;
  try {
    await act("topics", { ...place(), name });
    await fresh();
  } catch (wrong) {
    notice(wrong.message);
  }
}

at("person").onchange = chats;
at("chat").onchange = () => { forget(); topics(); };
at("topic").onchange = () => { forget(); draw(); };
at("write").onsubmit = send;
at("text").onkeydown = (event) => { if (event.key === "Enter" && !event.shiftKey && !event.isComposing) send(event); };
at("files").onchange = () => { at("picked").textContent = [...at("files").files].map((one) => one.name).join(", "); };
at("reply").lastElementChild.onclick = forget;
at("commands").onclick = commands;
at("other").onchange = other;
at("new-topic").onclick = newTopic;
at("block").onclick = () => act(isBlocked() ? "unblock" : "block", { user: me(), bot: chat().bot }).catch((wrong) => notice(wrong.message));

await fresh();
watch(world.changed, told);
