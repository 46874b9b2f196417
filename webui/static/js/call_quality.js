// How it goes, every five seconds: told to the desk, and shown as a light with its reason.
const EVERY = 5000;

export function watchQuality(room) {
  const before = { lost: 0, received: 0, bytes: 0, freezes: 0 };
  const light = (level, key) => {
    room.$("[data-light]").dataset.light = level;
    room.$("[data-light]").title = room.text(key);
    room.$("[data-why]").textContent = level === "good" ? "" : room.text(key);
  };
  const look = async () => {
    const stats = room.part === "room" && (await room.peer.stats());
    if (!stats) return;
    const now = sum(stats);
    const lost = now.lost - before.lost;
    const received = now.received - before.received;
    const sample = {
      loss: Math.min(1, Math.max(0, lost / Math.max(1, lost + received))), jitter: now.jitter, round_trip: now.roundTrip,
      bitrate: Math.max(0, Math.round(((now.bytes - before.bytes) * 8000) / EVERY)), freezes: Math.max(0, now.freezes - before.freezes),
    };
    Object.assign(before, now);
    if (sample.loss > 0.08 || sample.round_trip > 600) light("poor", "poor");
    else if (sample.loss > 0.02 || sample.round_trip > 300) light("fair", "fair");
    else light("good", "good");
    await room.post("/quality", sample, { quiet: true }).catch(() => {});
  };
  room.quality = (news) => news.paused && light("fair", "voice");
  const timer = setInterval(() => look().catch(() => {}), EVERY);
  return () => clearInterval(timer);
}

function sum(stats) {
  const now = { lost: 0, received: 0, bytes: 0, freezes: 0, jitter: 0, roundTrip: 0 };
  for (const one of stats.values()) {
    if (one.type === "inbound-rtp") {
      now.lost += one.packetsLost ?? 0;
      now.received += one.packetsReceived ?? 0;
      now.bytes += one.bytesReceived ?? 0;
      now.freezes += one.totalFreezesDuration ?? 0;
      now.jitter = Math.max(now.jitter, (one.jitter ?? 0) * 1000);
    }
    if (one.type === "candidate-pair" && one.nominated) now.roundTrip = (one.currentRoundTripTime ?? 0) * 1000;
  }
  return now;
}
