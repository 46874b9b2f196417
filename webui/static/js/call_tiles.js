// Who is seen: a tile for each picture, and for each person who has none.
export class Tiles {
  constructor(box, me, you, screen) {
    Object.assign(this, { box, me, you, screen, names: new Map(), sends: new Map() });
  }

  own(stream) {
    const tile = this.#tile("me", this.you);
    const video = this.#video(tile);
    video.muted = true;
    video.srcObject = stream;
    tile.classList.add("call__tile--me");
  }

  // What each section of the connection shows now.
  bind(peer) {
    const shown = new Set(["me"]);
    for (const transceiver of peer.transceivers) {
      const binding = peer.bindings.get(transceiver.mid);
      if (!binding || !transceiver.receiver) continue;
      const { person, source } = binding;
      const key = source === "screen" ? `${person}-screen` : person;
      const tile = this.#tile(key, this.names.get(person) ?? "");
      shown.add(key);
      if (source === "mic") this.#put(this.#audio(tile), transceiver.receiver.track);
      else this.#put(this.#video(tile), transceiver.receiver.track);
      this.#show(tile, person, source);
    }
    for (const tile of [...this.box.children]) if (!shown.has(tile.dataset.tile)) tile.remove();
  }

  people(people) {
    for (const one of people) {
      this.names.set(one.id, one.name);
      this.sends.set(one.id, one.sends ?? []);
      for (const key of [one.id, `${one.id}-screen`]) {
        const tile = this.#find(key);
        if (!tile) continue;
        tile.querySelector("figcaption").textContent = key === one.id ? one.name : `${one.name} · ${this.screen}`;
        tile.classList.toggle("call__tile--away", one.presence === "away");
        this.#show(tile, one.id, key === one.id ? "camera" : "screen");
      }
    }
  }

  speaking(person, on) {
    this.#find(person === this.me ? "me" : person)?.classList.toggle("call__tile--speaks", on);
  }

  async speaker(id) {
    this.sink = id;
    for (const sound of this.box.querySelectorAll("audio")) await sound.setSinkId?.(id);
  }

  async float() {
    const video = this.box.querySelector(".call__tile:not(.call__tile--me) video");
    if (document.pictureInPictureElement) return document.exitPictureInPicture();
    return video?.requestPictureInPicture();
  }

  // A screen that nobody shows has no tile; a person without a picture keeps theirs, with their name.
  #show(tile, person, source) {
    const sends = this.sends.get(person) ?? [];
    tile.classList.toggle("call__tile--screen", source === "screen");
    if (source === "screen") tile.hidden = !sends.includes("screen");
    else tile.classList.toggle("call__tile--voice", sends.length > 0 && !sends.includes("camera"));
  }

  #find(key) {
    return this.box.querySelector(`[data-tile="${CSS.escape(key)}"]`);
  }

  #tile(key, name) {
    const found = this.#find(key);
    if (found) return found;
    const tile = document.createElement("figure");
    tile.className = "call__tile";
    tile.dataset.tile = key;
    const caption = document.createElement("figcaption");
    caption.textContent = name;
    tile.append(caption);
    this.box.append(tile);
    return tile;
  }

  #video(tile) {
    const found = tile.querySelector("video");
    if (found) return found;
    const video = document.createElement("video");
    Object.assign(video, { autoplay: true, playsInline: true, muted: true });
    // A picture that stands for long is none: the name alone is shown then.
    const seen = () => {
      tile.dataset.frames = Number(tile.dataset.frames ?? 0) + 1;
      video.requestVideoFrameCallback?.(seen);
    };
    video.requestVideoFrameCallback?.(seen);
    tile.prepend(video);
    return video;
  }

  #audio(tile) {
    const found = tile.querySelector("audio");
    if (found) return found;
    const audio = document.createElement("audio");
    audio.autoplay = true;
    if (this.sink) audio.setSinkId?.(this.sink);
    tile.append(audio);
    return audio;
  }

  #put(element, track) {
    if (element.srcObject?.getTracks()[0] !== track) element.srcObject = new MediaStream([track]);
  }
}
