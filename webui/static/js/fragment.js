// Elements with data-fragment-url fetch their inner HTML anew; changes close together become one fetch.
import { call, Failed } from "./http.js";
import { morph } from "./morph.js";

const GATHER = 40;
const waiting = new Set();
const busy = new Set();
let timer;

export function refreshTopics(topics) {
  for (const element of document.querySelectorAll("[data-fragment-url][data-topics]")) {
    if (element.dataset.topics.split(/\s+/).some((topic) => topics.includes(topic))) waiting.add(element);
  }
  timer ??= setTimeout(flush, GATHER);
}

export function refreshAll() {
  for (const element of document.querySelectorAll("[data-fragment-url]")) waiting.add(element);
  timer ??= setTimeout(flush, GATHER);
}

function flush() {
  timer = undefined;
  for (const element of [...waiting]) {
    if (busy.has(element)) continue;
    waiting.delete(element);
    refresh(element);
  }
}

export async function refresh(element) {
  busy.add(element);
  try {
    const response = await call(element.dataset.fragmentUrl);
    morph(element, await response.text());
    element.dispatchEvent(new CustomEvent("deskbell:content", { bubbles: true }));
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
  } finally {
    busy.delete(element);
    if (waiting.has(element)) timer ??= setTimeout(flush, GATHER);
  }
}
