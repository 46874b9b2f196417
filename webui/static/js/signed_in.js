// Where somebody signs out in another tab, this one shows nothing of theirs any more.
let channel;

export function attach() {
  if (channel || !window.BroadcastChannel) return;
  channel = new BroadcastChannel("deskbell-signed-out");
  channel.addEventListener("message", () => {
    document.body.replaceChildren();
    location.reload();
  });
}
