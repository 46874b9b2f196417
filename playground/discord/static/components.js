// Buttons, selects and the boxes around them.
import { call } from "./wire.js";
import { anchor, marked } from "./text.js";

const STYLES = { 1: "primary", 3: "good", 4: "bad" };

export function drawComponents(message, state, refresh) {
  const press = async (part, values) => {
    const given = { user: state.user, message: message.id, custom_id: part.custom_id, wait: 5 };
    await call("press", values ? { ...given, values } : given);
    await refresh();
  };
  return message.components.map((part) => draw(part, state, press));
}

function draw(part, state, press) {
  switch (part.type) {
    case 1: return box("row", part.components.map((one) => draw(one, state, press)));
    case 2: return drawButton(part, press);
    case 3: case 5: case 6: case 7: case 8: return drawSelect(part, state, press);
    case 9: return box("section", [
      box("body", part.components.map((one) => draw(one, state, press))),
      draw(part.accessory, state, press),
    ]);
    case 10: return box("body", [marked(part.content, state.world)]);
    case 11: return image(part);
    case 12: return box("gallery", part.items.map(image));
    case 13: return anchor(part.file.url.split("?")[0].split("/").pop(), part.file.url);
    case 14: return document.createElement("hr");
    case 17: return box("box", part.components.map((one) => draw(one, state, press)));
    default: return box("quiet", [`component of kind ${part.type}`]);
  }
}

function box(name, parts) {
  const made = document.createElement("div");
  made.className = name;
  made.append(...parts);
  return made;
}

function drawButton(part, press) {
  const words = [part.emoji?.name, part.label].filter(Boolean).join(" ");
  if (part.style === 5) return anchor(words, part.url);
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = words;
  made.className = STYLES[part.style] || "";
  made.disabled = Boolean(part.disabled);
  made.onclick = () => press(part);
  return made;
}

/** A select for messages: one value is sent as it is chosen, several by a button. */
function drawSelect(part, state, press) {
  const select = choices(part, state);
  select.disabled = Boolean(part.disabled);
  if (!select.multiple) {
    select.onchange = () => select.value && press(part, [select.value]);
    return select;
  }
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = "Choose";
  made.onclick = () => press(part, [...select.selectedOptions].map((one) => one.value));
  return box("row", [select, made]);
}

export function choices(part, state) {
  const select = document.createElement("select");
  select.multiple = (part.max_values ?? 1) > 1;
  select.setAttribute("aria-label", part.placeholder || part.custom_id);
  if (!select.multiple) select.append(new Option(part.placeholder || "Choose …", ""));
  for (const one of offered(part, state))
    select.append(new Option(one.description ? `${one.label} – ${one.description}` : one.label, one.value, one.default, one.default));
  return select;
}

function offered(part, state) {
  const named = (things) => things.map((one) => ({ label: one.global_name || one.username || one.name, value: one.id }));
  const { users, guilds, channels } = state.world;
  const roles = guilds.flatMap((one) => one.roles);
  switch (part.type) {
    case 5: return named(users);
    case 6: return named(roles);
    case 7: return named([...users, ...roles]);
    case 8: return named(channels.filter((one) => one.name));
    default: return part.options;
  }
}

function image(part) {
  const made = document.createElement("img");
  made.src = part.media.url;
  made.alt = part.description || "";
  return made;
}
