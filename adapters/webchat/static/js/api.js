// Requests to the desk. Three ways to fail: no network, a problem in words, or a lost session.
import * as host from "./host.js";
import { language, t } from "./text.js";
import { belong, loadToken, owns, saveToken } from "./store.js";

export class Offline extends Error {}

// What was to be said was another visitor's: it waits for them.
export class Changed extends Offline {}

export class Problem extends Error {
  constructor(status, body, after) {
    super(body.detail || t("problem"));
    this.status = status;
    this.code = body.code || "";
    this.field = body.field || "";
    this.after = after;
  }

  // Whether trying the same again later makes sense.
  get passing() {
    return this.status >= 500 || this.status === 429 || this.status === 408;
  }
}

const zone = new Intl.DateTimeFormat().resolvedOptions().timeZone || "";
let session = null;
let starting = null;
let vouched = "";
let startedFor = "";
let changed = () => {};

export const current = () => session;
// Its form token is taken for a day; a page may stay open for longer.
export const stale = () => Date.now() - session.begun > 6 * 3_600_000;
export const vouchWith = (claim) => {
  vouched = claim;
};
export const onVisitor = (fn) => {
  changed = fn;
};

// Whose page this is before the desk has answered: of a person the host site vouches for, nobody
// can say it yet.
export function guess() {
  belong(vouched ? null : visitorOf(ownToken()));
}

const ownToken = () => loadToken(host.site()) || host.keptToken();

const visitorOf = (token) => token.split(".")[0];

// One session at a time: who asks while it is being started waits for the same answer, unless
// the host site has vouched in the meantime.
export function start() {
  if (starting && startedFor === vouched) return starting;
  startedFor = vouched;
  const before = starting ?? Promise.resolve();
  const mine = before.catch(() => {}).then(begin).finally(() => {
    if (starting === mine) starting = null;
  });
  starting = mine;
  return mine;
}

async function begin() {
  const body = { token: ownToken(), vouched };
  let answer;
  try {
    answer = await send("POST", "session", body);
  } catch (error) {
    if (!(error instanceof Problem) || !vouched || error.passing) throw error;
    vouched = ""; // the host site's word is too old: go on as nobody in particular
    answer = await send("POST", "session", { token: ownToken() });
  }
  session = { ...answer, begun: Date.now() };
  if (!session.vouched) {
    saveToken(host.site(), session.token);
    host.keep(session.token);
  }
  const before = owns();
  const theirs = before === null || (before === "" && !session.vouched);
  belong(session.visitor, theirs);
  if (before !== session.visitor) changed(theirs);
  return session;
}

export async function call(method, path, body, visitor = session?.visitor) {
  if (!session) await start();
  if (visitor && visitor !== session.visitor) throw new Changed();
  const before = session.visitor;
  try {
    return await send(method, path, body);
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 401) throw error;
    await start();
    if (session.visitor !== before) throw new Changed();
    return send(method, path, body);
  }
}

export function headers() {
  const made = { "x-language": language, "x-zone": zone };
  if (session) made.authorization = `Bearer ${session.token}`;
  return made;
}

async function send(method, path, body) {
  const made = headers();
  if (body !== undefined) made["content-type"] = "application/json";
  let answer;
  try {
    answer = await fetch(path, {
      method,
      headers: made,
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
      credentials: "omit",
      keepalive: path === "leave",
      signal: AbortSignal.timeout(30_000),
    });
  } catch (error) {
    throw new Offline(String(error));
  }
  if (answer.status === 204) return null;
  let value = {};
  try {
    value = await answer.json();
  } catch {
    if (answer.ok) throw new Offline("cut short");
  }
  if (answer.ok) return value;
  throw new Problem(answer.status, value, Number(answer.headers.get("retry-after")) || 0);
}
