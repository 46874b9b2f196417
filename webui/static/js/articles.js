// The section beside a ticket: fetched when it is opened, searched in place, its words go into the composer.
import { call, Failed } from "./http.js";
import { insert } from "./markdown.js";
import { chip } from "./reply_to.js";

export function attach(section) {
  const box = section.querySelector("[data-articles-box]");
  const open = () => section.open && !box.dataset.loaded && fetchInto(box, section.dataset.articles);
  section.addEventListener("toggle", open);
  open();
  box.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "get") return;
    event.preventDefault();
    fetchInto(box, `${section.dataset.articles}?${new URLSearchParams(new FormData(form))}`, true);
  });
  box.addEventListener("click", (event) => {
    const button = event.target.closest("[data-insert-url]");
    const field = document.querySelector("[data-composer-body]");
    if (!button || !field) return;
    event.preventDefault();
    put(field, button.dataset.insertUrl);
  });
}

async function fetchInto(box, url, searched = false) {
  box.dataset.loaded = "";
  box.setAttribute("aria-busy", "true");
  try {
    box.innerHTML = await (await call(url)).text();
    if (searched) box.querySelector("input[type=search]")?.focus();
  } catch (error) {
    delete box.dataset.loaded;
    if (!(error instanceof Failed)) throw error;
  } finally {
    box.removeAttribute("aria-busy");
  }
}

// What is inserted is noted with the message, so that the desk learns from it when the ticket is resolved.
async function put(field, url) {
  try {
    const { id, title, body } = await (await call(url)).json();
    const form = field.closest("form");
    form.querySelector("[name=kind][value=reply]")?.click();
    insert(field, body);
    const extras = form.querySelector("[data-composer-extras]");
    extras?.querySelector("[data-extra=article]")?.remove();
    extras?.append(chip("article", "article", id, `📖 ${title}`));
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
  }
}
