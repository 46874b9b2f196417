// Shows more of a conversation's beginning without losing one's place in it.
import { refresh } from "./fragment.js";

export function attach(link) {
  link.addEventListener("click", async (event) => {
    event.preventDefault();
    const fragment = link.closest("[data-fragment-url]");
    for (const kind of ["fragmentUrl", "changesUrl"]) {
      if (!fragment.dataset[kind]) continue;
      const url = new URL(fragment.dataset[kind], location.href);
      url.searchParams.set("lines", link.dataset.earlier);
      fragment.dataset[kind] = url.pathname + url.search;
    }
    const scroller = fragment.closest("[data-stick]") ?? document.scrollingElement;
    const box = scroller.scrollHeight > scroller.clientHeight ? scroller : document.scrollingElement;
    const below = box.scrollHeight - box.scrollTop;
    await refresh(fragment);
    box.scrollTop = box.scrollHeight - below;
  });
}
