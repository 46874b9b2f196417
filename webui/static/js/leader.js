// Of a browser's tabs one leads and speaks for all. A browser opens six connections to a host and
// no more: a line of its own for every tab would use them up, and the desk would stand still.
// Its twin is adapters/webchat/static/js/leader.js: neither folder may lean on the other's, and a test keeps them alike.
const CHECK = 20000;
const PATIENCE = 3000;

// lead(): this tab leads from now on; it returns what to do when it does no more. heard(what) is
// told what another tab said by tell(what).
export function join(name, { lead, heard }) {
  if (!navigator.locks || !window.BroadcastChannel) return alone(lead);
  const channel = new BroadcastChannel(name);
  let left;
  let turn;
  let step;
  let asked;

  async function stand(steal = false) {
    turn = new AbortController();
    const { signal } = turn;
    try {
      await navigator.locks.request(name, steal ? { steal } : { signal }, () => hold(signal));
    } catch (error) {
      // Locks may be refused where storage is: then every tab stands for itself.
      if (error.name !== "AbortError") return (step = lead());
    }
    step?.();
    step = undefined;
    if (!signal.aborted) stand(); // another took over
    return undefined;
  }

  function hold(signal) {
    if (signal.aborted) return undefined;
    step = lead();
    return new Promise((done) => signal.addEventListener("abort", done));
  }

  // A leader that sleeps holds its lock all the same: who is looked at does not wait for it.
  function check() {
    if (left || step || asked || document.hidden) return;
    channel.postMessage({ kind: "there?" });
    asked = setTimeout(() => { asked = undefined; turn.abort(); stand(true); }, PATIENCE);
  }

  channel.addEventListener("message", ({ data }) => {
    if (data.kind === "there?") return step && channel.postMessage({ kind: "here" });
    clearTimeout(asked);
    asked = undefined;
    if (data.kind !== "here") heard(data);
  });
  const leave = () => { left = true; clearTimeout(asked); asked = undefined; turn.abort(); step?.(); step = undefined; };
  const back = () => { left = false; stand(); };
  // A tab that the browser freezes says so in time, and another goes on at once.
  document.addEventListener("freeze", () => !left && leave());
  document.addEventListener("resume", () => left && back());
  document.addEventListener("visibilitychange", check);
  setInterval(check, CHECK);
  stand();
  return { tell: (what) => channel.postMessage(what), leads: () => Boolean(step), leave, back };
}

function alone(lead) {
  let step = lead();
  return { tell: () => {}, leads: () => true, leave: () => step?.(), back: () => { step = lead(); } };
}
