// Stands in for LiveKit's client in the tests: keeps what the page publishes, and shows what a test says.
export const RoomEvent = {
  TrackSubscribed: "trackSubscribed", TrackUnsubscribed: "trackUnsubscribed", Reconnecting: "reconnecting",
  Reconnected: "reconnected", Disconnected: "disconnected", ActiveSpeakersChanged: "activeSpeakersChanged",
};

export class Room {
  constructor() {
    this.steps = new Map();
    this.published = new Map();
    this.localParticipant = {
      publishTrack: async (track, { source }) => this.published.set(source, new Publication(track)),
      unpublishTrack: async (track) => {
        for (const [source, one] of this.published) if (one.track === track) this.published.delete(source);
      },
      getTrackPublication: (source) => this.published.get(source),
    };
    globalThis.standInRoom = this;
  }

  on(name, step) {
    this.steps.set(name, step);
  }

  // A real client opens a web socket: the page's policy must allow it.
  async connect(url, token) {
    this.token = token;
    await new Promise((done) => {
      const socket = new WebSocket(url);
      socket.onclose = done;
    });
  }

  disconnect() {
    this.gone = true;
  }

  // For tests: somebody's picture comes.
  shows(identity, source) {
    const canvas = document.createElement("canvas");
    const pen = canvas.getContext("2d");
    setInterval(() => pen.fillRect(Math.random() * 100, 10, 10, 10), 50);
    const track = { mediaStreamTrack: canvas.captureStream(20).getVideoTracks()[0], getRTCStatsReport: async () => new Map() };
    this.steps.get("trackSubscribed")(track, { trackSid: `TR_${source}`, source }, { identity });
  }
}

class Publication {
  constructor(track) {
    this.track = track;
    this.muted = false;
  }

  async mute() {
    this.muted = true;
  }

  async unmute() {
    this.muted = false;
  }
}
