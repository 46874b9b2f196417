// Whether calls would work from here: looked at, not promised.
import { call as ask } from "./http.js";

const PATIENCE = 5000;

export async function attach(root) {
  const say = (name, good) => (root.querySelector(`[data-${name}]`).textContent = good === null ? root.dataset.textNone : good ? root.dataset.textYes : root.dataset.textNo);
  say("secure", window.isSecureContext);
  say("browser", Boolean(window.RTCPeerConnection && navigator.mediaDevices?.getUserMedia));
  let servers = [];
  try {
    servers = await (await ask(root.dataset.base + "/ice", { quiet: true })).json();
    say("engine", true);
  } catch {
    say("engine", false);
  }
  const relays = servers.filter((one) => one.urls.some((url) => url.startsWith("turn")));
  say("relay", relays.length && window.RTCPeerConnection ? await reaches(relays) : null);
  root.dataset.ready = "";
}

async function reaches(iceServers) {
  const pc = new RTCPeerConnection({ iceServers, iceTransportPolicy: "relay" });
  pc.createDataChannel("check");
  const found = new Promise((done) => {
    pc.onicecandidate = ({ candidate }) => candidate && done(true);
    setTimeout(() => done(false), PATIENCE);
  });
  await pc.setLocalDescription(await pc.createOffer());
  const good = await found;
  pc.close();
  return good;
}
