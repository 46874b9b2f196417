// A form with data-background is sent without leaving the page: unsent text elsewhere stays.
// The server answers {"done": words, "tone", "url", "go"}; go means that the page must change.
import { refreshAll } from "./fragment.js";
import { Failed, post } from "./http.js";
import { toast } from "./toast.js";

export function attach(form) {
  form.addEventListener("submit", async (event) => {
    if (event.defaultPrevented) return;
    event.preventDefault();
    if (form.hasAttribute("aria-busy")) return;
    form.setAttribute("aria-busy", "true");
    try {
      await send(form, event.submitter);
    } catch (error) {
      if (!(error instanceof Failed)) throw error;
    } finally {
      form.removeAttribute("aria-busy");
    }
  });
}

async function send(form, submitter) {
  if (await perform(form.action, new FormData(form, submitter))) return;
  form.closest("dialog")?.close();
  const open = form.closest("[popover][data-menu]");
  if (open?.matches(":popover-open")) open.hidePopover();
  if (form.dataset.background === "reset") form.reset();
}

// Sends it, says what came of it, and looks at everything anew; true when the page is being left.
export async function perform(url, fields) {
  const response = await post(url, fields, { headers: { Accept: "application/json" } });
  const json = response.headers.get("content-type")?.includes("json");
  if (!json && response.redirected && new URL(response.url).pathname !== location.pathname) return leave(response.url);
  const { done, tone, url: next, go } = json ? await response.json() : {};
  if (go) return leave(next);
  if (done) toast(done, tone);
  refreshAll();
  return false;
}

function leave(url) {
  location.assign(url);
  return true;
}
