// mrkdwn, CommonMark (roughly) and rich_text, drawn as elements. Nothing is ever parsed as HTML.

import { el, face, names } from "./api.js";

const plain = (text) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

export function link(url, label) {
  if (!/^(https?|mailto):/.test(url)) return document.createTextNode(label || url);
  return el("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, label || url);
}

const at = (id) => el("span", { className: "at" }, `@${names.users.get(id) ?? id}`);
const room = (id) => el("span", { className: "at" }, `#${names.channels.get(id) ?? id}`);

function angle(inner) {
  const [address, label] = inner.split("|");
  if (address.startsWith("@")) return at(address.slice(1));
  if (address.startsWith("#")) return room(address.slice(1));
  if (address.startsWith("!date^")) return document.createTextNode(plain(label ?? ""));
  if (address.startsWith("!")) return el("span", { className: "at" }, `@${label ?? address.slice(1)}`);
  return link(plain(address), label && plain(label));
}

const MARKS = new RegExp(
  "```(?<pre>[\\s\\S]+?)```|`(?<code>[^`\\n]+)`|<(?<angle>[^<>\\n]+)>|:(?<emoji>[a-z0-9_+-]+):" +
    "|(?<![\\w*])\\*(?<b>[^\\s*](?:[^*\\n]*[^\\s*])?)\\*(?![\\w*])|(?<!\\w)_(?<i>[^\\s_](?:[^_\\n]*[^\\s_])?)_(?!\\w)" +
    "|(?<![\\w~])~(?<s>[^\\s~](?:[^~\\n]*[^\\s~])?)~(?![\\w~])",
  "g",
);

export function mrkdwn(text) {
  const parts = [];
  let done = 0;
  for (const found of text.matchAll(MARKS)) {
    parts.push(plain(text.slice(done, found.index)));
    done = found.index + found[0].length;
    const kind = Object.keys(found.groups).find((key) => found.groups[key] !== undefined);
    const inner = found.groups[kind];
    if (kind === "pre") parts.push(el("pre", {}, el("code", {}, plain(inner))));
    else if (kind === "code") parts.push(el("code", {}, plain(inner)));
    else if (kind === "angle") parts.push(angle(inner));
    else if (kind === "emoji") parts.push(face(inner));
    else parts.push(el(kind, {}, mrkdwn(inner)));
  }
  parts.push(plain(text.slice(done)));
  return parts.flat();
}

// CommonMark as far as a chat needs it: turned into mrkdwn line by line.
export function markdown(text) {
  const turned = text
    .split(/(```[\s\S]*?```|`[^`\n]+`)/)
    .map((part, place) => (place % 2 ? part.replace(/^```\w*\n/, "```") : turn(part)))
    .join("");
  return mrkdwn(turned);
}

function turn(text) {
  return text
    .replaceAll("&", "&amp;").replaceAll("<", "&lt;")
    .replace(/\[([^\]\n]+)\]\(([^)\s]+)\)/g, "<$2|$1>")
    .replace(/(?<!\*)\*([^\s*][^*\n]*)\*(?!\*)/g, "_$1_")
    .replace(/\*\*([^\n]+?)\*\*/g, "*$1*")
    .replace(/~~([^\n]+?)~~/g, "~$1~")
    .replace(/^#{1,6} (.+)$/gm, "*$1*")
    .replace(/^[-*] /gm, "• ")
    .replace(/\\([\\`*_{}[\]()#+.!~>-])/g, "$1");
}

const STYLES = { bold: "b", italic: "i", strike: "s", code: "code" };

function piece(one) {
  const drawn = {
    text: () => document.createTextNode(one.text),
    link: () => link(one.url, one.text),
    emoji: () => document.createTextNode(face(one.name)),
    user: () => at(one.user_id),
    channel: () => room(one.channel_id),
    broadcast: () => el("span", { className: "at" }, `@${one.range}`),
    usergroup: () => el("span", { className: "at" }, `@${one.usergroup_id}`),
    date: () => document.createTextNode(one.fallback ?? new Date(one.timestamp * 1000).toLocaleString()),
    color: () => document.createTextNode(one.value),
  }[one.type];
  const made = drawn ? drawn() : document.createTextNode("");
  return Object.entries(STYLES).reduce((inner, [style, tag]) => (one.style?.[style] ? el(tag, {}, inner) : inner), made);
}

export function rich(block) {
  return block.elements.map((part) => {
    const inside = (part.elements ?? []).map((one) => (part.type === "rich_text_list" ? one : piece(one)));
    if (part.type === "rich_text_preformatted") return el("pre", {}, el("code", {}, inside));
    if (part.type === "rich_text_quote") return el("blockquote", {}, inside);
    if (part.type === "rich_text_list") {
      const items = inside.map((one) => el("li", {}, one.elements.map(piece)));
      return el(part.style === "ordered" ? "ol" : "ul", {}, items);
    }
    return el("p", { className: "text" }, inside);
  });
}
