// Slash commands: `/desk claim ticket:42 note:some words`, with suggestions.
import { call } from "./wire.js";
import { commandsOf } from "./message.js";

/** Send what was written: a command, or a message. */
export async function send(text, files, state) {
  const found = text.startsWith("/") ? parse(text, state) : null;
  if (!found) {
    const given = { user: state.user, channel: state.channel, text, files };
    return call("say", state.reply ? { ...given, reply_to: state.reply.id } : given);
  }
  for (const option of found.level.options || [])
    if (option.type === 11 && files.length) found.options[option.name] = files.shift();
  return call("command", { user: state.user, channel: state.channel, name: found.path, options: found.options });
}

/** Suggest commands, options and the values that the bot offers. */
let asked = 0;
export async function hint(field, list, state) {
  const text = field.value, number = ++asked;
  const items = text.startsWith("/") ? await suggestions(text, state) : [];
  if (number !== asked) return;
  list.hidden = !items.length;
  list.replaceChildren(...items.slice(0, 25).map((one) => item(one, field, list, state)));
}

function item(one, field, list, state) {
  const row = document.createElement("li"), made = document.createElement("button");
  row.setAttribute("role", "option");
  made.type = "button";
  made.textContent = one.words;
  made.onclick = () => {
    field.value = one.text;
    field.focus();
    hint(field, list, state);
  };
  row.append(made);
  return row;
}

async function suggestions(text, state) {
  const found = parse(text, state);
  if (!found) {
    return paths(state)
      .filter((one) => one.path.startsWith(text.slice(1).trim()))
      .map((one) => ({ words: `/${one.path} – ${one.level.description}`, text: `/${one.path} ` }));
  }
  const last = [...text.matchAll(/(\w[\w-]*):/g)].pop();
  const option = last && found.level.options?.find((one) => one.name === last[1]);
  if (option) {
    const before = text.slice(0, last.index), typed = text.slice(last.index + last[0].length);
    if (option.choices) return values(option.choices, before, option.name);
    if (option.autocomplete) return values(await completed(found, option, typed, state), before, option.name);
  }
  return (found.level.options || [])
    .filter((one) => !(one.name in found.options))
    .map((one) => ({ words: `${one.name}${one.required ? " (required)" : ""}: ${one.description}`, text: `${text.trimEnd()} ${one.name}:` }));
}

async function completed(found, option, typed, state) {
  const { [option.name]: _mine, ...options } = found.options;
  const done = await call("complete", { user: state.user, channel: state.channel, name: found.path, option: option.name, typed: typed.trim(), options, wait: 3 });
  return done?.choices || [];
}

function values(choices, before, name) {
  return choices.map((one) => ({ words: one.name, text: `${before}${name}:${one.value} ` }));
}

function parse(text, state) {
  const words = text.slice(1);
  const known = paths(state).filter((one) => words === one.path || words.startsWith(`${one.path} `));
  const found = known.sort((one, other) => other.path.length - one.path.length)[0];
  if (!found) return null;
  const rest = words.slice(found.path.length), options = {};
  const names = (found.level.options || []).map((one) => one.name);
  const marks = [...rest.matchAll(/(?:^|\s)([\w-]+):/g)].filter((one) => names.includes(one[1]));
  marks.forEach((mark, index) => {
    const end = marks[index + 1]?.index ?? rest.length;
    options[mark[1]] = rest.slice(mark.index + mark[0].length, end).trim();
  });
  const loose = rest.slice(0, marks[0]?.index ?? rest.length).trim();
  if (loose && names.length) options[names[0]] ??= loose;
  return { ...found, options };
}

function paths(state) {
  const down = (level, path) => {
    const subs = (level.options || []).filter((one) => one.type <= 2);
    return subs.length ? subs.flatMap((one) => down(one, `${path} ${one.name}`)) : [{ path, level }];
  };
  return state.world.bots.flatMap(commandsOf(state)).filter((one) => one.type === 1).flatMap((one) => down(one, one.name));
}
