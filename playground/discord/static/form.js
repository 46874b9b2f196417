// A form that a bot has opened.
import { call, readFiles } from "./wire.js";
import { marked } from "./text.js";
import { choices } from "./components.js";

export function showForm(form, state, refresh) {
  const dialog = document.getElementById("dialog"), box = document.getElementById("form");
  if (dialog.open) return;
  state.shown.add(form.interaction);
  const title = document.createElement("h2");
  title.id = "dialogtitle";
  title.textContent = form.title;
  const fields = form.components.map((row) => field(row, state));
  box.replaceChildren(title, ...fields.map((one) => one.node), buttons(dialog));
  box.onsubmit = async (event) => {
    event.preventDefault();
    const values = {}, files = {};
    for (const one of fields) await one.read(values, files);
    const sent = await call("submit", { user: state.user, form: form.interaction, values, files, wait: 5 });
    if (!sent) return;
    dialog.close("sent");
    await refresh();
  };
  dialog.onclose = () => {
    if (dialog.returnValue !== "sent") call("dismiss", { user: state.user, form: form.interaction });
  };
  dialog.returnValue = "";
  dialog.showModal();
}

function field(row, state) {
  if (row.type === 10) {
    const node = document.createElement("div");
    node.append(marked(row.content, state.world));
    return { node, read: () => {} };
  }
  const part = row.type === 18 ? row.component : row.components[0];
  const label = document.createElement("label"), input = control(part, state);
  label.append(row.label || part.label || "");
  if (row.description) {
    const more = document.createElement("span");
    more.className = "quiet";
    more.textContent = row.description;
    label.append(more);
  }
  label.append(input);
  return { node: label, read: (values, files) => read(part, input, values, files) };
}

function control(part, state) {
  if (part.type === 4) return textInput(part);
  const input = document.createElement("input");
  if (part.type === 19) {
    input.type = "file";
    input.multiple = (part.max_values ?? 1) > 1;
    return input;
  }
  if (part.type === 23) {
    input.type = "checkbox";
    input.checked = Boolean(part.default);
    return input;
  }
  const shown = part.type === 22 ? { ...part, max_values: part.max_values ?? part.options.length } : part;
  const select = choices(shown, state);
  select.required = part.required !== false;
  return select;
}

function textInput(part) {
  const input = document.createElement(part.style === 2 ? "textarea" : "input");
  input.value = part.value || "";
  input.placeholder = part.placeholder || "";
  input.required = part.required !== false;
  if (part.min_length) input.minLength = part.min_length;
  input.maxLength = part.max_length || 4000;
  return input;
}

async function read(part, input, values, files) {
  if (part.type === 19) files[part.custom_id] = await readFiles(input);
  else if (part.type === 4) values[part.custom_id] = input.value;
  else if (part.type === 23) values[part.custom_id] = input.checked;
  else values[part.custom_id] = [...input.selectedOptions].map((one) => one.value).filter(Boolean);
}

function buttons(dialog) {
  const row = document.createElement("div"), send = document.createElement("button"), close = document.createElement("button");
  row.className = "bar";
  send.className = "primary";
  send.textContent = "Submit";
  close.type = "button";
  close.textContent = "Cancel";
  close.onclick = () => dialog.close();
  row.append(close, send);
  return row;
}
