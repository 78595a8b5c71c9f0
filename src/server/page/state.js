// The fold over console messages: calls, alerts, and the point to resume from. Knows no page and no socket.
import { Samples } from "./samples.js";
import { visible } from "./scope.js";

const ENDED_KEPT = 200;
const CLOSED_KEPT = 200;

export const isOpen = (alert) => alert.state !== "resolved" && alert.state !== "retracted";

export class State {
  constructor() {
    this.onAlert = () => {}; // (alert, what it was before)
    this.reset();
  }

  reset() {
    this.calls = new Map(); // call_id → call, with the fields of `adopt`
    this.alerts = new Map(); // alert_id → alert as sent
    this.user = null;
    this.scopes = [];
    this.filter = {};
    this.point = null; // { epoch, offset }
    this.epoch = null; // of the connection
    this.staging = null;
    this.prior = null;
    this.changes = { calls: new Set(), alerts: new Set(), whole: true };
  }

  /** What changed since the last time this was asked. */
  take() {
    const taken = this.changes;
    this.changes = { calls: new Set(), alerts: new Set(), whole: false };
    return taken;
  }

  /** Where to resume; nothing while the first picture is incomplete. */
  since() {
    return this.point ? { ...this.point } : undefined;
  }

  apply(message, now = Date.now()) {
    if (message.type === "hello") this.hello(message);
    else if (message.type === "snapshot") this.snapshot(message, now);
    else if (message.type === "call" && message.call) this.ordered(message, () => this.call(message.call, message.event, now));
    else if (message.type === "alert" && message.alert) this.ordered(message, () => this.alert(message.alert));
    else if (message.type === "risk") this.risk(message, now);
    else if (message.type === "chunk") this.chunk(message, now);
    else if (message.type === "erased") this.erased(message.call_id);
  }

  /** The call is gone for good, with its words and alerts. */
  erased(callId) {
    for (const { calls, alerts } of [this, this.staging].filter(Boolean)) {
      calls.delete(callId);
      for (const [id, alert] of alerts) if (alert.call_id === callId) alerts.delete(id);
    }
    this.changes.whole = true;
  }

  hello(message) {
    this.epoch = message.epoch ?? null;
    this.user = message.user ?? null;
    this.scopes = message.scopes ?? [];
    this.staging = null;
  }

  snapshot(message, now) {
    if (message.recovered === true) return; // what was missed follows, in order
    if (!this.staging || message.part === 1) this.staging = { calls: new Map(), alerts: new Map(), offset: message.offset ?? 0, loaded: 0 };
    const { staging } = this;
    for (const call of message.calls ?? []) {
      if (call?.call_id && !staging.calls.has(call.call_id)) staging.calls.set(call.call_id, this.adopt(call, this.calls.get(call.call_id), null));
    }
    for (const alert of message.alerts ?? []) {
      if (alert?.alert_id && !staging.alerts.has(alert.alert_id)) staging.alerts.set(alert.alert_id, alert);
    }
    staging.loaded += message.calls?.length ?? 0;
    if (message.last === false) return;
    const sameEpoch = this.point?.epoch === this.epoch;
    for (const [id, alert] of this.alerts) if (sameEpoch && !isOpen(alert) && !staging.alerts.has(id)) staging.alerts.set(id, alert);
    this.calls = staging.calls;
    this.alerts = staging.alerts;
    this.point = { epoch: this.epoch, offset: staging.offset };
    this.staging = null;
    this.changes.whole = true;
  }

  /** `alert` and `call` come in the order of their offset; one seen before changes nothing. */
  ordered(message, apply) {
    const at = this.staging ?? this.point;
    if (at && Number.isFinite(message.offset)) {
      if (message.offset <= at.offset) return;
      at.offset = message.offset;
    }
    apply();
  }

  call(call, event, now) {
    if (!call.call_id) return;
    const calls = (this.staging ?? this).calls;
    if (!visible(call, this.filter, this.scopes)) calls.delete(call.call_id);
    else {
      const state = event === "ended" ? "ended" : call.state;
      calls.set(call.call_id, this.adopt({ ...call, ...(state ? { state } : {}) }, calls.get(call.call_id), now));
      if (state === "ended") this.forgetOld(calls, (c) => c.state === "ended", ENDED_KEPT);
    }
    this.changes.calls.add(call.call_id);
  }

  alert(alert) {
    if (!alert.alert_id) return;
    const alerts = (this.staging ?? this).alerts;
    const before = alerts.get(alert.alert_id);
    if (!visible(alert, this.filter, this.scopes)) alerts.delete(alert.alert_id);
    else {
      alerts.set(alert.alert_id, alert);
      if (!isOpen(alert)) this.forgetOld(alerts, (a) => !isOpen(a), CLOSED_KEPT);
      this.onAlert(alert, before);
    }
    this.changes.alerts.add(alert.alert_id);
  }

  risk(message, now) {
    for (const calls of this.staging ? [this.calls, this.staging.calls] : [this.calls]) {
      const call = calls.get(message.call_id);
      if (!call) continue;
      for (const field of ["risk", "sentiment", "trend", "level", "at_ms"]) if (message[field] !== undefined) call[field] = message[field];
      this.sample(call, now);
      this.changes.calls.add(message.call_id);
    }
  }

  /** A watched call's past fills its curve; live values come as `risk`. */
  chunk(message, now) {
    const call = this.calls.get(message.call_id);
    if (!call) return;
    if (!message.past) call.heardAt = now;
    else if (message.final !== false) call.samples.add(message.end_ms ?? message.start_ms, message.risk, message.risk === call.prior);
    this.changes.calls.add(message.call_id);
  }

  /**
   * A call as sent, plus: samples, prior (its risk before it was scored), heardAt (our clock), and
   * beganAt: our best knowledge of its start on our clock. Transcripts lag, so the earliest guess is the best.
   */
  adopt(sent, before, now) {
    const call = { ...before, ...sent, samples: before?.samples ?? new Samples(), heardAt: now ?? before?.heardAt ?? null };
    this.sample(call, now);
    return call;
  }

  sample(call, now) {
    if (now !== null) call.heardAt = now;
    if (Number.isFinite(call.at_ms)) call.beganAt = Math.min(call.beganAt ?? Infinity, Date.now() - call.at_ms);
    if (call.sentiment == null && call.level == null && call.risk != null) this.prior = call.prior = call.risk;
    call.samples.add(call.at_ms, call.risk, isPrior(call, this.prior));
  }

  forgetOld(map, test, keep) {
    const old = [...map].filter(([, item]) => test(item));
    for (const [id] of old.slice(0, Math.max(0, old.length - keep))) map.delete(id);
  }

  liveCalls() {
    return [...this.calls.values()].filter((call) => call.state !== "ended");
  }

  openAlerts() {
    return [...this.alerts.values()].filter(isOpen);
  }

  /** Names of people seen so far: who owned or changed an alert. */
  people() {
    const names = new Set([this.user]);
    for (const alert of this.alerts.values()) {
      names.add(alert.owner);
      for (const { by, to } of alert.history ?? []) names.add(to ?? (by === "engine" ? null : by));
    }
    return [...names].filter((name) => typeof name === "string" && name).sort();
  }
}

/** True while the risk says nothing of this call yet: the customer has not spoken, or not enough. */
export function isPrior(call, prior = null) {
  if (call.level != null || call.risk == null) return false;
  return call.sentiment == null || call.risk === (call.prior ?? prior);
}
