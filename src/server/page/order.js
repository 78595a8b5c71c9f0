// Which call stands above which, and when the order may change.
import { isNumber, rank } from "./format.js";
import { isOpen, isPrior } from "./state.js";

/**
 * By risk, highest first. A call without any risk (its language has no model) stands on top
 * while it has a level or an open alert; calls not scored yet come last, the newest first.
 */
export function byRisk(state) {
  const alerted = new Set(state.openAlerts().map((alert) => alert.call_id));
  const place = (call) => {
    if (!isNumber(call.risk)) return call.level || alerted.has(call.call_id) ? 2 + rank(call.level) : -2;
    return isPrior(call, state.prior) ? -1 : call.risk;
  };
  const keyed = state.liveCalls().map((call) => ({ call, place: place(call) }));
  keyed.sort((a, b) => b.place - a.place || compare(b.call.started_at, a.call.started_at) || compare(a.call.call_id, b.call.call_id));
  return keyed.map(({ call }) => call);
}

/** The most pressing alert first: level, then risk, then age. */
export function byUrgency(a, b) {
  return rank(b.level) - rank(a.level) || (b.risk ?? -1) - (a.risk ?? -1) || compare(a.raised_at, b.raised_at) || compare(a.alert_id, b.alert_id);
}

export function byLastChange(a, b) {
  return compare(lastChange(b), lastChange(a)) || compare(b.alert_id, a.alert_id);
}

export const lastChange = (alert) => alert.history?.at(-1)?.at ?? alert.raised_at ?? "";

/** Which list of the inbox an alert belongs to. */
export function groupOf(alert) {
  if (!isOpen(alert)) return "closed";
  if (alert.state === "acknowledged" || alert.state === "snoozed") return "taken";
  return alert.held ? "held" : "waiting";
}

function compare(a, b) {
  const [x, y] = [a ?? "", b ?? ""];
  return x < y ? -1 : x > y ? 1 : 0;
}

/**
 * Nothing may move under the pointer. A pointer that has not moved for `idle` ms no longer
 * counts: one left lying on the list must not freeze it.
 */
export class Hold {
  constructor(node, idle) {
    this.idle = idle;
    this.moved = -Infinity;
    this.inside = false;
    const move = (event) => {
      if (event.pointerType === "touch" && event.type !== "pointerdown") return;
      this.inside = true;
      this.moved = performance.now();
    };
    for (const name of ["pointerenter", "pointermove", "pointerdown"]) node.addEventListener(name, move, { passive: true });
    node.addEventListener("wheel", () => (this.moved = performance.now()), { passive: true });
    node.addEventListener("pointerleave", () => (this.inside = false));
  }

  get on() {
    return this.inside && performance.now() - this.moved < this.idle;
  }
}
