// The editor of articles: shows what it will look like, keeps the draft, takes pictures in where the cursor is,
// and says who else is at it.
import { csrf, Failed, post } from "./http.js";
import { attach as toolbar, insert } from "./markdown.js";

const PREVIEW = 300;
const SAVE = 2500;
const SIGN_OF_LIFE = 30000;

export function attach(form) {
  const field = form.querySelector("[data-article-body]");
  toolbar(form, field);
  preview(form, field);
  if (field.readOnly) return;
  uploads(form, field);
  const saving = autosave(form, field);
  editing(form);
  field.addEventListener("keydown", (event) => {
    if (event.key !== "s" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    saving.now();
  });
}

function preview(form, field) {
  const pane = form.querySelector("[data-article-preview]");
  let timer;
  let turn = 0;
  const show = async () => {
    const mine = (turn += 1);
    try {
      const response = await post(form.dataset.previewUrl, { body: field.value }, { quiet: true });
      const html = await response.text();
      if (mine === turn) pane.innerHTML = html;
    } catch (error) {
      if (!(error instanceof Failed)) throw error;
    }
  };
  field.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(show, PREVIEW); });
  field.addEventListener("scroll", () => {
    const box = pane.parentElement;
    const room = field.scrollHeight - field.clientHeight;
    if (room > 0) box.scrollTop = (field.scrollTop / room) * (box.scrollHeight - box.clientHeight);
  }, { passive: true });
}

// The draft is kept a moment after the last key. When somebody else was first nothing is overwritten: the next
// save by hand shows what differs.
function autosave(form, field) {
  const { title, version } = form.elements;
  const status = form.querySelector("[data-article-status]");
  const words = form.dataset;
  let kept = [title.value, field.value].join("\n");
  let timer;
  let busy = false;
  let lost = false;

  const now = async () => {
    clearTimeout(timer);
    timer = undefined;
    const value = [title.value, field.value].join("\n");
    if (value === kept || lost || !title.value.trim()) return;
    if (busy) return void (timer = setTimeout(now, SAVE));
    busy = true;
    status.textContent = words.textSaving;
    try {
      const fields = { title: title.value, body: field.value, version: version.value };
      const answer = await (await post(words.autosaveUrl, fields, { quiet: true })).json();
      version.value = answer.version;
      // Other forms of the page speak of the same draft.
      for (const other of document.querySelectorAll(`form[action^="${form.getAttribute("action")}/"] [name=version]`)) other.value = answer.version;
      kept = value;
      status.textContent = words.textSaved;
    } catch (error) {
      if (!(error instanceof Failed)) throw error;
      status.textContent = error.message;
      lost = true;
    } finally {
      busy = false;
    }
  };
  const later = () => {
    lost = false;
    status.textContent = words.textUnsaved;
    clearTimeout(timer);
    timer = setTimeout(now, SAVE);
  };
  field.addEventListener("input", later);
  title.addEventListener("input", later);
  form.addEventListener("submit", () => { clearTimeout(timer); kept = [title.value, field.value].join("\n"); });
  addEventListener("beforeunload", (event) => {
    if ([title.value, field.value].join("\n") !== kept) event.preventDefault();
  });
  return { now };
}

function editing(form) {
  const banner = form.querySelector("[data-article-other]");
  const say = async () => {
    if (document.hidden) return;
    try {
      const { other } = await (await post(form.dataset.editingUrl, {}, { quiet: true })).json();
      banner.hidden = !other;
      if (other) banner.querySelector(".grow").textContent = form.dataset.textOther.replace("%s", other);
    } catch (error) {
      if (!(error instanceof Failed)) throw error;
    }
  };
  const timer = setInterval(() => (form.isConnected ? say() : clearInterval(timer)), SIGN_OF_LIFE);
  addEventListener("pagehide", () => {
    const body = new URLSearchParams({ stop: "1", csrf: csrf() });
    navigator.sendBeacon(form.dataset.editingUrl, body);
  });
}

// Pasted, dropped and chosen files go up one after the other; each becomes Markdown where the cursor is.
function uploads(form, field) {
  const list = form.querySelector("[data-article-uploads]");
  const input = form.querySelector("[data-article-files]");
  const take = async (files) => { for (const file of [...files]) await send(form, field, list, file); };
  input.addEventListener("change", async () => { const files = [...input.files]; input.value = ""; await take(files); });
  field.addEventListener("paste", (event) => {
    if (!event.clipboardData.files.length) return;
    event.preventDefault();
    take(event.clipboardData.files);
  });
  form.addEventListener("dragover", (event) => { event.preventDefault(); form.dataset.drop = ""; });
  form.addEventListener("dragleave", (event) => { if (!form.contains(event.relatedTarget)) delete form.dataset.drop; });
  form.addEventListener("drop", (event) => { event.preventDefault(); delete form.dataset.drop; take(event.dataTransfer.files); });
}

async function send(form, field, list, file) {
  const item = document.createElement("li");
  const name = Object.assign(document.createElement("span"), { className: "truncate", textContent: file.name });
  const bar = document.createElement("progress");
  bar.setAttribute("aria-label", file.name);
  item.append(name, bar);
  list.append(item);
  try {
    const body = new FormData();
    body.append("file", file, file.name || form.dataset.textFile);
    const answer = await (await post(form.dataset.uploadUrl, body)).json();
    const words = answer.name.replace(/\.[^.]+$/, "").replace(/[[\]]/g, "");
    insert(field, answer.picture ? `![${words}](${answer.address})\n` : `[${answer.name.replace(/[[\]]/g, "")}](${answer.address})\n`);
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
  } finally {
    item.remove();
  }
}
