// Chosen, pasted and dropped files go up at once, each with its progress; the message carries their ids.
import { csrf } from "./http.js";
import { text } from "./text.js";
import { toast } from "./toast.js";

export function attach(form, field) {
  const url = form.dataset.uploadUrl;
  if (!url) return;
  const list = form.querySelector("[data-composer-files]");
  const input = form.querySelector("[data-composer-input]");
  const raw = form.hasAttribute("data-upload-raw");
  const take = (files) => [...files].forEach((file) => send(url, file, list, raw));

  input.addEventListener("change", () => { take(input.files); input.value = ""; });
  field.addEventListener("paste", (event) => {
    if (!event.clipboardData.files.length) return;
    event.preventDefault();
    take(event.clipboardData.files);
  });
  form.addEventListener("dragover", (event) => { event.preventDefault(); form.dataset.drop = ""; });
  form.addEventListener("dragleave", (event) => { if (!form.contains(event.relatedTarget)) delete form.dataset.drop; });
  form.addEventListener("drop", (event) => { event.preventDefault(); delete form.dataset.drop; take(event.dataTransfer.files); });
}

// The server answers {"id": …}; fetch cannot tell the progress of what goes up, so XMLHttpRequest.
function send(url, file, list, raw) {
  const request = new XMLHttpRequest();
  const item = chip(file.name, () => request.abort());
  list.append(item);
  const progress = item.querySelector("progress");
  request.upload.addEventListener("progress", ({ loaded, total }) => { progress.max = total; progress.value = loaded; });
  request.addEventListener("load", () => (request.status < 300 ? done(item, request.response) : failed(item, file, request.response)));
  request.addEventListener("error", () => failed(item, file));
  request.responseType = "json";
  request.open("POST", url);
  request.setRequestHeader("X-CSRF-Token", csrf());
  if (raw) {
    request.setRequestHeader("X-File-Name", encodeURIComponent(file.name));
    return request.send(file);
  }
  const body = new FormData();
  body.append("file", file);
  request.send(body);
}

function chip(name, stop) {
  const item = document.createElement("li");
  item.className = "upload";
  item.innerHTML = '<svg class="icon" viewBox="0 0 20 20" aria-hidden="true"><use href="#i-file"></use></svg><span class="upload__name"></span><button type="button" class="button button--quiet button--small button--icon"><svg class="icon" viewBox="0 0 20 20" aria-hidden="true"><use href="#i-x"></use></svg></button><progress max="1" value="0"></progress>';
  item.querySelector(".upload__name").textContent = name;
  item.querySelector("progress").setAttribute("aria-label", name);
  const button = item.querySelector("button");
  button.setAttribute("aria-label", `${text("remove")} ${name}`);
  button.addEventListener("click", () => { stop(); item.remove(); });
  return item;
}

function done(item, { id }) {
  item.querySelector("progress").remove();
  const field = Object.assign(document.createElement("input"), { type: "hidden", name: "attachment", value: id });
  item.append(field);
}

function failed(item, file, problem) {
  item.remove();
  toast(`${file.name}: ${problem?.detail ?? text("uploadFailed")}`, "bad");
}
