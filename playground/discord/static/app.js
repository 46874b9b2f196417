// The chat page: who you are, where you are, and what is there.
import { call, get, readFiles, say } from "./wire.js";
import { drawMessage } from "./message.js";
import { showForm } from "./form.js";
import { hint, send } from "./commands.js";
import { drawPlaces } from "./places.js";

export const state = { world: null, user: "", channel: "", view: null, reply: null, shown: new Set() };
const $ = (id) => document.getElementById(id);

export async function start() {
  const asked = new URLSearchParams(location.search);
  state.world = await get("world");
  const people = state.world.users.filter((one) => !one.bot);
  const named = people.find((one) => [one.id, one.username, one.global_name].includes(asked.get("user")));
  state.user = (named || people[0])?.id || "";
  state.channel = asked.get("channel") || "";
  for (const one of people) $("who").append(new Option(one.global_name, one.id, false, one.id === state.user));
  await refreshWorld();
  watch(state.world.cursor);
}

export async function refreshWorld() {
  state.world = await get(`world?user=${state.user}`);
  const places = state.world.channels;
  if (!places.some((one) => one.id === state.channel)) state.channel = places[0]?.id || "";
  drawPlaces(state, open);
  await refresh();
}

export async function open(channel) {
  state.channel = channel;
  state.reply = null;
  $("places").classList.remove("open");
  $("menu").setAttribute("aria-expanded", "false");
  drawPlaces(state, open);
  await refresh();
}

export async function refresh() {
  if (!state.channel) return;
  const list = $("messages");
  const low = list.scrollHeight - list.scrollTop - list.clientHeight < 80;
  const view = await get(`channels/${state.channel}?user=${state.user}`).catch(() => null);
  if (!view) return;
  state.view = view;
  const forum = [15, 16].includes(view.channel.type);
  $("title").textContent = nameOf(view.channel);
  $("topic").textContent = view.channel.topic || "";
  $("topic").hidden = !view.channel.topic;
  $("composer").hidden = forum;
  $("newpost").hidden = !forum;
  if (forum) drawTags(view.channel);
  list.replaceChildren(...view.messages.map((one) => drawMessage(one, state, refresh)));
  if (low) list.scrollTop = list.scrollHeight;
  drawReply();
  for (const form of view.forms) if (!state.shown.has(form.interaction)) showForm(form, state, refresh);
}

export function nameOf(channel) {
  if (channel.type === 1) return channel.recipients.map((one) => one.global_name || one.username).join(", ");
  return channel.name;
}

function drawTags(forum) {
  const box = $("posttags");
  if (box.dataset.of === forum.id) return;
  box.dataset.of = forum.id;
  const labels = forum.available_tags.map((tag) => {
    const label = document.createElement("label"), input = document.createElement("input");
    input.type = "checkbox";
    input.value = tag.id;
    label.append(input, ` ${tag.name}`);
    return label;
  });
  box.replaceChildren(box.querySelector("legend"), ...labels);
}

export function drawReply() {
  const box = $("replying");
  box.hidden = !state.reply;
  if (!state.reply) return;
  const stop = document.createElement("button");
  stop.type = "button";
  stop.textContent = "Do not reply";
  stop.onclick = () => { state.reply = null; drawReply(); };
  box.replaceChildren(`Reply to: ${state.reply.content.slice(0, 60)} `, stop);
}

async function watch(cursor) {
  for (;;) {
    try {
      const found = await get(`changes?after=${cursor}&wait=25`);
      cursor = found.cursor;
      const kinds = new Set(found.changes.map((one) => one.kind));
      for (const one of found.changes) if (one.kind === "typing") showTyping(one);
      const wide = ["channel", "guild", "made", "commands"].some((kind) => kinds.has(kind));
      if (found.changes.some((one) => one.kind === "interaction_failed")) say("The app did not answer in time.");
      if (wide) await refreshWorld();
      else if (found.changes.some((one) => one.channel === state.channel)) await refresh();
    } catch {
      await new Promise((done) => setTimeout(done, 1500));
    }
  }
}

let typingEnds;
function showTyping(change) {
  if (change.channel !== state.channel || change.user === state.user) return;
  const who = state.world.users.find((one) => one.id === change.user);
  $("typing").textContent = `${who?.global_name || who?.username || "Someone"} is typing …`;
  clearTimeout(typingEnds);
  typingEnds = setTimeout(() => { $("typing").textContent = ""; }, 8000);
}

$("who").onchange = async (event) => {
  state.user = event.target.value;
  state.shown.clear();
  await refreshWorld();
};
$("menu").onclick = () => {
  const wide = $("places").classList.toggle("open");
  $("menu").setAttribute("aria-expanded", String(wide));
};
$("composer").onsubmit = async (event) => {
  event.preventDefault();
  const text = $("text").value, files = await readFiles($("files"));
  if (!text.trim() && !files.length) return;
  $("text").value = "";
  $("files").value = "";
  $("hints").hidden = true;
  if (!(await send(text, files, state))) $("text").value = text;
  state.reply = null;
  drawReply();
};
$("text").onkeydown = (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  $("composer").requestSubmit();
};
let lastTyped = 0;
$("text").oninput = () => {
  hint($("text"), $("hints"), state);
  if (Date.now() - lastTyped < 8000 || !$("text").value || $("text").value.startsWith("/")) return;
  lastTyped = Date.now();
  call("type", { user: state.user, channel: state.channel });
};
$("newpost").onsubmit = async (event) => {
  event.preventDefault();
  const tags = [...$("posttags").querySelectorAll("input:checked")].map((one) => one.value);
  const made = await call("post", { user: state.user, forum: state.channel, title: $("posttitle").value, text: $("posttext").value, tags });
  if (!made) return;
  $("newpost").reset();
  await refreshWorld();
  await open(made.id);
};
start();
