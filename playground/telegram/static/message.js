// One message as a person sees it.

export const EMOJI = ["👍", "👎", "❤", "🔥", "🎉", "😁", "😢", "🙏", "👀", "💯"];

const SERVICE = {
  forum_topic_created: (it) => `Topic “${it.name}” was created`,
  forum_topic_edited: (it) => `Topic is now “${it.name ?? "…"}”`,
  forum_topic_closed: () => "Topic was closed",
  forum_topic_reopened: () => "Topic was reopened",
  new_chat_members: (them) => `${them.map((one) => one.first_name).join(", ")} came`,
  left_chat_member: (one) => `${one.first_name} left`,
  pinned_message: () => "A message was pinned",
  group_chat_created: () => "Group was created",
  supergroup_chat_created: () => "Group was created",
  migrate_to_chat_id: () => "The group became a supergroup",
  migrate_from_chat_id: () => "This was a group before",
};

const SHOWN = {
  location: (it) => `📍 ${it.latitude}, ${it.longitude}`,
  contact: (it) => `👤 ${it.first_name} ${it.last_name ?? ""} ${it.phone_number}`,
  poll: (it) => `📊 ${it.question}\n${it.options.map((one) => `• ${one.text}`).join("\n")}`,
  dice: (it) => `${it.emoji} ${it.value}`,
};

export function drawn(said, me, find, on) {
  const part = document.getElementById("message").content.cloneNode(true);
  const box = part.querySelector("article");
  const service = Object.keys(said.extra).find((key) => key in SERVICE);
  const mine = said.from.id === me;
  box.dataset.id = said.id;
  box.classList.toggle("mine", mine);
  box.classList.toggle("service", Boolean(service));
  head(part, said);
  quoted(part, said, find);
  if (service) part.querySelector(".text").textContent = SERVICE[service](said.extra[service]);
  else content(part, said);
  files(part, said);
  reactions(part, said);
  keyboard(part, said, on);
  actions(part, said, mine, on);
  return part;
}

function head(part, said) {
  part.querySelector(".name").textContent = said.from.name + (said.from.is_bot ? " · bot" : "");
  part.querySelector("time").textContent = new Date(said.date * 1000).toLocaleTimeString();
  const marks = [said.edited && "edited", said.pinned && "pinned", said.forwarded && "forwarded"];
  part.querySelector(".mark").textContent = marks.filter(Boolean).join(", ");
}

function quoted(part, said, find) {
  const answered = said.reply_to && find(said.reply_to);
  if (!answered) return;
  const line = part.querySelector(".quoted");
  line.hidden = false;
  line.textContent = `${answered.from.name}: ${(said.quote || answered.text || "…").slice(0, 120)}`;
}

function content(part, said) {
  const box = part.querySelector(".text");
  box.innerHTML = said.html; // made and escaped by the server
  for (const [kind, value] of Object.entries(said.extra)) {
    const line = document.createElement("div");
    line.textContent = SHOWN[kind] ? SHOWN[kind](value) : `[${kind}]`;
    box.append(line);
  }
}

function files(part, said) {
  for (const file of said.files) part.querySelector(".files").append(fileBox(file));
}

function fileBox(file) {
  const kind = file.mime.split("/")[0];
  if (kind === "image") return Object.assign(new Image(), { src: file.url, alt: file.name });
  if (kind === "audio" || kind === "video") {
    const player = document.createElement(kind);
    return Object.assign(player, { src: file.url, controls: true, title: file.name });
  }
  const link = document.createElement("a");
  return Object.assign(link, { href: file.url, download: file.name, textContent: `${file.name} (${file.size} B)` });
}

function reactions(part, said) {
  const many = {};
  for (const one of said.reactions) many[one.emoji] = (many[one.emoji] ?? 0) + 1;
  for (const [emoji, count] of Object.entries(many)) {
    const shown = document.createElement("span");
    shown.textContent = `${emoji} ${count}`;
    part.querySelector(".reactions").append(shown);
  }
}

function keyboard(part, said, on) {
  for (const row of said.buttons) {
    const line = document.createElement("div");
    for (const one of row) line.append(button(said, one, on));
    part.querySelector(".keyboard").append(line);
  }
}

function button(said, one, on) {
  if (one.url && /^https?:/.test(one.url)) {
    const link = document.createElement("a");
    return Object.assign(link, { href: one.url, target: "_blank", rel: "noopener noreferrer", textContent: `${one.text} ↗` });
  }
  const shown = document.createElement("button");
  shown.type = "button";
  shown.textContent = one.text;
  shown.onclick = () => on("press", said, one.callback_data ?? one.text);
  return shown;
}

function actions(part, said, mine, on) {
  const emoji = part.querySelector(".emoji");
  for (const one of EMOJI) {
    const shown = document.createElement("button");
    Object.assign(shown, { type: "button", textContent: one, onclick: () => on("emoji", said, one) });
    emoji.append(shown);
  }
  for (const one of part.querySelectorAll("[data-do]")) {
    const what = one.dataset.do;
    one.hidden = !mine && (what === "edit" || what === "delete");
    one.onclick = () => (what === "react" ? (emoji.hidden = !emoji.hidden) : on(what, said));
  }
}
