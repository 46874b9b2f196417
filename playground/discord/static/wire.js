// Calls of the control over HTTP.
export async function get(path) {
  const answer = await fetch(`/_play/${path}`);
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}

/** Do something; what is refused is said on the page, and answers with null. */
export async function call(act, given) {
  const answer = await fetch(`/_play/${act}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(given),
  });
  const body = await answer.json();
  if (answer.ok) return body;
  say(`${body.message}${body.code ? ` (${body.code})` : ""}`);
  return null;
}

let ends;
export function say(words) {
  const notice = document.getElementById("notice");
  notice.textContent = words;
  notice.hidden = false;
  clearTimeout(ends);
  ends = setTimeout(() => { notice.hidden = true; }, 6000);
}

export function readFiles(input) {
  return Promise.all([...input.files].map((file) => new Promise((done) => {
    const reader = new FileReader();
    reader.onload = () => done({ name: file.name, data: reader.result.split(",")[1] || "" });
    reader.readAsDataURL(file);
  })));
}
