// The list of channels, forum posts, threads and direct messages.
import { call } from "./wire.js";
import { nameOf } from "./app.js";

export function drawPlaces(state, open) {
  const nav = document.getElementById("places");
  const { channels, guilds, bots } = state.world;
  const items = [];
  for (const guild of guilds) {
    items.push(heading(guild.name));
    const mine = channels.filter((one) => one.guild_id === guild.id);
    for (const one of mine.filter((each) => !each.thread_metadata)) {
      items.push(link(one, state, open, [15, 16].includes(one.type) ? "▤" : "#"));
      for (const thread of mine.filter((each) => each.thread_metadata && each.parent_id === one.id))
        items.push(link(thread, state, open, "↳"));
    }
  }
  items.push(heading("Direct messages"));
  for (const bot of bots) {
    const known = channels.find((one) => one.type === 1 && one.recipients.some((who) => who.id === bot.id));
    items.push(known ? link(known, state, open, "@") : start(bot, state, open));
  }
  nav.replaceChildren(...items);
}

function heading(words) {
  const made = document.createElement("h2");
  made.textContent = words;
  return made;
}

function link(channel, state, open, sign) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = `${sign} ${nameOf(channel)}${channel.type === 12 ? " (private)" : ""}`;
  if (channel.thread_metadata) made.className = "thread";
  if (channel.thread_metadata?.archived) made.classList.add("archived");
  if (channel.id === state.channel) made.setAttribute("aria-current", "page");
  made.onclick = () => open(channel.id);
  return made;
}

function start(bot, state, open) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = `@ ${bot.name}`;
  made.onclick = async () => {
    const channel = await call("dm", { user: state.user, bot: bot.id });
    if (channel) await open(channel.id);
  };
  return made;
}
