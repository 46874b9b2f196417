// Ranks items by how well the letters typed stand in their title, in order; runs and word starts count more.
export function rank(items, words) {
  if (!words) return items;
  return items
    .map((item) => ({ item, score: Math.max(score(item.title, words) * 2, score(`${item.title} ${item.hint ?? ""}`, words)) }))
    .filter(({ score }) => score > 0)
    .sort((one, other) => other.score - one.score)
    .map(({ item }) => item);
}

function score(title, words) {
  const text = title.toLowerCase();
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
