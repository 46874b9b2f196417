// One event stream a page: it says what changed, the fragments fetch themselves.
import { refreshAll, refreshTopics } from "./fragment.js";

const FIRST = 1000;
const LONGEST = 30000;
const TOLERATED = 4000;

export function attach(element) {
  let wait = FIRST;
  let missed = false;
  let bar;

  const open = () => {
    const source = new EventSource(element.dataset.liveUrl);
    source.addEventListener("open", () => {
      wait = FIRST;
      clearTimeout(bar);
      bar = undefined;
      document.getElementById("offline").hidden = true;
      if (missed) refreshAll();
      missed = false;
    });
    source.addEventListener("changed", (event) => refreshTopics(topicsOf(event.data)));
    source.addEventListener("error", () => {
      source.close();
      missed = true;
      bar ??= setTimeout(() => (document.getElementById("offline").hidden = false), TOLERATED);
      retry = setTimeout(open, wait * (0.75 + Math.random() / 2));
      wait = Math.min(wait * 2, LONGEST);
    });
    current = source;
  };

  let current;
  let retry;
  window.addEventListener("online", () => { clearTimeout(retry); current?.close(); missed = true; open(); });
  window.addEventListener("pagehide", () => { clearTimeout(retry); clearTimeout(bar); current?.close(); });
  window.addEventListener("pageshow", (event) => { if (event.persisted) { missed = true; open(); } });
  open();
}

// data is {"topic": "ticket:42"}, {"topics": […]} or the bare topic.
function topicsOf(data) {
  if (!data.startsWith("{")) return [data];
  const { topic, topics = [] } = JSON.parse(data);
  return topic ? [topic, ...topics] : topics;
}
