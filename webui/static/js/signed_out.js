// Nobody is signed in in this browser any more: its other tabs let go of what they show.
const channel = window.BroadcastChannel && new BroadcastChannel("deskbell-signed-out");

export function attach() {
  channel?.postMessage("");
}
