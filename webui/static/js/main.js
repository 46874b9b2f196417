// Loads the behaviours that a page asks for by its data- attributes, now and after each swap.
const BEHAVIOURS = {
  "[data-live-url]": "live",
  "body[data-keys='on']": "keys",
  "[data-again]": "fragment",
  "[data-palette]": "palette",
  "[data-composer]": "composer",
  "[data-hold]": "hold",
  "[data-dialog], [data-dialog-box]": "dialog",
  "[data-menu]": "menu",
  "time[data-time]": "time",
  "[data-copy]": "copy",
  "form[data-autosubmit]": "autosubmit",
  "form[data-bulk]": "bulk",
  "form[data-theme-form]": "theme",
  "[data-toast]": "toast",
  "form[data-confirm]": "confirm",
  "form[data-background]": "background",
  "[data-every]": "every",
  "[data-drawer]": "drawer",
  "[data-totp]": "totp",
  "[data-bell]": "bell",
  ":is(.tabs__item, .nav__scroll .nav__item)[aria-current='page']": "current",
  "[data-quote]": "quote",
  "[data-stick]": "stick",
  "[data-reply-to]": "reply_to",
  "[data-macro-url]": "macro",
  "details[data-articles]": "articles",
  "[data-suggest]": "suggest",
  "[data-earlier]": "earlier",
  "select[data-decides]": "dependent",
  "input[data-people]": "people",
  "form[data-article]": "article",
  "[data-call-room]": "call_room",
  "[data-call-player]": "call_player",
  "[data-call-check]": "call_check",
  "form[data-help-search]": "help_search",
  "[data-help-feedback]": "help_feedback",
  "form[action='/sign-in']": "signed_out",
  "form[action='/sign-out']": "signed_in",
};

const attached = new WeakMap();
const modules = new Map();

function scan(root) {
  const starting = [];
  for (const [selector, name] of Object.entries(BEHAVIOURS)) {
    const found = [...root.querySelectorAll(selector)];
    if (root.matches?.(selector)) found.unshift(root);
    if (found.length) starting.push(start(name, found));
  }
  return Promise.all(starting);
}

async function start(name, elements) {
  const loaded = modules.get(name) ?? (await import(`./${name}.js`));
  modules.set(name, loaded);
  for (const element of elements) {
    const names = attached.get(element) ?? new Set();
    if (names.has(name)) loaded.again?.(element);
    else loaded.attach(element);
    attached.set(element, names.add(name));
  }
}

document.documentElement.classList.add("scripted");
document.addEventListener("deskbell:content", (event) => scan(event.target));
await scan(document.documentElement);
document.documentElement.dataset.ready = "";
