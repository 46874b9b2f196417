// Messages on their way. They lie in storage until the desk shows them itself, so that neither
// a reload nor a lost network loses one; the id is made here, so that a repeat is no second one.
// Only the messages of the visitor whose session it is are sent.
import { Changed, call, current, Problem, stale, start } from "./api.js";
import { load, save } from "./store.js";
import { $ } from "./dom.js";

const LONGEST = 30_000;
const LOOK_AGAIN = 60_000;
const STATES = { sent: "sent", discarded: "refused" };
let working = false;
let timer = 0;
let changed = () => {};
let kept = () => {};
let reading = "";

// The article of the help centre that did not help: it goes along with what is said first.
export const about = (article) => {
  reading = article;
};

export const onChange = (fn) => {
  changed = fn;
};

export const onKept = (fn) => {
  kept = fn;
};

export const waiting = (thread) => load("outbox", []).filter((one) => one.thread === thread);
export const any = () => load("outbox", []).some((one) => one.state === "sending");

export function add(thread, text, files) {
  const entry = { id: crypto.randomUUID(), thread, text, files, at: new Date().toISOString(), state: "sending", tries: 0, article: reading };
  reading = "";
  save("outbox", [...load("outbox", []), entry]);
  changed(thread);
  flush();
}

export function drop(id) {
  write(load("outbox", []).filter((one) => one.id !== id));
}

export function again(id) {
  update(id, { state: "sending", tries: 0, why: "" });
  flush();
}

// The desk shows it: nothing is left to do.
export function confirm(ids) {
  const left = load("outbox", []).filter((one) => !ids.has(one.id));
  if (left.length !== load("outbox", []).length) save("outbox", left);
}

// Send what waits, in order, at once: after a pause, when the network or the tab came back.
export async function flush() {
  clearTimeout(timer);
  if (working) return;
  working = true;
  try {
    if (!current() || stale()) await start();
    for (;;) {
      const next = load("outbox", []).find((one) => one.state === "sending");
      if (!next || !(await sendOne(next, current().visitor))) return;
    }
  } catch {
    timer = setTimeout(flush, LONGEST / 10); // no session yet
  } finally {
    working = false;
  }
}

async function sendOne(entry, visitor) {
  const body = { id: entry.id, text: entry.text, files: entry.files.map((file) => file.id), website: $("website").value };
  if (entry.article) body.article = entry.article;
  try {
    body.form = current().form;
    const answer = await call("POST", `conversations/${entry.thread}/messages`, body, visitor);
    update(entry.id, { state: STATES[answer.state] ?? "held", cards: answer.cards, asked: Date.now() });
    if (answer.item) kept(entry.thread, answer.item);
    return true;
  } catch (error) {
    if (error instanceof Changed) return true;
    if (error instanceof Problem && !error.passing) {
      update(entry.id, { state: "failed", why: error.message });
      return true;
    }
    const pause = Math.max((error.after || 0) * 1000, Math.min(1000 * 2 ** entry.tries, LONGEST) * (0.7 + Math.random() * 0.6));
    update(entry.id, { tries: entry.tries + 1, why: error instanceof Problem ? error.message : "", offline: !(error instanceof Problem) });
    timer = setTimeout(flush, pause);
    return false;
  }
}

// What is being checked is decided by people: the same message again is answered by what they
// decided, and is no second one.
export function askHeld() {
  const late = Date.now() - LOOK_AGAIN;
  const held = load("outbox", []).filter((one) => one.state === "held" && (one.asked ?? 0) < late);
  for (const one of held) update(one.id, { state: "sending" });
  if (held.length) flush();
}

function update(id, values) {
  write(load("outbox", []).map((one) => (one.id === id ? { ...one, ...values } : one)));
}

function write(entries) {
  save("outbox", entries);
  changed();
}

setInterval(() => document.visibilityState === "visible" && askHeld(), LOOK_AGAIN);
addEventListener("online", flush);
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && flush());
