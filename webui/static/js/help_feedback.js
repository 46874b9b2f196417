// "Did this help?" without leaving the article: the vote counts at once, then one may say more.
// The form and its token come from the page that the links lead to without script.
import { call, Failed, post } from "./http.js";

export function attach(section) {
  const more = section.querySelector("[data-help-more]");
  const votes = section.querySelector("[data-help-votes]");

  votes.addEventListener("click", async (event) => {
    const link = event.target.closest("[data-helpful]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (section.hasAttribute("aria-busy")) return;
    await busy(async () => {
      const blank = parsed(await (await call(link.href)).text());
      const fields = new FormData(blank.querySelector("form"));
      fields.set("helpful", link.dataset.helpful);
      fields.set("step", "vote");
      await send(fields);
      votes.hidden = true;
    });
  });

  section.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!section.hasAttribute("aria-busy")) busy(() => send(new FormData(event.target)));
  });

  async function send(fields) {
    const response = await post(section.dataset.url, fields);
    more.innerHTML = await response.text();
    more.querySelector("textarea, input:not([type=hidden]), [role=status]")?.focus?.({ preventScroll: true });
  }

  async function busy(work) {
    section.setAttribute("aria-busy", "true");
    try {
      await work();
    } catch (error) {
      if (!(error instanceof Failed)) throw error;
    } finally {
      section.removeAttribute("aria-busy");
    }
  }
}

const parsed = (html) => new DOMParser().parseFromString(html, "text/html");
