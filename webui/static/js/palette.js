// Ctrl or Cmd and K: everything one can do here, by typing a part of it.
import { perform } from "./background.js";
import { call, Failed } from "./http.js";
import { rank } from "./fuzzy.js";

export function attach(dialog) {
  const field = dialog.querySelector("[role=combobox]");
  const list = dialog.querySelector("[role=listbox]");
  const none = dialog.querySelector("[role=status]");
  let items = [];
  let shown = [];
  let at = 0;
  let loading;

  const open = async () => {
    if (dialog.open) return;
    field.value = "";
    dialog.showModal();
    field.focus();
    show();
    loading = load(dialog.dataset.paletteUrl, items);
    items = await loading;
    show();
  };
  // Whoever types faster than the list arrives means the list, not what stands there meanwhile.
  const choose = async () => {
    await loading;
    if (dialog.open && shown[at]) run(dialog, shown[at]);
  };
  const show = () => {
    const words = field.value.trim();
    shown = [...numbered(dialog.dataset, words), ...rank(items, words), ...searched(dialog.dataset, words)].slice(0, 40);
    list.replaceChildren(...shown.map(row));
    list.hidden = none.hidden = !shown.length;
    none.hidden = shown.length > 0;
    none.textContent = shown.length ? "" : dialog.dataset.textNone;
    select(0);
  };
  const select = (index) => {
    list.children[at]?.setAttribute("aria-selected", "false");
    at = shown.length ? (index + shown.length) % shown.length : 0;
    const row = list.children[at];
    row?.setAttribute("aria-selected", "true");
    row?.scrollIntoView({ block: "nearest" });
    if (row) field.setAttribute("aria-activedescendant", row.id);
    else field.removeAttribute("aria-activedescendant");
  };

  field.addEventListener("input", show);
  field.addEventListener("keydown", (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by) select(at + by);
    else if (event.key === "Enter") choose();
    else return;
    event.preventDefault();
  });
  list.addEventListener("click", (event) => {
    const row = event.target.closest("[role=option]");
    if (row) run(dialog, shown[[...list.children].indexOf(row)]);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
    event.preventDefault();
    open();
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-open-palette]") || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    open();
  });
}

async function load(url, before) {
  try {
    const page = encodeURIComponent(location.pathname);
    return await (await call(`${url}${url.includes("?") ? "&" : "?"}page=${page}`)).json();
  } catch (error) {
    if (error instanceof Failed) return before;
    throw error;
  }
}

function numbered({ ticketUrl, textTicket }, words) {
  const number = /^#?(\d{1,12})$/.exec(words)?.[1];
  return number ? [{ title: `${textTicket} #${number}`, url: ticketUrl.replace("{number}", number) }] : [];
}

function searched({ searchUrl, textSearch }, words) {
  if (words.length < 2) return [];
  return [{ title: `${textSearch} “${words}”`, url: `${searchUrl}${searchUrl.includes("?") ? "&" : "?"}q=${encodeURIComponent(words)}` }];
}

function row({ title, hint, keys }, index) {
  const element = Object.assign(document.createElement("div"), { className: "palette__item", id: `palette-${index}` });
  element.setAttribute("role", "option");
  element.setAttribute("aria-selected", "false");
  element.append(span("", title), span("palette__hint", hint ?? ""), span("palette__keys", ""));
  for (const key of keys ? [keys].flat() : []) element.lastChild.append(Object.assign(document.createElement("kbd"), { textContent: key }));
  return element;
}

const span = (className, textContent) => Object.assign(document.createElement("span"), { className, textContent });

// A verb is sent in the background where the page can take it in; `click` presses something on the page.
async function run(dialog, { url, method, fields, click }) {
  if (click) {
    dialog.close();
    return reach(document.querySelector(click));
  }
  if ((method ?? "get").toLowerCase() !== "post") return location.assign(url);
  dialog.close();
  try {
    await perform(url, fields ?? {});
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
  }
}

function reach(element) {
  if (!element) return;
  const panel = element.closest("[popover]:not([data-menu])");
  if (panel && !panel.checkVisibility()) panel.showPopover();
  element.closest("details")?.setAttribute("open", "");
  if (element.matches("select, textarea, input:not([type=radio], [type=checkbox])")) element.focus();
  else element.click();
  if (element.dataset.keyFocus) document.querySelector(element.dataset.keyFocus)?.focus();
}
