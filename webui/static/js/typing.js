// Tells the server that somebody is writing, every few seconds at most; it forgets by itself.
import { Failed, post } from "./http.js";

const EVERY = 3000;

export function attach(form, field) {
  const url = form.dataset.typingUrl;
  if (!url) return;
  let last = 0;
  field.addEventListener("input", async () => {
    if (!field.value || Date.now() - last < EVERY) return;
    last = Date.now();
    try {
      await post(url, { kind: new FormData(form).get("kind") }, { quiet: true });
    } catch (error) {
      if (!(error instanceof Failed)) throw error;
    }
  });
}
