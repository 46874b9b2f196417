// Who is in the call and who may come, for the desk's side: a fragment of forms, posted without leaving the page.
import { call as ask, post } from "./http.js";

export function attachPeople(room) {
  const box = room.$("[data-people-box]");
  const list = room.$("[data-people-list]");
  const load = async () => {
    const typed = new Map([...list.querySelectorAll("input, select")].map((one) => [one.name, one.type === "checkbox" ? one.checked : one.value]));
    list.innerHTML = await (await ask(room.base + "/people", { quiet: true })).text();
    for (const one of list.querySelectorAll("[data-people-form] input, [data-people-form] select")) {
      if (one.type === "checkbox") one.checked = typed.get(one.name) ?? false;
      else one.value = typed.get(one.name) ?? "";
    }
  };
  room.people = (before) => {
    const known = (people) => (people ?? []).map((one) => one.id + one.presence).join();
    if (box.open && known(before?.people) !== known(room.now.people)) load().catch(() => {});
  };
  room.people.turn = async () => {
    if (box.open) return box.close();
    await load();
    box.showModal();
  };
  list.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { words } = await (await post(event.target.action, new FormData(event.target, event.submitter))).json();
    list.replaceChildren();
    await load();
    room.say("people", words);
    list.querySelector("[role=status]").textContent = words;
  });
  list.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-link]");
    if (!button) return;
    await navigator.clipboard.writeText(button.dataset.link);
    button.textContent = button.dataset.copied;
  });
}
