// Makes an element's content equal to new HTML while nodes that stay the same stay the same nodes:
// focus, selection, open menus, scroll and text not yet sent survive. Children are matched by id, else by order.
// Elements with data-keep are left as they are.
const OWN = new Set(["open", "data-ringing", "data-copied"]);

export function morph(element, html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  children(element, template.content);
}

// Changed lines that stand here are made equal; new ones go to the end, unless they stand here too.
export function merge(element, html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  const known = new Map([...element.children].filter((child) => child.id).map((child) => [child.id, child]));
  for (const part of template.content.children) {
    for (const next of [...part.children]) {
      const old = known.get(next.id);
      if (old) node(old, next);
      else if (part.dataset.part === "new") element.append(document.importNode(next, true));
    }
  }
}

function children(parent, wanted) {
  const ids = new Set([...wanted.children].map((child) => child.id).filter(Boolean));
  for (const child of [...parent.children]) if (child.id && !ids.has(child.id)) child.remove();
  const known = new Map([...parent.children].filter((child) => child.id).map((child) => [child.id, child]));
  let cursor = parent.firstChild;
  for (const next of [...wanted.childNodes]) {
    const match = next.id ? known.get(next.id) : undefined;
    if (match) {
      while (cursor && cursor !== match && !cursor.id) cursor = drop(cursor);
      if (cursor === match) cursor = cursor.nextSibling;
      else place(parent, match, cursor);
      node(match, next);
    } else if (!next.id && cursor && !cursor.id && alike(cursor, next)) {
      const here = cursor;
      cursor = cursor.nextSibling;
      node(here, next);
    } else {
      parent.insertBefore(document.importNode(next, true), cursor);
    }
  }
  while (cursor) cursor = drop(cursor);
}

function node(old, next) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== next.nodeValue) old.nodeValue = next.nodeValue;
    return;
  }
  if (old.tagName !== next.tagName) return old.replaceWith(document.importNode(next, true));
  if (old.hasAttribute("data-keep") || old.isEqualNode(next)) return;
  const untouched = isUntouched(old);
  attributes(old, next);
  children(old, next);
  if (untouched) reset(old);
}

function attributes(old, next) {
  for (const { name } of [...old.attributes]) if (!next.hasAttribute(name) && !OWN.has(name)) old.removeAttribute(name);
  for (const { name, value } of next.attributes) if (!OWN.has(name) && old.getAttribute(name) !== value) old.setAttribute(name, value);
}

function isUntouched(field) {
  if (field.type === "checkbox" || field.type === "radio") return field.checked === field.defaultChecked;
  if (field.tagName === "SELECT") return field.value === (field.querySelector("option[selected]") ?? field.options[0])?.value;
  return "defaultValue" in field && field.type !== "file" && field.value === field.defaultValue;
}

function reset(field) {
  if (field.type === "checkbox" || field.type === "radio") field.checked = field.defaultChecked;
  else if (field.tagName === "SELECT") for (const option of field.options) option.selected = option.defaultSelected;
  else if (field.value !== field.defaultValue) field.value = field.defaultValue;
}

const alike = (one, other) => one.nodeType === other.nodeType && one.nodeName === other.nodeName;

const place = (parent, child, before) => (parent.moveBefore ? parent.moveBefore(child, before) : parent.insertBefore(child, before));

function drop(child) {
  const after = child.nextSibling;
  child.remove();
  return after;
}
