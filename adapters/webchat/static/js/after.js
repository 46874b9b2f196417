// What stands below the conversation: the rating, and the way to be answered later.
import { call, current } from "./api.js";
import { $, h, icon } from "./dom.js";
import { moment, t } from "./text.js";

let context = { thread: () => "", refresh: () => {} };
let thanked = "";
let shown = "";

export const use = (given) => {
  context = given;
};

export function draw(status, begun) {
  const desk = current()?.desk;
  const wanted = [];
  const done = status && (status.status === "resolved" || status.status === "closed");
  if (done && status.may_rate && !status.rating) wanted.push("rating");
  const email = status?.email || current()?.email;
  if (desk && !desk.open && !done) wanted.push(begun && !email ? "address" : "closed");
  if (thanked) wanted.push("thanks");
  const mark = `${context.thread()} ${wanted} ${desk?.opens_at}`;
  if (mark === shown) return;
  shown = mark;
  const make = { rating, address, closed, thanks: () => h("p", { class: "thanks", role: "status" }, thanked) };
  $("after").replaceChildren(...wanted.map((name) => make[name]()));
  if (wanted.length) $("scroll").scrollTop = $("scroll").scrollHeight;
}

export function forget() {
  thanked = "";
  shown = "";
}

function closedWords() {
  const at = current().desk.opens_at;
  return at ? t("out_of_hours", { time: moment(at) }) : t("out_of_hours_plain");
}

const closed = () => h("p", { class: "hours" }, icon("clock"), h("span", {}, closedWords()));

function address() {
  return h("div", { class: "panel" }, h("p", {}, h("strong", {}, closedWords()), " ", t("leave_address")), contactForm());
}

export function contactForm(done = () => {}) {
  const name = h("input", { name: "name", autocomplete: "name", maxlength: "120", value: current()?.name ?? "" });
  const email = h("input", { name: "email", type: "email", autocomplete: "email", maxlength: "254", required: true, value: current()?.email ?? "" });
  const problem = h("p", { class: "problem", role: "alert" });
  const form = h("form", { class: "form", novalidate: true },
    h("label", { class: "field" }, h("span", {}, t("name")), name),
    h("label", { class: "field" }, h("span", {}, t("email")), email),
    problem,
    h("button", { class: "button button--primary" }, t("save")));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    problem.textContent = email.value.trim() ? "" : t("answer_needed");
    if (!email.value.trim()) return email.focus();
    try {
      const answer = await call("POST", "contact", { name: name.value, email: email.value.trim() });
      Object.assign(current(), answer);
      thanked = t("contact_done");
      done();
      context.refresh();
    } catch (error) {
      problem.textContent = error.message;
      email.focus();
    }
  });
  return form;
}

function rating() {
  const problem = h("p", { class: "problem", role: "alert" });
  const comment = h("textarea", { rows: "2", maxlength: "4000", name: "comment" });
  const more = h("div", { hidden: true, class: "rating__more" }, h("label", { class: "field" }, h("span", {}, t("rate_comment")), comment), h("button", { class: "button button--primary" }, t("rate_send")));
  const words = h("p", { class: "rating__words", "aria-hidden": "true" });
  const bells = [1, 2, 3, 4, 5].map((score) =>
    h("label", { class: "rating__bell" },
      h("input", { type: "radio", name: "score", value: String(score), "aria-label": `${score}: ${t(`rate_${score}`)}`, onchange: () => choose(score) }),
      icon("bell")));
  const choose = (score) => {
    bells.forEach((bell, index) => bell.classList.toggle("rating__bell--on", index < score));
    words.textContent = t(`rate_${score}`);
    more.hidden = false;
    form.scrollIntoView({ block: "end" });
  };
  const form = h("form", { class: "panel rating" },
    h("fieldset", {}, h("legend", {}, t("rate_title")), h("div", { class: "rating__bells" }, ...bells), words), more, problem);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const score = Number(new FormData(form).get("score"));
    if (!score) return;
    try {
      await call("POST", `conversations/${context.thread()}/rating`, { score, comment: comment.value });
      thanked = t("rate_thanks");
      context.refresh();
    } catch (error) {
      problem.textContent = error.message;
    }
  });
  return form;
}
