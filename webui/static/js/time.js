// Times in the reader's zone and language; relative ones are told anew each minute.
import { text } from "./text.js";

const STEPS = [[60, "minute", 60], [24 * 60, "hour", 3600], [7 * 24 * 60, "day", 86400]];
const language = document.documentElement.lang;
// The narrow form suits English only: in German "vor 3 m" would read as metres.
const style = language.startsWith("en") ? "narrow" : "short";
const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto", style });
const full = new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "short" });
const FORMATS = {
  full: new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }),
  day: new Intl.DateTimeFormat(language, { weekday: "long", day: "numeric", month: "long" }),
  clock: new Intl.DateTimeFormat(language, { timeStyle: "short" }),
  date: new Intl.DateTimeFormat(language, { day: "numeric", month: "short" }),
  year: new Intl.DateTimeFormat(language, { day: "numeric", month: "short", year: "numeric" }),
};

export function attach(element) {
  const at = new Date(element.dateTime);
  if (Number.isNaN(at.getTime())) return;
  const words = element.dataset.time === "relative" ? ago(at) : (FORMATS[element.dataset.time] ?? FORMATS.full).format(at);
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
