// A conversation begins at its end and stays there while the reader is there. On a phone the page itself scrolls.
const NEAR = 80;

export function attach(element) {
  const box = getComputedStyle(element).overflowY === "visible" ? document.scrollingElement : element;
  const toEnd = () => { box.scrollTop = box.scrollHeight; };
  let atEnd = true;
  (box === element ? element : document).addEventListener("scroll", () => {
    atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR;
  }, { passive: true });
  const follow = new ResizeObserver(() => atEnd && toEnd());
  follow.observe(element);
  for (const child of element.children) follow.observe(child);
  if (location.hash) atEnd = false;
  else toEnd();
}
