// The talk with the page that shows this one in a frame: open or not, unread, who is vouched for,
// and the visitor's token, which the host page keeps where browsers refuse storage to frames.
const framed = document.documentElement.dataset.framed === "yes" && parent !== window;
let open = !framed;
let greet = () => {};
const greeted = new Promise((done) => {
  greet = done;
});
let origin = "";
let kept = "";
let begun = false;
let handlers = { open: () => {}, vouched: () => {} };

export const isOpen = () => open;
export const isFramed = () => framed;

// Done when the host has answered, or has had time to.
export async function listen(given) {
  handlers = given;
  if (!framed) return;
  tell({ ready: true });
  await Promise.race([greeted, new Promise((late) => setTimeout(late, 800))]);
  begun = true;
}

// On a site of its own a visitor is one of its own: a site learns no token of another's.
export const site = () => (origin ? `@${origin}` : framed ? "@" : "");
export const keptToken = () => kept;

// To the site that has greeted us and to no other that may be in its place by now.
export function keep(token) {
  if (!origin || token === kept) return;
  kept = token;
  parent.postMessage({ deskbell: { visitor: token } }, origin);
}

export function tell(what) {
  // A count and nothing else: it may be told to whichever site was allowed to frame us.
  if (framed) parent.postMessage({ deskbell: what }, "*");
}

addEventListener("message", (event) => {
  const said = event.data?.deskbell;
  if (!framed || event.source !== parent || typeof said !== "object" || said === null) return;
  if (!begun) origin = event.origin;
  if (!begun && typeof said.visitor === "string") kept = said.visitor.slice(0, 2000);
  if (typeof said.token === "string" && said.token) handlers.vouched(said.token);
  if (typeof said.open === "boolean") {
    open = said.open;
    handlers.open(open);
  }
  greet();
});
