// What scripts say comes from the page, in the reader's language.
export function text(key, value) {
  const words = document.getElementById("texts")?.dataset[key] ?? "";
  return value === undefined ? words : words.replace("%s", value);
}
