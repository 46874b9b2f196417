// The composer: sends in the background, and gathers its parts, each in a file of its own.
import { say } from "./fragment.js";
import { Failed } from "./http.js";
import { attach as draft } from "./draft.js";
import { attach as markdown } from "./markdown.js";
import { attach as mention } from "./mention.js";
import { attach as preview } from "./preview.js";
import { attach as typing } from "./typing.js";
import { attach as upload } from "./upload.js";
import { newId } from "./id.js";

export function attach(form) {
  const field = form.querySelector("[data-composer-body]");
  const id = form.querySelector("[data-message-id]");
  id.value = newId();
  for (const part of [markdown, upload, preview, draft, mention, typing]) part(form, field);

  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    form.requestSubmit(form.querySelector("[data-composer-send]"));
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const filled = field.value.trim() || form.querySelector("[name=attachment]") || form.querySelector("[type=file]").files.length;
    if (form.hasAttribute("aria-busy") || (!filled && !event.submitter?.value)) return field.focus();
    form.setAttribute("aria-busy", "true");
    try {
      await send(form, event.submitter);
      id.value = newId();
      clear(form, field);
    } catch (error) {
      if (!(error instanceof Failed)) throw error;
    } finally {
      form.removeAttribute("aria-busy");
    }
  });
}

// The same id goes with every retry, so that a reply sent twice is one reply.
async function send(form, submitter) {
  const response = await say(form.action, new FormData(form, submitter));
  const elsewhere = response.redirected && new URL(response.url).pathname !== location.pathname;
  if (elsewhere || submitter?.value) location.assign(response.redirected ? response.url : location.href);
}

function clear(form, field) {
  field.value = "";
  form.querySelector("[data-composer-files]").replaceChildren();
  form.querySelector("[data-composer-extras]")?.replaceChildren();
  form.querySelector("[type=file]").value = "";
  form.dispatchEvent(new CustomEvent("composer:sent"));
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.focus();
}
