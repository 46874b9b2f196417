// Ranks items: first those whose words begin as the typed ones do, in the title before the hint; then
// by how well the letters typed stand in them, in order; runs and word starts count more.
export function rank(items, words) {
  if (!words) return items;
  return items
    .map((item) => ({ item, score: Math.max(score(item.title, words) * 2, score(`${item.title} ${item.hint ?? ""}`, words)) }))
    .filter(({ score }) => score > 0)
    .sort((one, other) => other.score - one.score)
    .map(({ item }) => item);
}

const BEGINS = 1000;

function score(title, words) {
  const text = title.toLowerCase();
  const starts = text.split(/[^\p{L}\p{N}#]+/u);
  const typed = words.toLowerCase().split(/\s+/).filter(Boolean);
  if (typed.every((word) => starts.some((start) => start.startsWith(word)))) {
    return BEGINS + (text.startsWith(typed[0]) ? 100 : 0) - Math.min(text.length, 90);
  }
  let total = 0;
  let at = -1;
  for (const letter of words.toLowerCase().replace(/\s+/g, "")) {
    const next = text.indexOf(letter, at + 1);
    if (next < 0) return 0;
    if (next === at + 1) total += 4;
    else if (/[^\p{L}\p{N}]/u.test(text[next - 1] ?? " ")) total += 3;
    else total += 1 / (next - at);
    at = next;
  }
  return total / (1 + text.length / 60);
}
