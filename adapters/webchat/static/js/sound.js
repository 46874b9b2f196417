// A small bell, made on the spot: the mark swings, and it rings when nobody looks.
import { $ } from "./dom.js";
import { load } from "./store.js";

let audio = null;

// Browsers let a page sound only after it was touched.
addEventListener("pointerdown", wake, { once: true });
addEventListener("keydown", wake, { once: true });

function wake() {
  audio ??= new AudioContext();
}

export function ring(loud) {
  const mark = $("mark");
  mark.classList.remove("head__mark--rings");
  void mark.offsetWidth; // begin the swing anew
  mark.classList.add("head__mark--rings");
  if (!loud || !audio || audio.state !== "running" || !load("sound", true)) return;
  for (const [pitch, level] of [[1318.5, 0.05], [2637, 0.02], [3950, 0.008]]) strike(pitch, level);
}

function strike(pitch, level) {
  const tone = audio.createOscillator();
  const gain = audio.createGain();
  tone.frequency.value = pitch;
  gain.gain.setValueAtTime(level, audio.currentTime);
  gain.gain.exponentialRampToValueAtTime(0.0001, audio.currentTime + 1.1);
  tone.connect(gain).connect(audio.destination);
  tone.start();
  tone.stop(audio.currentTime + 1.2);
}
