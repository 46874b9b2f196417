// Elements with data-fragment-url fetch their inner HTML anew; changes close together become one fetch.
// data-pace: after one fetch the next waits so many milliseconds, but for topics in data-at-once. data-changes-url: what a topic tells of
// is fetched from there, line by line; all of the element only where nothing less will do. data-again, or x-again with a fragment: it is
// fetched anew after so many seconds.
import { call, Failed, post } from "./http.js";
import { merge, morph } from "./morph.js";

const GATHER = 40;
const MARKS = 250; // a mark on a line that stands already may wait for others
const MOST_LINES = 50;
const LONGEST = 600;
const AGAIN = 2_000; // what could not be had is asked for again, twice as late each time
const LONGEST_AGAIN = 60_000;
const states = new WeakMap();
const waiting = new Set();
let timer;
let due = Infinity;
let live = false;

// Whether somebody tells of changes: else whoever changes something looks at everything.
export const hears = (on) => { live = on; };

export function refreshTopics(topics) {
  for (const element of document.querySelectorAll("[data-fragment-url][data-topics]")) {
    const found = among(topics, element.dataset.topics);
    if (found.length) hear(element, found);
  }
}

function among(topics, wanted) {
  const names = wanted.split(/\s+/);
  return topics.filter((topic) => names.some((name) => topic === name || topic.startsWith(`${name}:`)));
}

// What the page came with ends by itself, too.
export const attach = (element) => lookAgain(element, element.dataset.again);

// To say something, and show in the same step what then stands in the conversation; what else it
// changed is told, where somebody tells.
export async function say(address, fields) {
  const element = document.querySelector("[data-fragment-url][data-changes-url]");
  const response = element ? await sayIn(element, address, fields) : await post(address, fields);
  if (!live) refreshAll();
  return response;
}

async function sayIn(element, address, fields) {
  const state = stateOf(element);
  const turn = (state.turn += 1);
  const url = new URL(address, location.href);
  url.search = changes(element, []).search;
  state.busy += 1;
  try {
    const response = await post(url, fields);
    if (response.headers.has("x-seq")) await show(element, response, turn, response.headers.has("x-whole"));
    return response;
  } finally {
    state.busy -= 1;
    if (waiting.has(element)) plan(state.when);
  }
}

// One line of a conversation looks different by now, though nobody tells of it.
export function refreshLine(node, line) {
  const element = node.closest("[data-changes-url]");
  if (!element) return refreshAll();
  stateOf(element).lines.add(line);
  soon(element, GATHER);
}

export function refreshAll() {
  for (const element of document.querySelectorAll("[data-fragment-url]")) {
    stateOf(element).whole = true;
    soon(element, GATHER);
  }
}

export function refresh(element) {
  stateOf(element).whole = true;
  return bring(element);
}

const stateOf = (element) => {
  if (!states.has(element)) states.set(element, { whole: false, lines: new Set(), wants: 0, at: -Infinity, turn: 0, done: 0, busy: 0, failures: 0 });
  return states.get(element);
};

function hear(element, topics) {
  const state = stateOf(element);
  if (!element.dataset.changesUrl) {
    const now = among(topics, element.dataset.atOnce ?? "").length;
    return soon(element, now ? GATHER : Math.max(GATHER, wait(element)));
  }
  for (const topic of topics) {
    const [kind, , detail] = topic.split(":");
    if (kind === "line" && detail) {
      state.lines.add(detail);
      soon(element, MARKS);
    } else if (kind === "whole") {
      state.whole = true;
      soon(element, GATHER);
    } else if (kind === "seen") {
      readUpTo(element, Number(detail));
    } else {
      state.wants = Math.max(state.wants, Number(detail ?? Infinity));
      soon(element, GATHER);
    }
  }
}

// The other side has read on: the lines that stand here are marked as a fetch would mark them.
function readUpTo(element, seq) {
  if (!(seq > Number(element.dataset.seen))) return;
  element.dataset.seen = seq;
  const mark = document.querySelector(`[data-seen-mark-of="${element.id}"]`).content.firstElementChild;
  for (const line of element.querySelectorAll("[data-seq]")) {
    if (Number(line.dataset.seq) > seq) continue;
    delete line.dataset.seq;
    line.querySelector(".message__state")?.remove();
    footOf(line).append(document.importNode(mark, true));
  }
}

function footOf(line) {
  const foot = line.querySelector(".message__foot");
  if (foot) return foot;
  const made = document.createElement("footer");
  made.className = "message__foot";
  line.append(made);
  return made;
}

const wait = (element) => stateOf(element).at + Number(element.dataset.pace ?? 0) - performance.now();

function soon(element, delay) {
  const state = stateOf(element);
  const at = performance.now() + delay;
  state.when = waiting.has(element) ? Math.min(state.when, at) : at;
  waiting.add(element);
  plan(state.when);
}

function plan(at) {
  if (timer && due <= at) return;
  clearTimeout(timer);
  due = at;
  timer = setTimeout(flush, Math.max(0, at - performance.now()));
}

function flush() {
  timer = undefined;
  due = Infinity;
  const now = performance.now();
  for (const element of [...waiting]) {
    const state = stateOf(element);
    if (!element.isConnected) waiting.delete(element);
    else if (state.busy) continue;
    else if (state.when > now + 1) plan(state.when);
    else if (stands(element)) waiting.delete(element);
    else bring(element);
  }
}

// What was told of may have come already, with what was fetched for another reason.
function stands(element) {
  const { whole, lines, wants } = stateOf(element);
  return element.dataset.changesUrl && !whole && !lines.size && wants <= Number(element.dataset.seq);
}

async function bring(element) {
  const state = stateOf(element);
  const { changesUrl, fragmentUrl } = element.dataset;
  const { lines } = state;
  const whole = state.whole || !changesUrl || lines.size > MOST_LINES || element.childElementCount > LONGEST;
  waiting.delete(element);
  Object.assign(state, { whole: false, lines: new Set(), wants: 0, at: performance.now(), busy: state.busy + 1 });
  const turn = (state.turn += 1);
  try {
    const response = await call(whole ? fragmentUrl : changes(element, lines), { quiet: state.failures > 0 });
    state.failures = 0;
    await show(element, response, turn, whole || response.headers.has("x-whole"));
  } catch (error) {
    state.whole = true;
    if (!(error instanceof Failed)) throw error;
    // Perhaps nobody tells of it again. What is forbidden or gone stays so.
    if (!error.status || error.status >= 500) later(element);
  } finally {
    state.busy -= 1;
    if (waiting.has(element)) plan(state.when);
  }
}

async function show(element, response, turn, all) {
  const state = stateOf(element);
  const html = await response.text();
  // Whoever asked for all of it later knows better.
  if (turn < state.done) return;
  if (all) state.done = turn;
  (all ? morph : merge)(element, html);
  for (const mark of ["seq", "seen"]) if (response.headers.has(`x-${mark}`)) element.dataset[mark] = response.headers.get(`x-${mark}`);
  const number = response.headers.get("x-number");
  if (number !== null) for (const shown of document.querySelectorAll(`[data-number-of="${element.id}"]`)) shown.textContent = number;
  if (response.headers.has("x-again")) lookAgain(element, response.headers.get("x-again"));
  element.dispatchEvent(new CustomEvent("deskbell:content", { bubbles: true }));
}

// What it shows ends by itself in so many seconds.
const lookAgain = (element, seconds) => soon(element, Number(seconds) * 1000);

function later(element) {
  const state = stateOf(element);
  const delay = Math.min(AGAIN * 2 ** state.failures, LONGEST_AGAIN);
  state.failures += 1;
  soon(element, delay * (0.75 + Math.random() / 2));
}

function changes(element, lines) {
  const url = new URL(element.dataset.changesUrl, location.href);
  url.searchParams.set("after", element.dataset.seq);
  url.searchParams.set("seen", element.dataset.seen);
  for (const line of lines) url.searchParams.append("line", line);
  return url;
}
