// The ticket's conversation beside the call: read as a fragment, written as JSON.
import { call as ask } from "./http.js";

export function attachTalk(room) {
  const lines = room.$("[data-lines]");
  room.talk = async () => {
    const stuck = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 40;
    lines.innerHTML = await (await ask(room.base + "/talk", { quiet: true })).text();
    if (stuck) lines.scrollTop = lines.scrollHeight;
  };
  const form = room.$("[data-talk]");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = form.elements.text.value.trim();
    if (!text) return;
    await room.post("/messages", { text, id: crypto.randomUUID() });
    form.reset();
    await room.talk();
  });
  form.elements.text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
  room.talk().catch(() => {});
}
