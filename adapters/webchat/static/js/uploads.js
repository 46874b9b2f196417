// Files on their way: by button, paste and drop, each with its progress; sent with the message.
import { headers, current, start } from "./api.js";
import { $, h, icon } from "./dom.js";
import { sizeOf, t } from "./text.js";

let chosen = [];
let changed = () => {};

export const onChange = (fn) => {
  changed = fn;
};
export const busy = () => chosen.some((one) => one.state === "uploading");
export const any = () => chosen.some((one) => one.state === "done");

// What another visitor chose is not theirs to send.
export function clear() {
  for (const one of chosen) one.request?.abort();
  chosen = [];
  draw();
}

export function taken() {
  const done = chosen.filter((one) => one.state === "done").map(({ id, name, size }) => ({ id, name, size }));
  chosen = chosen.filter((one) => one.state !== "done");
  draw();
  return done;
}

export async function add(files) {
  if (!current()) await start();
  const { largest_file: largest, most_files: most } = current().desk;
  for (const file of files) {
    if (chosen.length >= most) break;
    const one = { file, name: file.name || "file", size: file.size, state: "uploading", percent: 0 };
    chosen.push(one);
    if (file.size > largest) fail(one, `${sizeOf(file.size)} > ${sizeOf(largest)}`);
    else upload(one);
  }
  draw();
}

// XMLHttpRequest still is the only way to see how far an upload has come.
function upload(one) {
  const request = new XMLHttpRequest();
  one.request = request;
  request.open("POST", "files");
  for (const [name, value] of Object.entries(headers())) request.setRequestHeader(name, value);
  request.setRequestHeader("x-file-name", encodeURIComponent(one.name));
  request.setRequestHeader("content-type", "application/octet-stream");
  request.upload.onprogress = (event) => {
    one.percent = event.lengthComputable ? Math.floor((event.loaded / event.total) * 100) : 0;
    draw();
  };
  request.onload = () => finish(one, request);
  request.onerror = () => fail(one, t("waiting_net"));
  request.send(one.file);
}

function finish(one, request) {
  let answer = {};
  try {
    answer = JSON.parse(request.responseText);
  } catch {
    // A proxy's own error page.
  }
  if (request.status !== 200) return fail(one, answer.detail || t("problem"));
  Object.assign(one, { state: "done", id: answer.id, name: answer.name });
  draw();
}

function fail(one, why) {
  Object.assign(one, { state: "failed", why });
  draw();
}

function remove(one) {
  one.request?.abort();
  chosen = chosen.filter((other) => other !== one);
  draw();
  $("words").focus();
}

function draw() {
  $("uploads").hidden = chosen.length === 0;
  $("uploads").replaceChildren(...chosen.map(row));
  changed();
}

function row(one) {
  const words = {
    uploading: () => t("uploading", { name: one.name, percent: one.percent }),
    done: () => one.name,
    failed: () => t("upload_failed", { name: one.name, why: one.why }),
  }[one.state]();
  return h("li", { class: `upload upload--${one.state}` },
    icon(one.state === "failed" ? "warn" : "file"),
    h("span", { class: "upload__words" }, words),
    one.state === "uploading" ? h("progress", { max: "100", value: String(one.percent), "aria-label": one.name }) : null,
    h("button", { type: "button", class: "mini", "aria-label": t("remove", { name: one.name }), onclick: () => remove(one) }, icon("x")));
}

function watchDrops() {
  let depth = 0;
  const carries = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragenter", (event) => {
    if (!carries(event)) return;
    depth += 1;
    $("drop").hidden = false;
  });
  addEventListener("dragleave", () => {
    depth = Math.max(0, depth - 1);
    if (!depth) $("drop").hidden = true;
  });
  addEventListener("dragover", (event) => carries(event) && event.preventDefault());
  addEventListener("drop", (event) => {
    depth = 0;
    $("drop").hidden = true;
    if (!carries(event)) return;
    event.preventDefault();
    add(event.dataTransfer.files);
  });
}

$("attach").addEventListener("click", () => $("files").click());
$("files").addEventListener("change", () => {
  add([...$("files").files]);
  $("files").value = "";
});
$("words").addEventListener("paste", (event) => {
  const files = [...(event.clipboardData?.files ?? [])];
  if (!files.length) return;
  event.preventDefault();
  add(files);
});
watchDrops();
