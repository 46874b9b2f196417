// The page is told what changed, the fragments fetch themselves. All tabs of a session hear by one
// line, which the leader holds for the tickets of all of them.
import { hears, refreshAll, refreshTopics } from "./fragment.js";
import { csrf } from "./http.js";
import { newId } from "./id.js";
import { join } from "./leader.js";
import { hold } from "./line.js";

const TOLERATED = 4000;
const GATHER = 30;
const ROLL = 30000;
const SETTLED = 1000;
const MOST = 30;
const OLDEST = 15000;

export function attach(element) {
  const url = new URL(element.dataset.liveUrl, location.href);
  const me = newId();
  const mine = { kind: "shows", id: me, tickets: url.searchParams.getAll("ticket"), made: performance.timeOrigin };
  const tabs = new Map();
  let reopen = () => {};
  // What happens between the making of a page and its line is told by the line when it begins.
  let unheard = Date.now();
  const began = performance.now();
  let followed = false;
  let late = false;
  let bar;
  let off = false;

  const address = () => {
    const tickets = [...new Set([...tabs.values()].reverse().flatMap((tab) => tab.tickets))];
    const asked = tickets.slice(0, MOST).map((each) => ["ticket", each]);
    return `${url.pathname}?${new URLSearchParams([...asked, ["age", Math.min(Math.ceil(Date.now() - unheard), OLDEST)]])}`;
  };
  const catchUp = () => {
    if (document.hidden) late = true;
    else refreshAll();
  };
  const connected = (on) => {
    off = !on;
    hears(on);
    clearTimeout(bar);
    bar = undefined;
    if (on) document.getElementById("offline").hidden = true;
    else bar = setTimeout(() => (document.getElementById("offline").hidden = false), TOLERATED);
  };

  function lead() {
    // Who takes over from another has missed what happened in between.
    let missed = followed || performance.now() - began > SETTLED;
    let timer;
    const line = hold(address, {
      changed: (topics) => { group.tell({ kind: "changed", topics }); refreshTopics(topics); },
      up: (topics) => {
        unheard = Date.now();
        group.tell({ kind: "up", missed, topics });
        connected(true);
        if (missed) catchUp();
        else refreshTopics(topics);
        missed = false;
      },
      down: () => {
        missed = true;
        if (off) return;
        group.tell({ kind: "down" });
        connected(false);
      },
    });
    reopen = () => { timer ??= setTimeout(() => { timer = undefined; line.open(); }, GATHER); };
    const again = () => { missed = true; line.open(); };
    const roll = setInterval(() => {
      for (const [id, tab] of tabs) if (id !== me && (tab.calls += 1) > 2) drop(id);
      group.tell({ kind: "who?" });
    }, ROLL);
    tabs.clear();
    take(mine);
    queueMicrotask(() => group.tell({ kind: "who?" }));
    window.addEventListener("online", again);
    return () => {
      followed = true;
      reopen = () => {};
      clearInterval(roll);
      clearTimeout(timer);
      window.removeEventListener("online", again);
      line.close();
    };
  }

  function take(tab) {
    const known = tabs.get(tab.id);
    tabs.set(tab.id, { tickets: tab.tickets, calls: 0 });
    if (off) group.tell({ kind: "down" });
    if (known) return;
    unheard = Math.min(unheard, tab.made);
    reopen();
  }

  function drop(id) {
    if (tabs.delete(id)) reopen();
  }

  function heard(what) {
    if (what.kind === "changed") return refreshTopics(what.topics);
    if (what.kind === "down") return connected(false);
    if (what.kind === "up") {
      followed = true;
      connected(true);
      return what.missed ? catchUp() : refreshTopics(what.topics);
    }
    if (what.kind === "who?") return group.tell(mine);
    if (!group.leads()) return undefined;
    return what.kind === "shows" ? take(what) : drop(what.id);
  }

  const group = join(`deskbell-live-${csrf().slice(0, 16)}`, { lead, heard });
  group.tell(mine);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden || !late) return;
    late = false;
    refreshAll();
  });
  document.addEventListener("resume", catchUp);
  window.addEventListener("pagehide", () => { clearTimeout(bar); group.tell({ kind: "gone", id: me }); group.leave(); });
  window.addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    group.back();
    group.tell(mine);
    catchUp();
  });
}
