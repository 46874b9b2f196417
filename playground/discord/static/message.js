// One message: who, what, files, components, reactions, and what one can do with it.
import { call } from "./wire.js";
import { anchor, marked } from "./text.js";
import { drawComponents } from "./components.js";
import { drawReply } from "./app.js";

const SYSTEM = {
  1: "added someone to the thread", 2: "removed someone from the thread", 4: "changed the name to",
  6: "pinned a message", 18: "started a thread:", 21: "started this thread",
};
const QUICK = ["👍", "👀", "✅", "❤️"];

export function drawMessage(message, state, refresh) {
  const box = document.createElement("article");
  if (SYSTEM[message.type]) {
    box.className = "system";
    box.append(span("face", "·"), `${nameOf(message.author)} ${SYSTEM[message.type]} ${message.content}`);
    return box;
  }
  if (message.only_for) box.className = "whisper";
  box.append(span("face", nameOf(message.author).slice(0, 1).toUpperCase()), head(message));
  if (message.referenced_message) box.append(span("quiet", `↰ ${message.referenced_message.content.slice(0, 80)}`));
  const body = span("body", "", "div");
  body.append(message.flags & 128 ? "… is thinking" : marked(message.content, state.world));
  box.append(body);
  const rows = span("rows", "", "div");
  rows.append(...message.attachments.map(drawFile), ...message.embeds.map((one) => drawEmbed(one, state)));
  rows.append(...drawComponents(message, state, refresh));
  box.append(rows, drawReactions(message, state, refresh), tools(message, state, refresh));
  if (message.only_for) box.append(span("quiet", "Only you can see this"));
  return box;
}

function nameOf(user) { return user.global_name || user.username; }

function span(name, words, kind = "span") {
  const made = document.createElement(kind);
  made.className = name;
  made.textContent = words;
  return made;
}

function head(message) {
  const box = span("head", "", "div"), name = document.createElement("b");
  name.textContent = nameOf(message.author);
  box.append(name);
  if (message.author.bot) box.append(span("badge", "app"));
  const time = document.createElement("time");
  time.className = "quiet";
  time.dateTime = message.timestamp;
  time.textContent = new Date(message.timestamp).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  box.append(time);
  if (message.edited_timestamp) box.append(span("quiet", "(edited)"));
  return box;
}

export function drawFile(file) {
  if (!file.content_type?.startsWith("image/") || file.content_type.includes("svg")) {
    return anchor(`${file.filename} (${Math.ceil(file.size / 1024)} KiB)`, file.url);
  }
  const link = anchor("", file.url), image = document.createElement("img");
  image.src = file.url;
  image.alt = file.description || file.filename;
  link.append(image);
  const body = span("body", "", "div");
  body.append(link);
  return body;
}

function drawEmbed(embed, state) {
  const box = span("box", "", "div");
  const title = document.createElement("b");
  title.append(marked(embed.title || "", state.world));
  const text = span("body", "", "div");
  text.append(marked(embed.description || "", state.world));
  box.append(title, text);
  for (const field of embed.fields || []) {
    const line = span("body", "", "div"), name = document.createElement("b");
    name.textContent = `${field.name}: `;
    line.append(name, marked(field.value, state.world));
    box.append(line);
  }
  if (embed.footer) box.append(span("quiet", embed.footer.text));
  return box;
}

function drawReactions(message, state, refresh) {
  const box = span("reactions", "", "div");
  for (const one of message.reactions || []) {
    const made = button(`${one.emoji.name} ${one.count}`, () => toggle(message, key(one.emoji), one.me, state, refresh));
    made.setAttribute("aria-pressed", String(one.me));
    box.append(made);
  }
  return box;
}

function key(emoji) { return emoji.id ? `${emoji.name}:${emoji.id}` : emoji.name; }

async function toggle(message, emoji, mine, state, refresh) {
  await call(mine ? "unreact" : "react", { user: state.user, message: message.id, emoji });
  await refresh();
}

function tools(message, state, refresh) {
  const box = span("tools", "", "div");
  if (message.only_for) {
    box.append(button("Dismiss", async () => { await call("delete", { user: message.author.id, message: message.id }); await refresh(); }));
    return box;
  }
  box.append(...QUICK.map((emoji) => button(emoji, () => toggle(message, emoji, false, state, refresh))));
  box.append(button("Reply", () => { state.reply = message; drawReply(); document.getElementById("text").focus(); }));
  if (message.author.id === state.user) {
    box.append(button("Edit", () => edit(message, state, refresh)));
    box.append(button("Delete", async () => { await call("delete", { user: state.user, message: message.id }); await refresh(); }));
  }
  for (const command of state.world.bots.flatMap(commandsOf(state)).filter((one) => one.type === 3))
    box.append(button(command.name, () => call("use_on_message", { user: state.user, message: message.id, name: command.name })));
  return box;
}

export function commandsOf(state) {
  const guild = state.view?.channel.guild_id;
  return (bot) => [...(guild && bot.commands[guild] || []), ...(bot.commands[""] || [])];
}

async function edit(message, state, refresh) {
  const text = window.prompt("Change the message", message.content);
  if (text === null || text === message.content) return;
  await call("edit", { user: state.user, message: message.id, text });
  await refresh();
}

function button(words, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = words;
  made.onclick = act;
  return made;
}
