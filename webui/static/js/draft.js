// Keeps what is being written on the server, a moment after the last key.
import { Failed, post } from "./http.js";
import { text } from "./text.js";

const PAUSE = 800;

export function attach(form, field) {
  const url = form.dataset.draftUrl;
  if (!url) return;
  const status = form.querySelector("[data-composer-status]");
  let timer;
  let kept = field.value;

  const save = async () => {
    timer = undefined;
    if (field.value === kept) return;
    const body = field.value;
    try {
      await post(url, { body, kind: new FormData(form).get("kind") }, { quiet: true, keepalive: body.length < 20000 });
      kept = body;
      if (body) status.textContent = text("saved");
    } catch (error) {
      if (!(error instanceof Failed)) throw error;
    }
  };
  field.addEventListener("input", () => { status.textContent = ""; clearTimeout(timer); timer = setTimeout(save, PAUSE); });
  form.addEventListener("composer:sent", () => { clearTimeout(timer); kept = ""; status.textContent = ""; });
  addEventListener("pagehide", () => { if (timer) { clearTimeout(timer); save(); } });
}
