// Plays all sides of a call in step: one clock, to which each track is set again when it strays.
const STRAY = 0.25;

export function attach(root) {
  const tracks = [...root.querySelectorAll("[data-track]")].map((media) => ({ media, offset: Number(media.dataset.offset), seconds: Number(media.dataset.seconds) }));
  if (!tracks.length) return;
  const [play, seek, speed] = ["[data-play]", "[data-seek]", "[data-speed]"].map((one) => root.querySelector(one));
  const length = Math.max(...tracks.map((one) => one.offset + one.seconds));
  seek.max = length;
  let at = 0;
  let playing = false;
  let last = 0;

  const step = (now) => {
    if (!playing) return;
    at = Math.min(length, at + ((now - last) / 1000) * Number(speed.value));
    last = now;
    if (at >= length) turn(false);
    show();
    requestAnimationFrame(step);
  };
  const show = () => {
    seek.value = at;
    const moment = root.querySelector("[data-moment]");
    if (moment && document.activeElement !== moment) moment.value = `${Math.floor(at / 60)}:${String(Math.floor(at % 60)).padStart(2, "0")}`;
    root.querySelector("[data-position]").textContent = `${Math.floor(at / 60)}:${String(Math.floor(at % 60)).padStart(2, "0")}`;
    for (const one of tracks) follow(one);
    read();
  };
  const said = [...root.querySelectorAll("[data-meanwhile] [data-at]")];
  const read = () => {
    const now = said.filter((one) => Number(one.dataset.at) <= at).at(-1);
    for (const one of said) one.toggleAttribute("data-now", one === now);
    if (playing && now) now.parentElement.scrollTop = now.offsetTop - now.parentElement.offsetTop - 40;
  };
  const follow = ({ media, offset, seconds }) => {
    const here = at - offset;
    const inside = here >= 0 && here < seconds;
    media.playbackRate = Number(speed.value);
    if (!inside || !playing) media.pause();
    if (inside && Math.abs(media.currentTime - here) > STRAY) media.currentTime = here;
    if (inside && playing && media.paused) media.play().catch(() => {});
  };
  const turn = (on) => {
    playing = on;
    play.textContent = on ? play.dataset.pause : play.dataset.play;
    last = performance.now();
    if (on && at >= length) at = 0;
    if (on) requestAnimationFrame(step);
    show();
  };
  const jump = (to) => {
    at = Math.max(0, Math.min(length, to));
    show();
  };
  play.addEventListener("click", () => turn(!playing));
  seek.addEventListener("input", () => jump(Number(seek.value)));
  for (const mark of root.querySelectorAll("[data-mark]")) mark.addEventListener("click", () => jump(Number(mark.dataset.mark)));
  root.dataset.ready = "";
}
