// A little Markdown as nodes; nothing is ever put in as HTML.
const PARTS = /\\([\\`*_~|[\]()<>#+\-.:@!])|```(?:\w*\n)?([\s\S]*?)```|`([^`\n]+)`|\*\*([\s\S]+?)\*\*|(?<![\w*])[*_]([^*_\n]+)[*_](?![\w*])|~~([^~]+)~~|\[([^\]\n]+)\]\((https?:\/\/[^\s)]+)\)|(https?:\/\/[^\s<>]+)|<@!?(\d+)>|<#(\d+)>|<@&(\d+)>|<t:(\d+)(?::\w)?>/g;

export function marked(text, world) {
  const box = document.createDocumentFragment();
  let last = 0;
  for (const found of text.matchAll(PARTS)) {
    box.append(text.slice(last, found.index), node(found, world));
    last = found.index + found[0].length;
  }
  box.append(text.slice(last));
  return box;
}

function node(found, world) {
  const [, escaped, block, code, bold, italic, struck, words, link, plain, user, channel, role, time] = found;
  if (escaped) return document.createTextNode(escaped);
  if (block !== undefined) return wrap("pre", block);
  if (code) return wrap("code", code);
  if (bold) return inner("b", bold, world);
  if (italic) return inner("i", italic, world);
  if (struck) return inner("s", struck, world);
  if (link || plain) return anchor(words || plain, link || plain);
  if (user) return mention(`@${nameOf(world.users, user)}`);
  if (channel) return mention(`#${nameOf(world.channels, channel)}`);
  if (role) return mention("@role");
  return mention(new Date(Number(time) * 1000).toLocaleString());
}

function wrap(kind, words) {
  const made = document.createElement(kind);
  made.textContent = words;
  return made;
}

function inner(kind, words, world) {
  const made = document.createElement(kind);
  made.append(marked(words, world));
  return made;
}

export function anchor(words, address) {
  const made = wrap("a", words);
  if (/^https?:/.test(address)) made.href = address;
  made.target = "_blank";
  made.rel = "noreferrer";
  return made;
}

function mention(words) {
  const made = wrap("span", words);
  made.className = "mention";
  return made;
}

function nameOf(things, id) {
  const found = things.find((one) => one.id === id);
  return found?.global_name || found?.username || found?.name || id;
}
