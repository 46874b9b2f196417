// Talks to the people's side of the stand-in.

export async function look(path) {
  const answer = await fetch(`/_play/${path}`);
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.error);
  return body;
}

export async function act(action, given) {
  const answer = await fetch(`/_play/${action}`, { method: "POST", body: JSON.stringify(given) });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.error);
  return body;
}

export function watch(after, told) {
  const events = new EventSource(`/_play/events?after=${after}`);
  events.onmessage = (event) => told(JSON.parse(event.data));
}

export async function packed(file) {
  const kinds = { image: "photo", video: "video", audio: "audio" };
  const bytes = new Uint8Array(await file.arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 32768) {
    text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  }
  const kind = kinds[file.type.split("/")[0]] ?? "document";
  return { kind, name: file.name, mime: file.type, base64: btoa(text) };
}
