// What this browser keeps. Where storage is closed to frames, memory must do.
const memory = new Map();

export function load(key, fallback) {
  try {
    const raw = localStorage.getItem(`deskbell-chat-${key}`) ?? memory.get(key);
    return raw === null || raw === undefined ? fallback : JSON.parse(raw);
  } catch {
    const raw = memory.get(key);
    return raw === undefined ? fallback : JSON.parse(raw);
  }
}

export function save(key, value) {
  const raw = JSON.stringify(value);
  memory.set(key, raw);
  try {
    localStorage.setItem(`deskbell-chat-${key}`, raw);
  } catch {
    // Full or closed: memory has it.
  }
}
