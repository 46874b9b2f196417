// The chat: one conversation at a time, live, from the desk's timeline.
import { call, current, guess, Offline, onVisitor, Problem, start, vouchWith } from "./api.js";
import * as actions from "./actions.js";
import * as after from "./after.js";
import * as composer from "./composer.js";
import { $ } from "./dom.js";
import * as host from "./host.js";
import * as menu from "./menu.js";
import * as outbox from "./outbox.js";
import { load, save } from "./store.js";
import * as stream from "./stream.js";
import { moment, roughly, t } from "./text.js";
import * as timeline from "./timeline.js";
import * as uploads from "./uploads.js";
import { ring } from "./sound.js";

const title = document.body.dataset.desk;
let thread = "";
let cursor = "";
let queue = { place: 0, wait: 0 };
let elsewhere = 0; // unread in other conversations
let typingTimer = 0;
let reading = null;
let againAfter = false;
let marked = 0;
let begun = false;
let article = new URLSearchParams(location.search).get("article") ?? "";

const context = {
  thread: () => thread,
  begun: () => cursor !== "",
  status: timeline.statusNow,
  lastOwn: timeline.lastOwn,
  open: show,
  edit: composer.edit,
  refresh,
  said: () => {
    forgetArticle();
    $("scroll").scrollTop = $("scroll").scrollHeight;
  },
  problem: (error) => composer.problem(error instanceof Offline ? t("offline") : error.message),
};

async function begin() {
  for (const part of [actions, after, composer, menu]) part.use(context);
  outbox.onChange((of) => (of === undefined || of === thread) && (timeline.draw(), state()));
  outbox.onKept((of, item) => of === thread && timeline.add(item));
  onVisitor(changed);
  await host.listen({ open: opened, vouched });
  guess();
  // Who comes from an article has a new matter.
  const chosen = (!article && load("thread", "")) || crypto.randomUUID();
  outbox.about(article);
  $("about").hidden = !article;
  thread = chosen;
  composer.keep();
  show(chosen);
  document.documentElement.dataset.ready = "yes";
  begun = true;
  await connectFirst();
  stream.open({ event: heard, state: connected });
  // Nobody tells of an agent who just closes the desk.
  setInterval(() => { if (!document.hidden && timeline.statusNow()?.agent?.here) refresh(); }, 60_000);
  outbox.flush();
  if (matchMedia("(hover: hover)").matches && !host.isFramed()) $("words").focus();
}

async function connectFirst() {
  for (let tries = 0; ; tries += 1) {
    try {
      await start();
      break;
    } catch (error) {
      connected(false, error instanceof Problem ? error.message : "");
      await new Promise((wake) => setTimeout(wake, Math.min(1000 * 2 ** tries, 15_000)));
    }
  }
  connected(true);
  const known = current().conversations;
  const chosen = known.find((one) => one.id === thread);
  // A browser that lost its memory, or another one of the same person: the newest goes on.
  if (!chosen && !article && !outbox.waiting(thread).length && known.length) show(known[0].id);
  elsewhere = known.filter((one) => one.id !== thread).reduce((sum, one) => sum + one.unread, 0);
  await refresh();
}

// The desk says who the visitor is: of another one nothing stays on the page.
function changed(theirs) {
  if (!begun) return;
  const own = load("thread", "");
  if (own === thread) return;
  if (theirs && ($("words").value || outbox.waiting(thread).length)) {
    save("thread", thread);
    return;
  }
  uploads.clear();
  elsewhere = 0;
  show(own || crypto.randomUUID());
  outbox.flush();
}

// Its words are said: what follows is about the answer.
function forgetArticle() {
  if (!article) return;
  article = "";
  $("about").hidden = true;
  const address = new URL(location.href);
  address.searchParams.delete("article");
  history.replaceState(null, "", address);
}

function show(to) {
  thread = to;
  cursor = "";
  marked = 0;
  queue = { place: 0, wait: 0 };
  save("thread", thread);
  timeline.clear(thread);
  after.forget();
  composer.shown();
  timeline.draw();
  state();
  if (!current()) return;
  refresh();
  countElsewhere();
}

// Ask what is new. One question at a time; what is asked meanwhile is asked once more.
function refresh() {
  if (reading) {
    againAfter = true;
    return reading;
  }
  reading = look().finally(() => {
    reading = null;
    if (againAfter) {
      againAfter = false;
      refresh();
    }
  });
  return reading;
}

async function look() {
  const asked = thread;
  try {
    const answer = await call("GET", `conversations/${asked}/messages?after=${encodeURIComponent(cursor)}`);
    if (asked !== thread) return;
    const fromNothing = cursor === "";
    const fresh = answer.items.filter((one) => one.kind === "message" && one.side !== "me" && !timeline.all().has(one.id));
    cursor = answer.cursor;
    timeline.take(answer);
    if (fresh.length) arrived(fromNothing);
    else nameWriter();
  } catch (error) {
    if (!(error instanceof Offline) && !error.passing) throw error;
  }
  state();
  markRead();
}

function arrived(fromNothing) {
  typing(false);
  const scroll = $("scroll");
  $("jump").hidden = fromNothing || scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 120;
  if (!fromNothing) ring(document.visibilityState !== "visible" || !host.isOpen());
}

function heard(name, data) {
  if (name === "ready") {
    refresh();
    outbox.flush();
    outbox.askHeld();
  } else if (name === "changed") {
    if (data.thread && data.thread !== thread) countElsewhere();
    else if (!data.said || !timeline.all().has(data.said)) refresh();
  } else if (data.thread !== thread) return;
  else if (name === "typing") typing(data.on);
  else if (name === "read") timeline.readUpTo(data);
  else if (name === "queue") {
    queue = data;
    state();
  } else if (name === "card") timeline.addCard(data.card);
}

async function countElsewhere() {
  try {
    const { conversations } = await call("GET", "conversations");
    // What is shown now counts for itself.
    elsewhere = conversations.filter((one) => one.id !== thread).reduce((sum, one) => sum + one.unread, 0);
    count();
  } catch {
    // It is only a number; the next event asks again.
  }
}

function typing(on) {
  clearTimeout(typingTimer);
  $("typing").classList.toggle("typing--on", on);
  nameWriter();
  if (on) typingTimer = setTimeout(() => typing(false), 12_000);
}

// Who writes may become known only after the first sign of it.
function nameWriter() {
  const on = $("typing").classList.contains("typing--on");
  const words = on ? t("typing", { name: timeline.statusNow()?.agent?.name || t("someone") }) : "";
  if ($("typing").textContent !== words) $("typing").textContent = words;
}

function connected(on, words = "") {
  $("net").hidden = on;
  $("net").textContent = on ? "" : words || t("offline");
}

// --- where it stands

function state() {
  const status = timeline.statusNow();
  $("state").textContent = stateWords(status);
  $("dot").hidden = !(status?.agent?.here && !status.agent.away && !["resolved", "closed"].includes(status.status));
  const usual = current()?.desk.usual;
  $("usual").hidden = !usual;
  if (usual) $("usual").textContent = t("usual", { wait: roughly(usual) });
  after.draw(status, cursor !== "");
  count();
}

function stateWords(status) {
  const desk = current()?.desk;
  if (!desk) return "";
  if (status?.status === "resolved" || status?.status === "closed") return t(status.status);
  if (status?.agent) return t(status.agent.away ? "away" : status.agent.here ? "with" : "keeps", { name: status.agent.name });
  // When it opens stands above the composer.
  if (!desk.open) return t("out_of_hours_plain");
  if (status?.waiting && queue.place) {
    const place = queue.place === 1 ? t("queue_next") : t("queue_place", { place: queue.place });
    return queue.wait ? `${place} ${t("queue_wait", { wait: roughly(queue.wait) })}` : place;
  }
  return desk.usual ? t("usual", { wait: roughly(desk.usual) }) : t("empty_open");
}

function count() {
  const unread = (timeline.statusNow()?.unread ?? 0) + elsewhere;
  document.title = unread ? t("title_unread", { count: unread, title }) : title;
  host.tell({ unread });
}

function markRead() {
  const status = timeline.statusNow();
  if (!status || !status.unread || status.read <= marked) return;
  if (document.visibilityState !== "visible" || !host.isOpen()) return;
  marked = status.read;
  call("POST", `conversations/${thread}/read`, { upto: status.read })
    .then(() => {
      status.unread = 0;
      count();
    })
    .catch(() => {
      marked = 0;
    });
}

// --- the world around

function opened(on) {
  if (!on) return;
  markRead();
  $("words").focus();
}

async function vouched(token) {
  vouchWith(token);
  if (!begun) return;
  await connectFirst();
  stream.renew();
}

$("jump").addEventListener("click", () => {
  $("scroll").scrollTop = $("scroll").scrollHeight;
  $("jump").hidden = true;
});
$("scroll").addEventListener("scroll", () => {
  const scroll = $("scroll");
  if (scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 40) $("jump").hidden = true;
});
$("earlier").addEventListener("click", async () => {
  try {
    const before = encodeURIComponent(timeline.oldest());
    timeline.take(await call("GET", `conversations/${thread}/messages?before=${before}`), { older: true });
  } catch (error) {
    context.problem(error);
  }
});
$("minimise")?.addEventListener("click", () => host.tell({ close: true }));
addEventListener("press", async ({ detail }) => {
  try {
    const answer = await call("POST", `conversations/${thread}/pressed`, { id: crypto.randomUUID(), ...detail });
    for (const card of answer.cards) timeline.addCard(card);
    refresh();
  } catch (error) {
    context.problem(error);
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !document.querySelector("dialog[open], .picker") && !composer.isEditing()) host.tell({ close: true });
});
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState !== "visible" || !current()) return;
  refresh();
});
addEventListener("pagehide", () => current() && call("POST", "leave", {}).catch(() => {}));
addEventListener("pageshow", (event) => event.persisted && stream.back());

begin();
