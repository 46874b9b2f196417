// Blocks as elements. `act(actionId, blockId, value)` is told what was pressed or chosen.

import { el, names } from "./api.js";
import { markdown, mrkdwn, rich } from "./text.js";

const words = (text) => (text?.type === "mrkdwn" ? mrkdwn(text.text) : [text?.text ?? ""]);
const picture = (one) => el("img", { src: one.image_url ?? "", alt: one.alt_text ?? "", loading: "lazy" });

export function draw(blocks, act) {
  return blocks.map((block) => el("div", { className: "block" }, (DRAWN[block.type] ?? unknown)(block, act)));
}

const unknown = (block) => el("span", { className: "small" }, `[${block.type}]`);

const DRAWN = {
  divider: () => el("hr"),
  header: (block) => el("h4", {}, block.text.text),
  image: (block) => [block.title ? el("span", { className: "small" }, block.title.text) : null, picture(block)],
  markdown: (block) => el("div", { className: "text" }, markdown(block.text)),
  rich_text: (block) => rich(block),
  context: (block) =>
    el("div", { className: "context" }, block.elements.map((one) => (one.type === "image" ? picture(one) : el("span", {}, words(one))))),
  actions: (block, act) => el("div", { className: "actions" }, block.elements.map((one) => control(one, block.block_id, act))),
  section: (block, act) =>
    el(
      "div",
      { className: "section" },
      block.text ? el("div", { className: "text" }, words(block.text)) : null,
      block.fields ? el("div", { className: "fields" }, block.fields.map((one) => el("div", { className: "text" }, words(one)))) : null,
      block.accessory ? (block.accessory.type === "image" ? picture(block.accessory) : control(block.accessory, block.block_id, act)) : null,
    ),
  input: (block, act) => field(block, "", act),
};

function control(one, block, act) {
  if (one.type === "button" || one.type === "workflow_button") {
    const press = () => {
      if (one.confirm && !confirm(`${one.confirm.title?.text ?? ""}\n${one.confirm.text?.text ?? ""}`)) return;
      if (one.url) open(one.url, "_blank", "noopener");
      act(one.action_id, block, null);
    };
    return el("button", { type: "button", className: one.style ?? "", "data-action": one.action_id, onclick: press }, one.text.text);
  }
  const made = chooser(one, block);
  made.setAttribute("aria-label", one.placeholder?.text ?? one.action_id);
  made.addEventListener("change", () => act(one.action_id, block, valueOf(made)));
  return made;
}

// --- inputs of forms

export function field(block, wrong, act) {
  const one = block.element;
  const made = chooser(one, block.block_id);
  const hint = block.hint ? el("span", { className: "small" }, block.hint.text) : null;
  const label = block.label.text + (block.optional ? " (optional)" : "");
  if (block.dispatch_action && act) made.addEventListener("change", () => act(one.action_id, block.block_id, valueOf(made)));
  const complaint = wrong ? el("p", { className: "wrong", role: "alert" }, wrong) : null;
  if (made.dataset.several) return el("fieldset", { className: "field" }, el("legend", {}, label), made, hint, complaint);
  return el("label", { className: "field" }, label, made, hint, complaint);
}

const optionsOf = (one) => [...(one.options ?? []), ...(one.option_groups ?? []).flatMap((group) => group.options)];
const everyone = () => [...names.users].map(([id, name]) => ({ value: id, text: { text: name } }));
const everywhere = () => [...names.channels].map(([id, name]) => ({ value: id, text: { text: `#${name}` } }));

function chooser(one, block) {
  const kind = one.type;
  const mark = { "data-field": one.action_id, "data-block": block, "data-kind": kind };
  const hint = one.placeholder?.text;
  if (kind === "checkboxes" || kind === "radio_buttons") return boxes(one, mark);
  if (kind === "overflow") return select(one, mark, optionsOf(one), [], hint ?? "More…");
  if (kind.endsWith("static_select")) return select(one, mark, optionsOf(one), chosen(one), hint);
  if (kind.endsWith("users_select")) return select(one, mark, everyone(), [one.initial_user], hint);
  if (kind.endsWith("channels_select") || kind.endsWith("conversations_select"))
    return select(one, mark, everywhere(), [one.initial_channel ?? one.initial_conversation], hint);
  if (kind === "plain_text_input" && one.multiline) return el("textarea", { ...mark, rows: "4", placeholder: hint }, one.initial_value ?? "");
  if (kind === "rich_text_input") return el("textarea", { ...mark, rows: "4", placeholder: hint });
  if (kind === "file_input") return el("input", { ...mark, type: "file", multiple: (one.max_files ?? 10) > 1 });
  const types = { datepicker: "date", timepicker: "time", datetimepicker: "datetime-local", number_input: "number", email_text_input: "email", url_text_input: "url" };
  const value = one.initial_value ?? one.initial_date ?? one.initial_time ?? "";
  return el("input", { ...mark, type: types[kind] ?? "text", placeholder: hint, value, step: kind === "number_input" ? "any" : null });
}

const chosen = (one) => [one.initial_option, ...(one.initial_options ?? [])].filter(Boolean).map((option) => option.value);

function select(one, mark, options, initial, hint) {
  const many = one.type.startsWith("multi_");
  const empty = many ? null : el("option", { value: "" }, hint ?? "Choose…");
  const list = options.map((option) => el("option", { value: option.value ?? option.text.text, selected: initial.includes(option.value) }, option.text.text));
  return el("select", { ...mark, multiple: many }, empty, list);
}

function boxes(one, mark) {
  const type = one.type === "checkboxes" ? "checkbox" : "radio";
  const group = `${mark["data-block"]}/${one.action_id}`;
  const list = one.options.map((option) =>
    el("label", {}, el("input", { type, name: group, value: option.value, checked: chosen(one).includes(option.value) }), " ", words(option.text)),
  );
  return el("span", { ...mark, "data-several": "1", className: "actions" }, list);
}

export function valueOf(made) {
  const kind = made.dataset.kind;
  if (kind === "checkboxes") return [...made.querySelectorAll(":checked")].map((one) => one.value);
  if (kind === "radio_buttons") return made.querySelector(":checked")?.value ?? null;
  if (kind?.startsWith("multi_")) return [...made.selectedOptions].map((one) => one.value);
  if (kind === "datetimepicker") return made.value ? Math.floor(new Date(made.value).getTime() / 1000) : null;
  return made.value || null;
}

export function valuesOf(root) {
  const values = {};
  for (const one of root.querySelectorAll("[data-field]")) {
    (values[one.dataset.block] ??= {})[one.dataset.field] = valueOf(one);
  }
  return values;
}
