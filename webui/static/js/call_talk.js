// The ticket's conversation beside the call: read as a fragment, written as JSON, with files; for the
// desk's side also notes, macros and what the ticket is about.
import { call as ask } from "./http.js";

export function attachTalk(room) {
  const lines = room.$("[data-lines]");
  const form = room.$("[data-talk]");
  const { text, note, file } = form.elements;
  room.talk = async () => {
    const stuck = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 40;
    lines.innerHTML = await (await ask(room.base + "/talk", { quiet: true })).text();
    if (stuck) lines.scrollTop = lines.scrollHeight;
  };
  const send = async (body) => {
    await room.post("/messages", { id: crypto.randomUUID(), note: note?.checked ?? false, ...body });
    await room.talk();
  };
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!text.value.trim()) return;
    await send({ text: text.value.trim() });
    text.value = "";
  });
  file.addEventListener("change", async () => {
    for (const one of file.files) {
      const headers = { "x-file-name": encodeURIComponent(one.name), "content-type": "application/octet-stream" };
      const { id } = await (await ask(room.base + "/files", { method: "POST", headers, body: one })).json();
      await send({ text: "", files: [id] });
    }
    file.value = "";
  });
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
  room.talk().catch(() => {});
  if (room.staff) attachTicket(room, text);
}

function attachTicket(room, text) {
  const box = room.$("[data-ticket]");
  room.about = async () => {
    box.innerHTML = await (await ask(room.base + "/ticket", { quiet: true })).text();
  };
  box.addEventListener("change", async (event) => {
    if (!event.target.matches("[data-macro]") || !event.target.value) return;
    const { body } = await (await ask(`${room.base}/macros/${event.target.value}`)).json();
    text.value = text.value ? `${text.value}\n\n${body}` : body;
    event.target.value = "";
    text.focus();
  });
  room.about().catch(() => {});
}
