// The chat on a site of yours: one script tag makes a bell in the corner that opens it.
//   <script src="https://desk.example/chat/webchat/widget.js" async
//           data-language="de" data-accent="#0c7a6d" data-position="left" data-token="…"></script>
// From scripts: Deskbell.open(), Deskbell.close(), Deskbell.identify(token).
(() => {
  "use strict";
  const script = document.currentScript;
  if (!script || window.Deskbell) return;
  const base = new URL("./", script.src);
  const set = script.dataset;
  const left = set.position === "left";
  const german = (set.language || navigator.language || "en").toLowerCase().startsWith("de");
  const words = german
    ? { open: "Chat öffnen", close: "Chat schließen", frame: "Chat", unread: "ungelesen" }
    : { open: "Open the chat", close: "Close the chat", frame: "Chat", unread: "unread" };
  const accent = /^#[0-9a-f]{6}$/i.test(set.accent || "") ? set.accent : "";
  const small = matchMedia("(max-width: 480px)");

  const KEPT = "deskbell-visitor";
  let token = set.token || "";
  let frame = null;
  let ready = false;
  let isOpen = false;

  const host = document.createElement("div");
  const root = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`
    :host { all: initial; position: fixed; inset-block-end: max(20px, env(safe-area-inset-bottom)); inset-inline-${left ? "start" : "end"}: max(20px, env(safe-area-inset-right)); z-index: 2147483000; color-scheme: light dark; font: 600 13px/1 system-ui, sans-serif; --accent: ${accent || "#0c7a6d"}; }
    button { all: unset; box-sizing: border-box; position: relative; display: grid; place-items: center; width: 60px; height: 60px; border-radius: 50%; cursor: pointer; background: var(--accent); box-shadow: 0 2px 6px rgb(0 0 0 / .18), 0 10px 28px rgb(0 0 0 / .22); transition: transform .16s ease, box-shadow .16s ease; }
    button:hover { transform: translateY(-2px); box-shadow: 0 4px 8px rgb(0 0 0 / .2), 0 14px 34px rgb(0 0 0 / .26); }
    button:focus-visible { outline: 3px solid #fff; box-shadow: 0 0 0 6px #111; }
    svg { width: 32px; height: 32px; transform-origin: 50% 20%; }
    .x { display: none; }
    :host([data-open]) .bell { display: none; }
    :host([data-open]) .x { display: block; }
    :host([data-rings]) .bell { animation: ring .9s ease; }
    @keyframes ring { 0%, 100% { rotate: 0deg; } 15% { rotate: 16deg; } 35% { rotate: -13deg; } 55% { rotate: 9deg; } 75% { rotate: -5deg; } }
    .count { position: absolute; top: -3px; inset-inline-end: -3px; min-width: 22px; height: 22px; box-sizing: border-box; padding: 0 6px; border-radius: 11px; display: grid; place-items: center; background: #b3261e; color: #fff; border: 2px solid #fff; }
    .count[hidden] { display: none; }
    .frame { position: absolute; inset-block-end: 76px; inset-inline-${left ? "start" : "end"}: 0; width: min(400px, calc(100vw - 40px)); height: min(660px, calc(100dvh - 120px)); border-radius: 16px; overflow: hidden; box-shadow: 0 3px 10px rgb(0 0 0 / .12), 0 20px 60px rgb(0 0 0 / .28); visibility: hidden; opacity: 0; transform: translateY(10px); transition: opacity .18s ease, transform .18s ease, visibility .18s; }
    :host([data-open]) .frame { visibility: visible; opacity: 1; transform: none; }
    iframe { display: block; width: 100%; height: 100%; border: 0; color-scheme: normal; }
    @media (max-width: 480px) { .frame { position: fixed; inset: 0; width: 100vw; height: 100dvh; border-radius: 0; } :host([data-open][data-ready]) button { display: none; } }
    @media (prefers-reduced-motion: reduce) { * { transition: none !important; animation: none !important; } }
    @media print { :host { display: none; } }
  `);
  root.adoptedStyleSheets = [sheet];

  const button = document.createElement("button");
  button.type = "button";
  button.innerHTML =
    '<svg class="bell" viewBox="0 0 28 28" aria-hidden="true"><g fill="#fff"><rect x="12.5" y="4" width="3" height="5" rx="1.5"/><rect x="10" y="2.8" width="8" height="2.8" rx="1.4"/><rect x="2" y="21.3" width="24" height="3.6" rx="1.8"/></g><path d="M3.5 20C3.5 13 8 8.4 14 8.4S24.5 13 24.5 20Z" fill="#f3c04b"/></svg>' +
    '<svg class="x" viewBox="0 0 24 24" aria-hidden="true"><path d="m6 9.500 6 6 6-6" fill="none" stroke="#fff" stroke-width="2.200" stroke-linecap="round" stroke-linejoin="round"/></svg>';
  const badge = document.createElement("span");
  badge.className = "count";
  badge.hidden = true;
  button.append(badge);
  const holder = document.createElement("div");
  holder.className = "frame";
  root.append(holder, button);
  label(0);

  function make() {
    if (frame) return;
    const address = new URL(base);
    address.searchParams.set("framed", "1");
    if (set.language) address.searchParams.set("lang", set.language);
    if (accent) address.searchParams.set("accent", accent.slice(1));
    frame = document.createElement("iframe");
    frame.title = words.frame;
    frame.src = address;
    frame.allow = "clipboard-write";
    holder.append(frame);
  }

  function tell(what) {
    if (ready) frame.contentWindow.postMessage({ deskbell: what }, base.origin);
  }

  function open() {
    make();
    isOpen = true;
    host.setAttribute("data-open", "");
    if (small.matches) document.documentElement.style.overflow = "hidden";
    save("deskbell-used", "1");
    button.setAttribute("aria-expanded", "true");
    label(0);
    tell({ open: true });
    frame.focus();
  }

  function close() {
    isOpen = false;
    host.removeAttribute("data-open");
    document.documentElement.style.removeProperty("overflow");
    button.setAttribute("aria-expanded", "false");
    label(0);
    tell({ open: false });
    if (!ready) forget();
    button.focus();
  }

  // What did not come, such as from a desk that is down, is tried again when it is opened again.
  function forget() {
    frame.remove();
    frame = null;
  }

  function label(unread) {
    const name = isOpen ? words.close : words.open;
    button.setAttribute("aria-label", unread ? `${name} (${unread} ${words.unread})` : name);
    badge.textContent = unread > 99 ? "99+" : String(unread);
    const rings = unread > 0 && badge.hidden;
    badge.hidden = unread === 0 || isOpen;
    if (rings && !isOpen) {
      host.setAttribute("data-rings", "");
      setTimeout(() => host.removeAttribute("data-rings"), 1000);
    }
  }

  function save(name, value) {
    try {
      localStorage.setItem(name, value);
    } catch {
      // Storage is closed: the chat is loaded when it is opened, and begins anew.
    }
  }

  function load(name) {
    try {
      return localStorage.getItem(name) || "";
    } catch {
      return "";
    }
  }

  addEventListener("message", (event) => {
    if (event.origin !== base.origin || !frame || event.source !== frame.contentWindow) return;
    const said = event.data && event.data.deskbell;
    if (typeof said !== "object" || said === null) return;
    if (said.ready) {
      ready = true;
      host.setAttribute("data-ready", "");
      tell({ open: isOpen, token, visitor: load(KEPT) });
    }
    if (typeof said.visitor === "string") save(KEPT, said.visitor);
    if (typeof said.unread === "number") label(isOpen ? 0 : said.unread);
    if (said.close && isOpen) close();
  });
  button.addEventListener("click", () => (isOpen ? close() : open()));

  window.Deskbell = {
    open,
    close,
    identify(given) {
      token = String(given);
      tell({ token });
    },
  };
  const show = () => {
    document.body.append(host);
    if (load("deskbell-used")) make();
  };
  if (document.body) show();
  else addEventListener("DOMContentLoaded", show);
})();
