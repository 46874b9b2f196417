// The connection to a LiveKit server, with LiveKit's own client: the same as call_peer.js for whoever uses it.
// The client makes its offers, answers and short reconnections by itself.
import { Again, RETRY } from "./call_again.js";

const SOURCES = { microphone: "mic", camera: "camera", screen_share: "screen" };
const NAMES = { mic: "microphone", camera: "camera", screen: "screen_share" };

export class ServicePeer extends Again {
  constructor({ signal, onbindings, onstate, onspeaking, client }) {
    super({ signal, onbindings, onstate, onspeaking, client });
    this.taken = new Map();
    this.loud = new Set();
  }

  close() {
    super.close();
    this.room?.disconnect(false);
    this.room = null;
  }

  async replace(source, track) {
    const before = this.tracks[source];
    this.tracks[source] = track;
    if (before) await this.room?.localParticipant.unpublishTrack(before, false);
    if (track) await this.#publish(source);
  }

  // The service's own way: others see it, and only whoever turned a source off can turn it on again.
  async mute(source, on) {
    const found = this.room?.localParticipant.getTrackPublication(NAMES[source]);
    await (on ? found?.mute() : found?.unmute());
  }

  get transceivers() {
    return [...this.taken].map(([mid, track]) => ({ mid, receiver: { track: track.mediaStreamTrack } }));
  }

  async stats() {
    const all = new Map();
    for (const track of this.taken.values()) for (const [id, one] of (await track.getRTCStatsReport()) ?? []) all.set(id, one);
    return all;
  }

  moreSeats() {}

  bound() {}

  async afresh() {
    const number = ++this.number;
    this.room?.disconnect(false);
    this.#forget();
    const answer = await this.signal({ sdp: "" });
    if (!answer.token) return null;
    const livekit = await import(this.client);
    if (number !== this.number) return null;
    const room = (this.room = new livekit.Room());
    this.#listen(room, livekit.RoomEvent, number);
    await room.connect(answer.url, answer.token);
    if (number !== this.number) return room.disconnect(false);
    this.onstate("connected");
    for (const source of Object.keys(this.tracks)) await this.#publish(source);
    return answer;
  }

  async #publish(source) {
    const track = this.tracks[source];
    if (track) await this.room?.localParticipant.publishTrack(track, { source: NAMES[source], stopMicTrackOnMute: false });
  }

  #listen(room, events, number) {
    const on = (name, step) => room.on(name, (...told) => number === this.number && step(...told));
    on(events.TrackSubscribed, (track, publication, person) => this.#take(track, publication, person));
    on(events.TrackUnsubscribed, (_track, publication) => this.#drop(publication.trackSid));
    on(events.ActiveSpeakersChanged, (speakers) => this.#speak(speakers.map((one) => one.identity)));
    on(events.Reconnecting, () => this.onstate("again"));
    on(events.Reconnected, () => this.onstate("connected"));
    on(events.Disconnected, () => this.again(RETRY));
  }

  #take(track, publication, person) {
    const source = SOURCES[publication.source];
    if (!source) return;
    this.taken.set(publication.trackSid, track);
    this.bindings.set(publication.trackSid, { mid: publication.trackSid, person: person.identity, source });
    this.onbindings();
  }

  #drop(sid) {
    this.taken.delete(sid);
    this.bindings.delete(sid);
    this.onbindings();
  }

  #speak(now) {
    for (const one of this.loud) if (!now.includes(one)) this.onspeaking(one, false);
    for (const one of now) if (!this.loud.has(one)) this.onspeaking(one, true);
    this.loud = new Set(now);
  }

  #forget() {
    this.taken.clear();
    this.bindings.clear();
    this.#speak([]);
  }
}
