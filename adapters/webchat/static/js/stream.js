// Server-sent events read by fetch, because an EventSource cannot send the visitor's token.
// It comes again by itself; after each new beginning the page looks at everything anew. All
// pages of a visitor in one browser hear by the stream of the one that leads.
import { current, headers, start } from "./api.js";
import { join } from "./leader.js";

const SILENCE = 45_000; // three missed signs of life
let controller = null;
let tries = 0;
let timer = 0;
let group = null;
let visitor = "";
let isUp = true;
const queues = new Map(); // thread → where it stood last, for pages that join
let handlers = { event: () => {}, state: () => {} };

export function open(given) {
  handlers = given;
  listen();
  addEventListener("online", renew);
  addEventListener("offline", () => handlers.state(false));
  addEventListener("pagehide", () => group.leave());
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && leads() && !controller && renew());
}

// The visitor is another one, or the page has come back.
export function renew() {
  if (current()?.visitor !== visitor) {
    group.leave();
    listen();
  } else if (leads()) {
    hangUp();
    connect();
  }
}

export function back() {
  group.back();
  group.tell({ kind: "hello" });
}

const leads = () => group.leads();

function listen() {
  visitor = current()?.visitor ?? "";
  group = join(`deskbell-chat-${visitor}`, { lead, heard });
  group.tell({ kind: "hello" });
}

function lead() {
  connect();
  return hangUp;
}

function hangUp() {
  tries = 0;
  clearTimeout(timer);
  controller?.abort();
  controller = null;
}

function heard(what) {
  if (what.kind === "event") handlers.event(what.name, what.data);
  else if (what.kind === "state") handlers.state(what.on);
  else if (what.kind === "hello" && leads()) {
    group.tell({ kind: "state", on: isUp });
    for (const data of queues.values()) group.tell({ kind: "event", name: "queue", data });
  }
}

function event(name, data) {
  if (name === "queue") queues.set(data.thread, data);
  group?.tell({ kind: "event", name, data });
  handlers.event(name, data);
}

function state(on) {
  isUp = on;
  group?.tell({ kind: "state", on });
  handlers.state(on);
}

async function connect() {
  const mine = new AbortController();
  controller = mine;
  let watchdog = 0;
  const alive = () => {
    clearTimeout(watchdog);
    watchdog = setTimeout(() => mine.abort(), SILENCE);
  };
  try {
    if (!current()) await start();
    const answer = await fetch("events", { headers: headers(), signal: mine.signal, cache: "no-store", credentials: "omit" });
    if (answer.status === 401) await start();
    if (!answer.ok) throw new Error(String(answer.status));
    alive();
    for await (const { name, data } of events(answer.body, alive)) {
      if (name === "ready") {
        tries = 0;
        state(true);
      }
      event(name, data);
    }
  } catch {
    // The network went away, or the page did: below it is tried again.
  }
  clearTimeout(watchdog);
  if (controller !== mine) return;
  controller = null;
  tries += 1;
  if (tries > 1) state(false);
  timer = setTimeout(connect, Math.min(500 * 2 ** (tries - 1), 20_000) * (0.7 + Math.random() * 0.6));
}

async function* events(body, alive) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    alive();
    const parts = (rest + value.replaceAll("\r\n", "\n")).split("\n\n");
    rest = parts.pop();
    for (const part of parts) {
      const found = parse(part);
      if (found) yield found;
    }
  }
}

function parse(part) {
  let name = "message";
  let data = "";
  for (const line of part.split("\n")) {
    if (line.startsWith("event: ")) name = line.slice(7);
    if (line.startsWith("data: ")) data += line.slice(6);
  }
  return data ? { name, data: JSON.parse(data) } : null;
}
