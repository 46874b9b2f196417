// fetch with the CSRF token; a failure is told by a toast and thrown as Failed.
import { text } from "./text.js";
import { toast } from "./toast.js";

export class Failed extends Error {}

export const csrf = () => document.querySelector('meta[name="csrf"]')?.content ?? "";

export async function call(url, { quiet = false, headers = {}, ...options } = {}) {
  let response;
  try {
    response = await fetch(url, { credentials: "same-origin", headers: { "X-CSRF-Token": csrf(), "X-Fragment": "1", ...headers }, ...options });
  } catch (error) {
    if (error.name === "AbortError") throw new Failed("aborted");
    return fail(text("unreachable"), quiet);
  }
  return response.ok ? response : fail(await reason(response), quiet, response.status);
}

export function post(url, fields, options = {}) {
  const body = fields instanceof FormData ? fields : new URLSearchParams(fields);
  return call(url, { method: "POST", body, ...options });
}

async function reason(response) {
  if (response.headers.get("content-type")?.includes("json")) {
    const problem = await response.json().catch(() => ({}));
    if (typeof problem.detail === "string") return problem.detail;
  }
  return text(response.status === 401 || response.status === 403 ? "denied" : "failed");
}

function fail(words, quiet, status = 0) {
  if (!quiet) toast(words, "bad");
  throw Object.assign(new Failed(words), { status });
}
