// The line itself: an event stream for all that the tabs show, opened anew when that changes. The
// old one stays until the new one is ready, so that nothing falls in between.
const FIRST = 1000;
const LONGEST = 30000;

export function hold(address, { changed, up, down }) {
  let wait = FIRST;
  let current;
  let next;
  let retry;

  const open = () => {
    clearTimeout(retry);
    next?.close();
    const source = (next = new EventSource(address()));
    source.addEventListener("ready", ({ data }) => {
      current?.close();
      [current, next] = [source, undefined];
      wait = FIRST;
      up(JSON.parse(data).topics ?? []);
    });
    source.addEventListener("changed", ({ data }) => changed(JSON.parse(data).topics));
    source.addEventListener("error", () => {
      source.close();
      if (source === current) current = undefined;
      if (source === next) next = undefined;
      if (current || next) return;
      down();
      retry = setTimeout(open, wait * (0.75 + Math.random() / 2));
      wait = Math.min(wait * 2, LONGEST);
    });
  };
  const close = () => { clearTimeout(retry); current?.close(); next?.close(); current = next = undefined; };
  return { open, close };
}
