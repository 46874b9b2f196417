// Camera, microphone and speaker: what there is, what was chosen, and why it is not given.
let level;

export async function ask(withCamera, chosen = {}) {
  const audio = { deviceId: chosen.audioinput || undefined, echoCancellation: true, noiseSuppression: true };
  const video = withCamera && { deviceId: chosen.videoinput || undefined, width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { max: 30 } };
  try {
    return { stream: await navigator.mediaDevices.getUserMedia({ audio, video }) };
  } catch (error) {
    if (!withCamera) return { stream: null, trouble: reason(error) };
    // No camera is no reason for no call.
    const again = await ask(false, chosen);
    return { ...again, trouble: again.stream ? null : again.trouble };
  }
}

export async function list(selects) {
  const found = (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
  for (const select of selects) {
    const those = found.filter((one) => one.kind === select.dataset.choose);
    const was = select.value;
    select.replaceChildren(...those.map((one, n) => new Option(one.label || `${n + 1}`, one.deviceId)));
    if (those.some((one) => one.deviceId === was)) select.value = was;
    // Without leave to use them, devices have no names, and there is nothing to choose.
    select.closest("label").hidden = !those.some((one) => one.label);
  }
}

export function measure(stream, meter) {
  level?.close();
  level = null;
  if (!stream?.getAudioTracks().length) return;
  level = new AudioContext();
  const analyser = level.createAnalyser();
  level.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const context = level;
  const look = () => {
    if (context.state === "closed") return;
    analyser.getFloatTimeDomainData(samples);
    meter.value = Math.min(1, 4 * Math.sqrt(samples.reduce((sum, one) => sum + one * one, 0) / samples.length));
    setTimeout(look, 100);
  };
  look();
}

export async function beep() {
  const context = new AudioContext();
  const tone = context.createOscillator();
  const volume = context.createGain();
  volume.gain.value = 0.1;
  tone.connect(volume).connect(context.destination);
  tone.start();
  tone.stop(context.currentTime + 0.6);
  tone.onended = () => context.close();
}

function reason(error) {
  if (error.name === "NotAllowedError") return /^((?!chrome|android).)*safari/i.test(navigator.userAgent) ? "deniedSafari" : "denied";
  if (error.name === "NotFoundError" || error.name === "OverconstrainedError") return "none";
  if (error.name === "NotReadableError") return "busy";
  return "failed";
}
