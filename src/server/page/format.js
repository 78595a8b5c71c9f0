// How values read on the page. Everything here takes null and says so with a dash.

const NONE = "–";
const THIN = "\u202f";

export const isNumber = (x) => typeof x === "number" && Number.isFinite(x);

export function percent(x) {
  if (!isNumber(x)) return NONE;
  if (x > 0 && x < 0.01) return `<1${THIN}%`;
  if (x < 1 && x > 0.99) return `>99${THIN}%`;
  return `${Math.round(x * 100)}${THIN}%`;
}

export function signed(x, digits = 2) {
  if (!isNumber(x)) return NONE;
  const size = Math.abs(x).toFixed(digits);
  if (Number(size) === 0) return size;
  return (x < 0 ? "\u2212" : "+") + size;
}

/** The change of risk in points; nothing when it stood still. */
export function trend(x) {
  if (!isNumber(x)) return "";
  const points = Math.round(x * 100);
  if (points === 0) return "";
  return points > 0 ? `\u25b2${THIN}${points}` : `\u25bc${THIN}${-points}`;
}

/** Milliseconds of call time as 4:07 or 1:04:07. */
export function span(ms) {
  if (!isNumber(ms) || ms < 0) return NONE;
  const all = Math.floor(ms / 1000);
  const [h, m, s] = [Math.floor(all / 3600), Math.floor(all / 60) % 60, all % 60];
  const two = (n) => String(n).padStart(2, "0");
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** How long ago, in steps coarse enough to stay calm. */
export function ago(ms) {
  if (!isNumber(ms)) return NONE;
  const s = Math.max(0, ms / 1000);
  if (s < 5) return "now";
  if (s < 60) return `${Math.floor(s / 5) * 5}${THIN}s`;
  if (s < 3600) return `${Math.floor(s / 60)}${THIN}min`;
  return `${Math.floor(s / 3600)}${THIN}h`;
}

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DATE = new Intl.DateTimeFormat("en-GB", { day: "2-digit", month: "short", hour: "2-digit", minute: "2-digit" });
const HOUR = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });

function told(format, at) {
  const time = new Date(at ?? NaN);
  return Number.isNaN(time.getTime()) ? NONE : format.format(time);
}

/** An RFC 3339 time, or milliseconds since 1970, on the reader's clock. */
export const clock = (at) => told(CLOCK, at);
/** "22 Nov, 12:31" */
export const date = (at) => told(DATE, at);
/** "12:00" */
export const hour = (at) => told(HOUR, at);

/** A stretch of time as 14 s or 3:20 min. */
export function duration(ms) {
  if (!isNumber(ms)) return NONE;
  return ms < 60_000 ? `${Math.round(ms / 1000)}${THIN}s` : `${span(ms)}${THIN}min`;
}

/** `trigger:repeat_contact` as "repeat contact". */
export function words(name) {
  if (name === null || name === undefined || name === "") return NONE;
  return String(name).replace(/^[a-z]+:/, "").replaceAll("_", " ");
}

export const orDash = (x) => (x === null || x === undefined || x === "" ? NONE : String(x));

export const LEVELS = ["watch", "warning", "critical"];
/** 0 for none, then watch, warning, critical. */
export const rank = (level) => LEVELS.indexOf(level) + 1;

export function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export function sentimentWord(x) {
  if (!isNumber(x)) return "not known";
  return x < -0.2 ? "negative" : x > 0.2 ? "positive" : "neutral";
}

const REFUSALS = {
  already_acknowledged: "Already taken",
  already_resolved: "Already resolved",
  not_found: "Not found",
  forbidden: "Not allowed for you",
  bad_message: "The server did not accept this",
  rate_limited: "Too many commands, try again in a moment",
  disconnected: "Connection lost before the answer came: see the state above once it is back",
  timeout: "No answer from the server within 10 seconds",
};

/** A refused command in one sentence: "Not done. Already taken by sup-2 at 03:41:07." */
export function refusal(reply, alert = null) {
  const what = REFUSALS[reply?.code] ?? (reply?.code ? capital(words(reply.code)) : "Refused");
  // The server writes its own time of day; the alert's history can be told in the reader's.
  const done = { already_acknowledged: "acknowledged", already_resolved: "resolved" }[reply?.code];
  const last = done && alert?.history?.findLast((entry) => entry.state === done);
  if (last) return `Not done. ${what} by ${last.by} at ${clock(last.at)}.`;
  if (!reply?.message) return `Not done. ${what}.`;
  return `Not done. ${what}${String(reply.message).startsWith("by ") ? " " : ": "}${String(reply.message).replace(/\.$/, "")}.`;
}
