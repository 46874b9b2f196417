// Times in the reader's zone and language; relative ones are told anew each minute.
import { text } from "./text.js";

const STEPS = [[60, "minute", 60], [24 * 60, "hour", 3600], [7 * 24 * 60, "day", 86400]];
const language = document.documentElement.lang;
// The narrow form suits English only: in German "vor 3 m" would read as metres.
const style = language.startsWith("en") ? "narrow" : "short";
// Dates as the browser's own region writes them, where it speaks the page's language.
const region = navigator.languages.find((one) => one.split("-")[0] === language.split("-")[0]) ?? language;
const form = (options) => new Intl.DateTimeFormat(region, options);
const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto", style });
const full = form({ dateStyle: "full", timeStyle: "short" });
const FORMATS = {
  full: form({ dateStyle: "medium", timeStyle: "short" }),
  day: form({ weekday: "long", day: "numeric", month: "long" }),
  dayOfYear: form({ weekday: "long", day: "numeric", month: "long", year: "numeric" }),
  clock: form({ timeStyle: "short" }),
  date: form({ day: "numeric", month: "short" }),
  year: form({ day: "numeric", month: "short", year: "numeric" }),
};

export function attach(element) {
  const at = new Date(element.dateTime);
  if (Number.isNaN(at.getTime())) return;
  const past = at.getFullYear() !== new Date().getFullYear();
  const name = element.dataset.time === "day" && (past || "year" in element.dataset) ? "dayOfYear" : element.dataset.time;
  const words = name === "relative" ? ago(at) : (FORMATS[name] ?? FORMATS.full).format(at);
  if (element.textContent !== words) element.textContent = words;
  element.title = full.format(at);
}

export const again = attach;

function ago(at) {
  const seconds = (at - Date.now()) / 1000;
  if (Math.abs(seconds) < 45) return text("now");
  const step = STEPS.find(([minutes]) => Math.abs(seconds) < minutes * 60);
  if (step) return relative.format(Math.round(seconds / step[2]), step[1]);
  return (at.getFullYear() === new Date().getFullYear() ? FORMATS.date : FORMATS.year).format(at);
}

setInterval(() => document.querySelectorAll("time[data-time='relative']").forEach(attach), 60000);
