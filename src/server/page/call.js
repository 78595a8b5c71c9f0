// The view of one call: facts, risk curve, its alerts, live transcript. Watches on entering, unwatches on leaving.
import { byId, el, setAttr, setText, show } from "./dom.js";
import { headline, levelOf, stateLine } from "./card.js";
import { clock, isNumber, orDash, percent, rank, refusal, sentimentWord, signed, span, trend, words } from "./format.js";
import { levelWord, timeInCall } from "./row.js";
import { Samples } from "./samples.js";
import { drawCurve } from "./spark.js";
import { isPrior } from "./state.js";
import { Transcript } from "./transcript.js";

export class CallView {
  /** `desk`: { send, user, live, rest(path) }; `reveal(alertId)` shows an alert in the inbox. */
  constructor(state, desk, reveal) {
    this.state = state;
    this.desk = desk;
    this.revealAlert = reveal;
    this.node = byId("call");
    this.id = null;
    new ResizeObserver(() => this.id && this.drawCurve()).observe(this.node);
  }

  open(id, seq) {
    if (this.id !== id) {
      this.close();
      this.id = id;
      this.found = null;
      this.build();
      this.watch();
      this.title.focus({ preventScroll: true });
    }
    this.seek = isNumber(seq) ? seq : null;
    if (this.seek !== null && this.transcript.reveal(this.seek)) this.seek = null;
    this.render();
  }

  close() {
    if (this.id && this.desk.live()) this.desk.send({ type: "unwatch", call_id: this.id });
    this.id = null;
    this.node.replaceChildren();
  }

  /** Also after a reconnect: the server forgets what a lost connection watched. */
  async watch() {
    const { id } = this;
    if (!id || !this.desk.live()) return;
    const reply = await this.desk.send({ type: "watch", call_id: id });
    if (this.id !== id || reply.ok === true || reply.code === "disconnected") return this.say("");
    await this.fetch();
    if (this.id === id && !this.transcript.size) this.say(`No live transcript. ${refusal(reply)}.`);
  }

  chunk(chunk) {
    if (chunk.call_id !== this.id) return;
    this.transcript.add(chunk);
    if (chunk.gap) this.fetch(true);
    if (this.seek !== null && this.transcript.reveal(this.seek)) this.seek = null;
  }

  /** By REST: a final was dropped on a slow line, or the call is over. */
  async fetch(again = false) {
    const { id } = this;
    if (this.fetching) return;
    this.fetching = true;
    const found = await this.desk.rest(`/v1/calls/${encodeURIComponent(id)}`);
    this.fetching = false;
    if (this.id !== id) return;
    this.found = found?.call ?? found;
    const said = found?.chunks ?? this.found?.chunks ?? (this.transcript.size ? null : found?.turns ?? this.found?.turns);
    for (const chunk of said ?? []) this.transcript.add({ past: true, ...chunk });
    if (!said && again) this.desk.send({ type: "watch", call_id: id }); // sends the chunks so far
    this.render();
  }

  call() {
    const call = this.state.calls.get(this.id) ?? this.found ?? { call_id: this.id };
    return call.samples ? call : { ...call, samples: new Samples() };
  }

  alerts() {
    return [...this.state.alerts.values()].filter((alert) => alert.call_id === this.id).sort((a, b) => (a.at_ms ?? 0) - (b.at_ms ?? 0));
  }

  build() {
    this.title = el("h2", { id: "call-title", tabindex: -1 }, this.id);
    this.level = el("span", { class: "level" });
    this.risk = el("span", { class: "num big" });
    this.trend = el("span", { class: "trend" });
    this.likely = el("span", {});
    this.facts = el("dl", { class: "facts" });
    this.tags = el("ul", { class: "attributes" });
    this.curve = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    setAttr(this.curve, "class", "curve");
    setAttr(this.curve, "role", "img");
    this.own = el("ul", { class: "own-alerts" });
    this.note = el("p", { class: "note", role: "status", hidden: true });
    this.transcript = new Transcript();
    this.head = el("div", { class: "call-head" },
      el("a", { class: "back", href: "#/" }, "← Live calls"), this.title, this.level,
      el("p", { class: "now" }, this.risk, this.likely, this.trend));
    this.node.replaceChildren(this.head, this.facts, this.tags, this.curve, this.own,
      el("div", { class: "bar-head" }, el("h3", {}, "Transcript"), this.transcript.latest), this.note, this.transcript.node);
  }

  render() {
    if (!this.id) return;
    const call = this.call();
    const prior = isPrior(call, this.state.prior);
    const ended = call.state === "ended";
    setAttr(this.head, "data-level", rank(call.level) && !ended ? call.level : "none");
    setAttr(this.head, "data-dim", prior || ended || !isNumber(call.risk) ? "yes" : null);
    setText(this.likely, ended ? " likely to escalate at its end " : " likely to escalate ");
    setText(this.level, levelWord(call, this.state.prior));
    setText(this.risk, percent(call.risk));
    setText(this.trend, prior ? "" : trend(call.trend));
    this.factList(call);
    this.tags.replaceChildren(...Object.entries(call.attributes ?? {}).filter(([, value]) => value !== null)
      .map(([name, value]) => el("li", {}, `${words(name)} `, el("b", {}, typeof value === "object" ? JSON.stringify(value) : String(value)))));
    show(this.tags, this.tags.childElementCount > 0);
    this.own.replaceChildren(...this.alerts().map((alert) => this.ownAlert(alert)));
    show(this.own, this.own.childElementCount > 0);
    this.drawCurve();
  }

  factList(call) {
    const outcome = call.outcome?.escalated === undefined ? null : call.outcome.escalated ? "escalated" : "not escalated";
    const facts = [
      ["Agent", orDash(call.agent_id)], ["Queue", orDash(call.queue)], ["Team", orDash(call.team)],
      ["Sentiment", isNumber(call.sentiment) ? `${signed(call.sentiment)} ${sentimentWord(call.sentiment)}` : "–"],
      ["In call", timeInCall(call)], ["Started", clock(call.started_at)],
      call.state === "ended" ? ["Ended", [clock(call.ended_at), call.reason && words(call.reason), outcome].filter(Boolean).join(", ")] : null,
    ];
    this.facts.replaceChildren(...facts.filter(Boolean).map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
  }

  ownAlert(alert) {
    const text = `${levelOf(alert)} · ${headline(alert)}` + (isNumber(alert.at_ms) ? ` · at ${span(alert.at_ms)}` : "");
    return el("li", { data: { level: alert.level ?? "none" } },
      el("button", { type: "button", class: "plain", on: { click: () => this.revealAlert(alert.alert_id) } }, text),
      el("span", { class: "muted" }, ` ${stateLine(alert, this.desk.user())}`));
  }

  drawCurve() {
    const call = this.call();
    const { points, highest } = call.samples;
    const now = call.state === "ended" || !isNumber(call.beganAt) ? call.at_ms : Date.now() - call.beganAt;
    drawCurve(this.curve, { points, alerts: this.alerts(), now });
    setAttr(this.curve, "aria-label", highest
      ? `Risk over the call: now ${percent(call.risk)}, highest ${percent(highest.risk)} at ${span(highest.at)}` : "Risk over the call: nothing yet");
  }

  tick() {
    if (this.id && !document.hidden) {
      this.factList(this.call());
      this.drawCurve();
    }
  }

  say(text) {
    setText(this.note, text);
    show(this.note, Boolean(text));
  }
}
