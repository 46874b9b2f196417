// The connection to the media engine: one peer connection for all, made afresh when it does not come back.
// Sections: 0 voice, 1 camera, 2 screen, each both ways; then three more for each further person.
import { Again } from "./call_again.js";

const PATIENCE = 4000;

export class Peer extends Again {
  constructor({ signal, ice, onbindings, ontrack, onstate }) {
    super({ signal, ice, onbindings, ontrack, onstate });
    this.seats = 1;
    this.turn = Promise.resolve();
  }

  close() {
    super.close();
    this.pc?.close();
    this.pc = null;
  }

  async replace(source, track) {
    this.tracks[source] = track;
    const index = ["mic", "camera", "screen"].indexOf(source);
    await this.pc?.getTransceivers()[index]?.sender.replaceTrack(track);
  }

  // News of one more person often comes before the answer to our own offer: one after the other.
  async moreSeats(seats) {
    return this.#inTurn(async () => {
      if (!this.pc || seats <= this.seats) return;
      this.#seat(seats - this.seats);
      this.seats = seats;
      await this.#offer(this.pc);
    });
  }

  bound(list) {
    this.bindings = new Map(list.map((one) => [one.mid, one]));
    this.onbindings();
  }

  get transceivers() {
    return this.pc?.getTransceivers() ?? [];
  }

  stats() {
    return this.pc?.getStats();
  }

  async afresh() {
    const number = ++this.number;
    this.pc?.close();
    const pc = (this.pc = new RTCPeerConnection({ bundlePolicy: "max-bundle", iceServers: await this.ice() }));
    if (number !== this.number) return pc.close();
    pc.ontrack = ({ track, transceiver }) => this.ontrack(track, transceiver);
    pc.onconnectionstatechange = () => number === this.number && this.#state(pc);
    const stream = new MediaStream(Object.values(this.tracks).filter(Boolean));
    const how = { direction: "sendrecv", streams: [stream] };
    pc.addTransceiver(this.tracks.mic ?? "audio", how);
    pc.addTransceiver(this.tracks.camera ?? "video", how);
    pc.addTransceiver(this.tracks.screen ?? "video", how);
    return this.#inTurn(() => {
      if (pc !== this.pc) return null;
      this.#seat(this.seats - 1);
      return this.#offer(pc);
    });
  }

  #inTurn(step) {
    const done = this.turn.then(step);
    this.turn = done.catch(() => {});
    return done;
  }

  #seat(count) {
    for (let n = 0; n < count; n++)
      for (const kind of ["audio", "video", "video"]) this.pc.addTransceiver(kind, { direction: "recvonly" });
  }

  async #offer(pc) {
    await pc.setLocalDescription(await pc.createOffer());
    const [mic, camera, screen] = pc.getTransceivers().map((one) => one.mid);
    const answer = await this.signal({ sdp: pc.localDescription.sdp, sources: { [mic]: "mic", [camera]: "camera", [screen]: "screen" } });
    if (!answer.sdp) return null;
    if (pc !== this.pc) return null;
    await pc.setRemoteDescription({ type: "answer", sdp: answer.sdp });
    this.bound(answer.bindings);
    return answer;
  }

  #state(pc) {
    const state = pc.connectionState;
    if (state === "connected") {
      clearTimeout(this.timer);
      this.onstate("connected");
    } else if (state === "failed") this.again();
    else if (state === "disconnected") this.again(PATIENCE);
  }
}
