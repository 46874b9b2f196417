// The talk with the page that shows this one in a frame: open or not, unread, who is vouched for.
const framed = document.documentElement.dataset.framed === "yes" && parent !== window;
let open = !framed;
let greet = () => {};
const greeted = new Promise((done) => {
  greet = done;
});
let handlers = { open: () => {}, vouched: () => {} };

export const isOpen = () => open;
export const isFramed = () => framed;

// Done when the host has answered, or has had time to.
export function listen(given) {
  handlers = given;
  if (!framed) return Promise.resolve();
  tell({ ready: true });
  return Promise.race([greeted, new Promise((late) => setTimeout(late, 800))]);
}

export function tell(what) {
  // A count and nothing else: it may be told to whichever site was allowed to frame us.
  if (framed) parent.postMessage({ deskbell: what }, "*");
}

addEventListener("message", (event) => {
  if (!framed || event.source !== parent || typeof event.data?.deskbell !== "object") return;
  const said = event.data.deskbell;
  if (typeof said.token === "string" && said.token) handlers.vouched(said.token);
  if (typeof said.open === "boolean") {
    open = said.open;
    handlers.open(open);
  }
  greet();
});
