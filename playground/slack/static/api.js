// The play side of this server, and small helpers for building elements.

export async function ask(verb, given = {}) {
  const answer = await fetch(`/_play/${verb}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(given),
  });
  return answer.json();
}

export function el(name, more = {}, ...inside) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(more)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key in made && typeof value !== "string") made[key] = value;
    else made.setAttribute(key === "className" ? "class" : key, value === true ? "" : value);
  }
  made.append(...inside.flat().filter((one) => one !== null && one !== undefined));
  return made;
}

export function notice(text) {
  const place = document.getElementById("notice");
  place.textContent = text;
  clearTimeout(notice.timer);
  notice.timer = setTimeout(() => (place.textContent = ""), 5000);
}

export const names = { users: new Map(), channels: new Map() };

const FACES = {
  "+1": "👍", thumbsup: "👍", "-1": "👎", eyes: "👀", heart: "❤️", tada: "🎉", smile: "😄", white_check_mark: "✅",
  heavy_check_mark: "✔️", x: "❌", warning: "⚠️", hourglass: "⌛", hourglass_flowing_sand: "⏳", ticket: "🎫",
  bell: "🔔", lock: "🔒", star: "⭐", speech_balloon: "💬", pencil2: "✏️", wave: "👋", pray: "🙏", fire: "🔥",
};

export const face = (name) => FACES[name] ?? `:${name}:`;

export async function packed(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let letters = "";
  for (let start = 0; start < bytes.length; start += 32768) letters += String.fromCharCode(...bytes.subarray(start, start + 32768));
  return { name: file.name, mimetype: file.type, content: btoa(letters) };
}
