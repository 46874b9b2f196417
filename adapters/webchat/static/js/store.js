// What this browser keeps, for each visitor apart: on a shared computer nobody finds, and nothing
// sends, what another was writing. Where storage is closed to frames, memory must do.
const PREFIX = "deskbell-chat";
const memory = new Map();
let owner = null;

// Whose things are meant from now on. null: not known yet, which memory keeps; "": a visitor
// the desk has not met. Who turns out to be that visitor takes over what was kept so far.
export function belong(visitor, takesOver = false) {
  const before = owner;
  owner = visitor;
  if (!takesOver || visitor === before) return;
  for (const [name, raw] of kept(before)) {
    drop(nameOf(name, before));
    if (name === "outbox") save(name, [...load(name, []), ...JSON.parse(raw)]);
    else if (load(name, null) === null) put(nameOf(name), raw);
  }
}

export const owns = () => owner;
export const load = (key, fallback) => read(nameOf(key), fallback);
export const save = (key, value) => put(nameOf(key), JSON.stringify(value), owner === null);
export const forget = (key) => drop(nameOf(key));

// Of the browser, not of a visitor: the token by which the desk knows it, on this site.
export const loadToken = (site) => read(`${PREFIX}-token${site}`, "");
export const saveToken = (site, token) => put(`${PREFIX}-token${site}`, JSON.stringify(token));

const nameOf = (key, of = owner) => `${PREFIX}:${of ?? "?"}:${key}`;

function read(name, fallback) {
  let raw;
  try {
    raw = localStorage.getItem(name);
  } catch {
    raw = null;
  }
  raw ??= memory.get(name);
  return raw === undefined ? fallback : JSON.parse(raw);
}

function put(name, raw, passing = false) {
  memory.set(name, raw);
  if (passing) return;
  try {
    localStorage.setItem(name, raw);
  } catch {
    // Full or closed: memory has it.
  }
}

function drop(name) {
  memory.delete(name);
  try {
    localStorage.removeItem(name);
  } catch {
    // It was in memory alone.
  }
}

function kept(of) {
  const start = nameOf("", of);
  const found = new Map([...memory].filter(([name]) => name.startsWith(start)));
  try {
    for (const name of Object.keys(localStorage)) if (name.startsWith(start)) found.set(name, localStorage.getItem(name));
  } catch {
    // Memory has it all.
  }
  return [...found].map(([name, raw]) => [name.slice(start.length), raw]);
}
