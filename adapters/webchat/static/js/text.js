// The words of the page, which the server hands over in the visitor's language.
const words = JSON.parse(document.body.dataset.texts);

export const language = document.documentElement.lang;

export function t(key, values = {}) {
  return words[key].replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

// A length of time in the words of someone who waits.
export function roughly(seconds) {
  const minutes = Math.round(seconds / 60);
  if (minutes <= 1) return t("minute");
  if (minutes < 55) return t("minutes", { count: minutes });
  const hours = Math.round(minutes / 60);
  if (hours <= 1) return t("hour");
  if (hours < 48) return t("hours", { count: hours });
  return t("days", { count: Math.round(hours / 24) });
}

// Dates as the browser's own region writes them, where it speaks the page's language.
const region = navigator.language.startsWith(language) ? navigator.language : language;
const clockForm = new Intl.DateTimeFormat(region, { hour: "2-digit", minute: "2-digit" });
const dayForm = new Intl.DateTimeFormat(region, { weekday: "long", day: "numeric", month: "long" });
const weekdayForm = new Intl.DateTimeFormat(region, { weekday: "long", day: "numeric", month: "long" });
const zonedForm = new Intl.DateTimeFormat(region, { hour: "2-digit", minute: "2-digit", timeZoneName: "short" });
const fullForm = new Intl.DateTimeFormat(region, { dateStyle: "full", timeStyle: "short" });

export const clock = (at) => clockForm.format(new Date(at));
export const full = (at) => fullForm.format(new Date(at));

// A moment ahead, in the visitor's own zone, which is named.
export function moment(at) {
  const day = new Date(at);
  const ahead = -daysAgo(day);
  const time = zonedForm.format(day);
  if (ahead === 0) return t("today_at", { time });
  if (ahead === 1) return t("tomorrow_at", { time });
  return t("day_at", { day: weekdayForm.format(day), time });
}

function daysAgo(day) {
  const midnight = (d) => new Date(d.getFullYear(), d.getMonth(), d.getDate()).getTime();
  return Math.round((midnight(new Date()) - midnight(day)) / 86_400_000);
}

export function dayOf(at) {
  const day = new Date(at);
  const ago = daysAgo(day);
  if (ago === 0) return t("today");
  if (ago === 1) return t("yesterday");
  return dayForm.format(day);
}

export function sizeOf(bytes) {
  const units = ["byte", "kilobyte", "megabyte"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < 2) {
    value /= 1000;
    unit += 1;
  }
  const form = { style: "unit", unit: units[unit], unitDisplay: unit ? "short" : "long", maximumFractionDigits: unit ? 1 : 0 };
  return new Intl.NumberFormat(language, form).format(value);
}
