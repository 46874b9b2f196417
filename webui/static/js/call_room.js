// The call page: devices first, then the call, then a rating. What is said lives in call_talk.js.
import { call as ask } from "./http.js";
import * as devices from "./call_devices.js";
import { Peer } from "./call_peer.js";
import { ServicePeer } from "./call_service.js";
import { attachPeople } from "./call_people.js";
import { attachTalk } from "./call_talk.js";
import { Tiles } from "./call_tiles.js";
import { watchQuality } from "./call_quality.js";

export function attach(root) {
  new Room(root).begin();
}

class Room {
  constructor(root) {
    this.root = root;
    this.base = root.dataset.base;
    this.me = root.dataset.person;
    this.staff = root.dataset.staff === "yes";
    this.tab = crypto.randomUUID?.() ?? String(Math.random());
    this.on = { mic: true, camera: true, screen: false };
    this.now = { people: [] };
    this.part = "check";
    this.tiles = new Tiles(this.$("[data-tiles]"), this.me, this.text("you"), this.text("screen"));
    this.peer = new (root.dataset.client ? ServicePeer : Peer)({
      client: root.dataset.client,
      onspeaking: (person, on) => this.tiles.speaking(person, on),
      signal: (offer) => this.#offer(offer),
      ice: () => this.#json("/ice").catch(() => []),
      onbindings: () => this.tiles.bind(this.peer),
      ontrack: () => this.tiles.bind(this.peer),
      onstate: (state) => this.#connection(state),
    });
  }

  $(selector) {
    return this.root.querySelector(selector);
  }

  text(key) {
    return this.root.dataset[`text${key[0].toUpperCase()}${key.slice(1)}`] ?? "";
  }

  say(key, words = this.text(key)) {
    this.$("[data-say]").textContent = words;
    this.root.dataset.said = key;
  }

  async begin() {
    this.root.addEventListener("click", (event) => this.#pressed(event));
    document.addEventListener("keydown", (event) => this.#key(event));
    if (!this.$('[data-part="over"]').hidden) return;
    attachTalk(this);
    if (this.staff) attachPeople(this);
    this.#listen();
    if (!window.RTCPeerConnection || !navigator.mediaDevices?.getUserMedia) return this.#trouble("old");
    for (const select of this.root.querySelectorAll("[data-choose]")) select.addEventListener("change", () => this.#devices(select));
    this.$("[data-with-camera]").addEventListener("change", () => this.#devices());
    navigator.mediaDevices.addEventListener?.("devicechange", () => devices.list(this.root.querySelectorAll("[data-choose]")));
    window.addEventListener("online", () => this.part === "room" && this.peer.again());
    navigator.connection?.addEventListener?.("change", () => this.part === "room" && this.peer.again(500));
    await this.#devices();
    await this.refresh();
  }

  async refresh() {
    const before = this.now;
    try {
      this.now = await this.#json("/state");
    } catch (error) {
      if (error.status === 404 || error.status === 410) this.#shownOut();
      return;
    }
    this.#show(before);
  }

  post(path, body, options = {}) {
    return ask(this.base + path, { ...options, method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body ?? {}) });
  }

  async #json(path) {
    return (await ask(this.base + path, { quiet: true })).json();
  }

  async #devices(select) {
    if (select?.dataset.choose === "audiooutput") return this.tiles.speaker(select.value);
    const chosen = Object.fromEntries([...this.root.querySelectorAll("[data-choose]")].map((one) => [one.dataset.choose, one.value]));
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    const { stream, trouble } = await devices.ask(this.$("[data-with-camera]").checked, chosen);
    this.stream = stream;
    this.#trouble(trouble);
    this.$("[data-preview]").srcObject = stream;
    devices.measure(stream, this.$("[data-level]"));
    await devices.list(this.root.querySelectorAll("[data-choose]"));
    this.root.dataset.ready = "";
  }

  #trouble(key) {
    const line = this.$("[data-trouble]");
    line.hidden = !key;
    line.textContent = key ? this.text(key) : "";
  }

  #turn(part) {
    this.part = part;
    this.root.dataset.part = part;
    for (const one of this.root.querySelectorAll("[data-part]")) one.hidden = one.dataset.part !== part;
  }

  async join() {
    if (!window.RTCPeerConnection) return this.say("old");
    this.say("connecting");
    this.peer.tracks.mic = this.stream?.getAudioTracks()[0] ?? null;
    this.peer.tracks.camera = this.stream?.getVideoTracks()[0] ?? null;
    this.on.camera = this.peer.tracks.camera !== null;
    try {
      if (!(await this.peer.open())) return this.#waits();
    } catch (error) {
      this.peer.close();
      return this.say("failed", error.message || this.text("failed"));
    }
    this.#turn("room");
    devices.measure(null);
    this.tiles.own(this.stream);
    this.#buttons();
    this.stopQuality ??= watchQuality(this);
    this.ticking ??= setInterval(() => this.#clock(), 1000);
    await this.refresh();
  }

  #waits() {
    this.waiting = true;
    this.peer.close();
    this.say("waiting");
  }

  async #offer(offer) {
    const response = await ask(this.base + "/join", {
      method: "POST", quiet: true, headers: { "content-type": "application/json" }, body: JSON.stringify({ ...offer, tab: this.tab }),
    });
    return response.json();
  }

  #connection(state) {
    if (state === "connected") this.say("connected");
    if (state === "again") this.say("again");
  }

  #listen() {
    const source = (this.source = new EventSource(this.base + "/live"));
    source.addEventListener("call", (event) => this.#told(JSON.parse(event.data)));
    source.addEventListener("ready", () => this.refresh());
  }

  #told(news) {
    switch (news.what) {
      case "bound": return this.peer.bound(news.bindings);
      case "seats": return this.peer.moreSeats(news.seats);
      case "speaking": return this.tiles.speaking(news.person, news.on);
      case "taken": return news.tab !== this.tab && this.part === "room" && this.#elsewhere();
      case "interrupted": return this.part === "room" && this.peer.again();
      case "revoked": return this.refresh();
      case "ticket": return this.about?.();
      case "talk": return this.talk?.();
      case "quality": return this.quality?.(news);
      default: return this.refresh();
    }
  }

  #shownOut() {
    if (this.part !== "over") this.#away();
    this.now = { ...this.now, live: false };
    this.$("[data-back]").hidden = true;
    this.$("[data-rate]").hidden = true;
    this.$(".call__talk").hidden = true;
    this.source?.close();
    this.say("revoked");
  }

  #elsewhere() {
    this.#away();
    this.say("elsewhere");
  }

  #away() {
    this.peer.close();
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    clearInterval(this.ticking);
    this.ticking = null;
    this.#turn("over");
    this.$("[data-back]").hidden = !this.now.live;
  }

  #show(before) {
    const now = this.now;
    if (!now.live) return this.part !== "over" && this.#finish();
    if (this.waiting && now.presence === "admitted") {
      this.waiting = false;
      this.join();
    }
    this.$("[data-recording]").hidden = !now.recording;
    this.$("[data-held]").hidden = now.state !== "on_hold";
    this.#pressedIs("hold", now.state === "on_hold");
    this.#pressedIs("record", now.recording_wanted);
    this.$('[data-do="unconsent"]').hidden = !(now.recording_wanted && now.consent);
    this.seconds = now.seconds;
    this.people?.(before);
    this.tiles.people(now.people);
    this.#doors(now.people);
    this.#consent(now);
    if (before.state && before.recording !== now.recording) this.say(now.recording ? "recorded" : "unrecorded");
    if (before.state && (before.state === "on_hold") !== (now.state === "on_hold")) this.say(now.state === "on_hold" ? "held" : "unheld");
    this.#news(before.people ?? [], now.people);
  }

  #news(before, people) {
    for (const one of people) {
      const was = before.find((other) => other.id === one.id)?.presence;
      if (one.me || !was || was === one.presence) continue;
      const key = { present: "joined", away: "away", left: "left", waiting: "waits" }[one.presence];
      if (key) this.say(key, `${one.name} ${this.text(key)}`);
    }
  }

  #doors(people) {
    const doors = this.$("[data-doors]");
    doors.replaceChildren();
    if (!this.staff) return;
    for (const one of people.filter((each) => each.presence === "waiting")) {
      const line = document.createElement("p");
      const button = document.createElement("button");
      Object.assign(button, { type: "button", className: "button button--primary", textContent: this.text("admit") });
      button.addEventListener("click", () => this.post("/admission", { person: one.id }));
      line.append(`${one.name} ${this.text("waits")} `, button);
      doors.append(line);
    }
  }

  #consent(now) {
    const box = this.$("[data-consent]");
    const wanted = this.part === "room" && now.recording_wanted && now.consent === null;
    if (wanted && !box.open) box.showModal();
    if (!wanted && box.open) box.close();
  }

  #finish() {
    this.#away();
    this.say("over");
    this.$("[data-rate]").hidden = !this.now.people.some((one) => one.me && ["left", "present", "away"].includes(one.presence));
    this.$(".call__talk").hidden = true;
    this.$("[data-consent]").close();
  }

  #clock() {
    if (this.now.live) this.seconds = (this.seconds ?? 0) + 1;
    const [minutes, seconds] = [Math.floor(this.seconds / 60), Math.floor(this.seconds % 60)];
    this.$("[data-time-of-call]").textContent = `${minutes}:${String(seconds).padStart(2, "0")}`;
  }

  #pressed(event) {
    const score = event.target.closest("[data-score]");
    if (score) return this.#rate(score);
    const name = event.target.closest("[data-do]")?.dataset.do;
    if (name) this.do(name).catch(() => this.say("failed"));
  }

  #key(event) {
    if (event.target.closest("input, textarea, select, dialog") || event.ctrlKey || event.metaKey || event.altKey || this.part !== "room") return;
    const name = { m: "mute", v: "camera", s: "share", h: "hold", r: this.staff ? "record" : "", f: "full", p: "float", i: this.staff ? "people" : "" }[event.key];
    if (name) this.do(name).catch(() => this.say("failed"));
  }

  async do(name) {
    switch (name) {
      case "join": return this.join();
      case "test-sound": return devices.beep();
      case "mute": return this.#toggle("mic", "unmuted", "muted");
      case "camera": return this.#camera();
      case "share": return this.#share();
      case "hold": return this.post("/hold", { on: this.now.state !== "on_hold" });
      case "record": return this.post("/recording", { on: !this.now.recording_wanted });
      case "agree": return this.post("/consent", { on: true });
      case "disagree": return this.post("/consent", { on: false });
      case "unconsent": await this.post("/consent", { on: false }); return this.say("withdrawn");
      case "full": return document.fullscreenElement ? document.exitFullscreen() : this.$('[data-part="room"]').requestFullscreen();
      case "float": return this.tiles.float();
      case "people": return this.people.turn();
      case "leave": return this.#leave();
      case "end": await this.post("/end"); return this.refresh();
      case "back": return this.#back();
    }
  }

  async #toggle(source, yes, no) {
    const track = this.peer.tracks[source];
    this.on[source] = !this.on[source];
    if (track) track.enabled = this.on[source];
    this.say(this.on[source] ? yes : no);
    this.#buttons();
    if (this.peer.mute) return this.peer.mute(source, !this.on[source]);
    await this.post("/mute", { source, on: !this.on[source] });
  }

  async #camera() {
    if (!this.peer.tracks.camera) {
      const { stream } = await devices.ask(true);
      const track = stream?.getVideoTracks()[0];
      if (!track) return this.#trouble("none");
      this.stream?.addTrack(track);
      this.on.camera = false;
      await this.peer.replace("camera", track);
    }
    return this.#toggle("camera", "cameraOn", "cameraOff");
  }

  async #share() {
    if (this.on.screen) {
      this.peer.tracks.screen?.stop();
      await this.peer.replace("screen", null);
    } else {
      const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { max: 15 } } });
      const [track] = stream.getVideoTracks();
      track.onended = () => this.on.screen && this.#share();
      await this.peer.replace("screen", track);
    }
    this.on.screen = !this.on.screen;
    this.say(this.on.screen ? "shareOn" : "shareOff");
    this.#buttons();
  }

  async #leave() {
    this.#away();
    await this.post("/leave");
    await this.refresh();
  }

  async #back() {
    await this.#devices();
    await this.join();
  }

  async #rate(button) {
    await this.post("/rating", { score: Number(button.dataset.score) });
    for (const one of this.root.querySelectorAll("[data-score]")) one.setAttribute("aria-pressed", one === button);
    this.say("thanks");
  }

  #buttons() {
    this.#pressedIs("mute", !this.on.mic);
    this.#pressedIs("camera", !this.on.camera);
    this.#pressedIs("share", this.on.screen);
  }

  #pressedIs(name, on) {
    this.$(`[data-do="${name}"]`)?.setAttribute("aria-pressed", on ? "true" : "false");
  }
}
