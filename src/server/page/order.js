// Which call and which alert stand above which, and when the order may change.
import { isNumber, rank } from "./format.js";
import { isOpen, isPrior } from "./state.js";

/** At least so much counts a call whose alert nobody has taken, whatever its risk is by now. */
const LEAST = { warning: 0.35, critical: 0.75 };
const LEAST_OTHER = 0.2;
const MINUTE_MS = 60_000;

export const isWaiting = (alert) => alert.state === "raised" && !alert.held;

/** What the open alerts of each call come to: `{ open, owner, since, least }`; `since` when the oldest began to wait. */
export function standings(alerts) {
  const all = new Map();
  for (const alert of alerts) {
    if (!isOpen(alert)) continue;
    const one = all.get(alert.call_id) ?? { open: 0, owner: null, since: null, least: 0 };
    one.open++;
    one.owner = alert.owner ?? one.owner;
    if (isWaiting(alert)) {
      const since = Date.parse(alert.raised_at);
      if (Number.isFinite(since)) one.since = Math.min(one.since ?? Infinity, since);
      one.least = Math.max(one.least, LEAST[alert.level] ?? LEAST_OTHER);
    }
    all.set(alert.call_id, one);
  }
  return all;
}

/**
 * Risk × (1 + minutes without acknowledgement). Where nobody is waited for this is the risk;
 * a call not scored yet counts nothing.
 */
export function urgency(call, standing, prior, now) {
  const risk = isNumber(call.risk) && !isPrior(call, prior) ? call.risk : 0;
  if (!standing?.least) return risk;
  const minutes = standing.since === null ? 0 : Math.max(0, now - standing.since) / MINUTE_MS;
  return Math.max(risk, standing.least) * (1 + minutes);
}

/** Live calls, the most urgent first; among equals the newest. */
export function byUrgency(calls, standing, prior, now) {
  const keyed = calls.map((call) => ({ call, place: urgency(call, standing.get(call.call_id), prior, now) }));
  keyed.sort((a, b) => b.place - a.place || compare(b.call.started_at, a.call.started_at) || compare(a.call.call_id, b.call.call_id));
  return keyed.map(({ call }) => call);
}

/** The most pressing alert first: level, then risk, then age. */
export function byLevel(a, b) {
  return rank(b.level) - rank(a.level) || (b.risk ?? -1) - (a.risk ?? -1) || compare(a.raised_at, b.raised_at) || compare(a.alert_id, b.alert_id);
}

export function byLastChange(a, b) {
  return compare(lastChange(b), lastChange(a)) || compare(b.alert_id, a.alert_id);
}

const lastChange = (alert) => alert.history?.at(-1)?.at ?? alert.raised_at ?? "";

/** Which list of the inbox an alert belongs to. */
export function groupOf(alert, user) {
  if (!isOpen(alert)) return "closed";
  if (alert.held) return "held";
  if (alert.state === "snoozed") return "snoozed";
  if (alert.owner === null || alert.owner === undefined) return alert.state === "raised" ? "waiting" : "taken";
  return alert.owner === user ? "mine" : "taken";
}

function compare(a, b) {
  const [x, y] = [a ?? "", b ?? ""];
  return x < y ? -1 : x > y ? 1 : 0;
}

/**
 * Nothing may move under the pointer or the keyboard. One that has not moved for `idle` ms no
 * longer counts: a pointer left lying on the list must not freeze it for the shift.
 */
export class Hold {
  constructor(node, idle) {
    this.node = node;
    this.idle = idle;
    this.used = -Infinity;
    this.inside = false;
    const use = () => (this.used = performance.now());
    const move = (event) => {
      if (event.pointerType === "touch" && event.type !== "pointerdown") return;
      this.inside = true;
      use();
    };
    for (const name of ["pointerenter", "pointermove", "pointerdown"]) node.addEventListener(name, move, { passive: true });
    for (const name of ["wheel", "keydown", "focusin"]) node.addEventListener(name, use, { passive: true });
    node.addEventListener("pointerleave", () => (this.inside = false));
  }

  get on() {
    const here = this.inside || this.node.contains(document.activeElement);
    return here && performance.now() - this.used < this.idle;
  }
}
