// Server-sent events read by fetch, because an EventSource cannot send the visitor's token.
// It comes again by itself; after each new beginning the page looks at everything anew.
import { current, headers, start } from "./api.js";

const SILENCE = 45_000; // three missed signs of life
let controller = null;
let tries = 0;
let timer = 0;
let handlers = { event: () => {}, state: () => {} };

export function open(given) {
  handlers = given;
  connect();
  addEventListener("online", renew);
  addEventListener("offline", () => handlers.state(false));
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && !controller && renew());
}

export function renew() {
  tries = 0;
  clearTimeout(timer);
  controller?.abort();
  controller = null;
  connect();
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
    for await (const event of events(answer.body, alive)) {
      if (event.name === "ready") {
        tries = 0;
        handlers.state(true);
      }
      handlers.event(event.name, event.data);
    }
  } catch {
    // The network went away, or the page did: below it is tried again.
  }
  clearTimeout(watchdog);
  if (controller !== mine) return;
  controller = null;
  tries += 1;
  if (tries > 1) handlers.state(false);
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
