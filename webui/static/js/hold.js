// Counts down a held reply; taking it back puts its text into the composer again.
import { refreshLine } from "./fragment.js";
import { Failed, post } from "./http.js";
import { insert } from "./markdown.js";
import { text } from "./text.js";
import { toast } from "./toast.js";

const BEAT = 200;

export function attach(form) {
  const bar = form.querySelector("progress");
  const words = form.querySelector("[data-hold-text]");
  const until = new Date(form.dataset.until).getTime();
  const timer = setInterval(() => {
    const left = (until - Date.now()) / 1000;
    if (left <= 0 || !form.isConnected) return end();
    bar.value = left;
    words.textContent = text("seconds", Math.ceil(left));
  }, BEAT);
  const line = form.closest(".message").id.replace("message-", "");
  const timeline = form.closest("[data-fragment-url]") ?? form;
  const end = () => { clearInterval(timer); form.hidden = true; refreshLine(timeline, line); };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      const now = event.submitter?.hasAttribute("formaction");
      const response = await post(now ? event.submitter.formAction : form.action, new FormData(form), { headers: { Accept: "application/json" } });
      end();
      if (!now) restore(response.headers.get("content-type")?.includes("json") ? await response.json() : {});
    } catch (error) {
      if (!(error instanceof Failed)) throw error;
    }
  });
}

function restore({ body }) {
  const field = document.querySelector("[data-composer-body]");
  if (!body || !field) return;
  if (!field.value.trim()) {
    field.form.querySelector("[name=kind][value=reply]")?.click();
    insert(field, body);
  }
  toast(text("takenBack"));
}
