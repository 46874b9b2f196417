// The menu: earlier conversations, a new one, and what else can be done.
import { call } from "./api.js";
import { contactForm } from "./after.js";
import { ask, sheet } from "./dialog.js";
import { $, h, icon } from "./dom.js";
import { load, save } from "./store.js";
import { dayOf, t } from "./text.js";

let context = { thread: () => "", open: () => {}, status: () => null, refresh: () => {} };

export const use = (given) => {
  context = given;
};

$("menu-open").addEventListener("click", () => {
  const status = context.status();
  const list = h("ul", { class: "list" }, h("li", { class: "list__empty" }, "…"));
  const dialog = sheet(t("menu"),
    entry("plus", t("new"), () => {
      dialog.close();
      context.open(crypto.randomUUID());
    }),
    entry("person", t("contact"), () => swap(dialog, contact)),
    status ? entry("mail", t("transcript"), () => swap(dialog, transcript)) : null,
    entry("sound", t(load("sound", true) ? "sound_off" : "sound_on"), () => {
      save("sound", !load("sound", true));
      dialog.close();
    }),
    status && status.status !== "closed" ? entry("check", t("end"), () => end(dialog)) : null,
    h("h3", { class: "sheet__title" }, t("conversations")), list);
  fill(list, dialog);
});

const entry = (name, words, onclick) => h("button", { type: "button", class: "entry", onclick }, icon(name), h("span", {}, words));

async function fill(list, dialog) {
  try {
    const { conversations } = await call("GET", "conversations");
    const rows = conversations.map((one) =>
      h("li", {}, h("button", { type: "button", class: "conversation", "aria-current": one.id === context.thread() ? "true" : null, onclick: () => { dialog.close(); context.open(one.id); } },
        h("span", { class: "conversation__subject" }, one.subject),
        h("span", { class: "conversation__last" }, (one.last_mine ? `${t("you")}: ` : "") + one.last),
        h("span", { class: "conversation__side" }, dayOf(one.at), one.unread ? h("span", { class: "count", "aria-label": t("unread", { count: one.unread }) }, String(one.unread)) : null,
          ["resolved", "closed"].includes(one.status) ? h("span", { class: "chip" }, t(one.status)) : null))));
    list.replaceChildren(...(rows.length ? rows : [h("li", { class: "list__empty" }, t("no_conversations"))]));
  } catch (error) {
    list.replaceChildren(h("li", { class: "list__empty" }, error.message));
  }
}

function swap(dialog, make) {
  dialog.close();
  make();
}

function contact() {
  const dialog = sheet(t("contact"), h("p", { class: "sheet__text" }, t("contact_text")), contactForm(() => dialog.close()));
}

function transcript() {
  const problem = h("p", { class: "problem", role: "alert" });
  const email = h("input", { type: "email", autocomplete: "email", maxlength: "254", value: context.status()?.email ?? "" });
  const form = h("form", { class: "form", novalidate: true }, h("label", { class: "field" }, h("span", {}, t("email")), email), problem, h("button", { class: "button button--primary" }, t("send")));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      const answer = await call("POST", `conversations/${context.thread()}/transcript`, { email: email.value.trim() });
      form.replaceChildren(h("p", { role: "status" }, t(answer.sent ? "transcript_done" : "transcript_later", { email: answer.email })));
    } catch (error) {
      problem.textContent = error.message;
      email.focus();
    }
  });
  sheet(t("transcript"), form);
}

async function end(dialog) {
  dialog.close();
  if (!(await ask(t("end_sure"), t("end_short")))) return;
  try {
    await call("POST", `conversations/${context.thread()}/end`, {});
    context.refresh();
  } catch (error) {
    context.problem(error);
  }
}
