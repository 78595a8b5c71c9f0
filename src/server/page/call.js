// The view of one call: facts, risk curve, live transcript. Watches on entering, unwatches on leaving.
import { Curve } from "./curve.js";
import { byId, el, setAttr, setText, show } from "./dom.js";
import { capital, clock, isNumber, orDash, percent, rank, sentimentWord, signed, trend, words } from "./format.js";
import { quotesOf } from "./highlight.js";
import { listenAddress } from "./listen.js";
import { levelWord, timeInCall } from "./row.js";
import { Samples } from "./samples.js";
import { isPrior } from "./state.js";
import { Transcript } from "./transcript.js";

export class CallView {
  /** `desk`: { send, user, live, ask(path) }; `found(alerts)` is told what REST knows of the call's alerts. */
  constructor(state, desk, found) {
    this.state = state;
    this.desk = desk;
    this.tellFound = found;
    this.node = byId("call");
    this.id = null;
    new ResizeObserver(() => this.id && this.drawCurve()).observe(this.node);
  }

  /** `back`: `{ href, text }` of the way out; `focus` when one came here from within the page. */
  open(id, seq, back, focus) {
    if (this.id !== id) {
      this.close();
      this.id = id;
      this.found = null;
      this.fetching = false;
      this.build(back);
      this.watch();
      if (focus) this.title.focus({ preventScroll: true });
    }
    this.show(isNumber(seq) ? seq : null);
    this.render();
  }

  /** Brings the words with this seq on screen, now or when they have come. */
  show(seq) {
    this.seek = seq !== null && this.transcript.reveal(seq) ? null : seq;
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
    const known = this.state.calls.get(id);
    if (known && known.state !== "ended") {
      const reply = await this.desk.send({ type: "watch", call_id: id });
      if (this.id !== id || reply.ok === true || reply.code === "disconnected") return this.say("");
    }
    const why = await this.fetch();
    if (this.id === id && !this.transcript.size) this.say(why ?? "No words of this call are kept.");
  }

  chunk(chunk) {
    if (chunk.call_id !== this.id) return;
    this.transcript.add(chunk);
    if (chunk.gap) this.fetch();
    if (this.seek !== null) this.show(this.seek);
  }

  /** By REST: a final was dropped on a slow line, or the call is over. Gives why not. */
  async fetch() {
    const { id } = this;
    if (this.fetching) return null;
    this.fetching = true;
    const { body, why } = await this.desk.ask(`/v1/calls/${encodeURIComponent(id)}`);
    if (this.id !== id) return null;
    this.fetching = false;
    if (!body) return why;
    this.found = { samples: new Samples(), ...body };
    for (const chunk of body.transcript ?? []) {
      this.transcript.add({ past: true, ...chunk });
      this.found.samples.add(chunk.end_ms ?? chunk.start_ms, chunk.risk);
    }
    if (Array.isArray(body.alert_list)) this.tellFound(id, body.alert_list);
    if (this.seek !== null) this.show(this.seek);
    this.render();
    return null;
  }

  call() {
    const call = this.state.calls.get(this.id);
    // Of a call that ended before this page was opened, only REST knows the course.
    if (call && (call.state !== "ended" || !this.found)) return call;
    return this.found ?? { call_id: this.id, samples: new Samples() };
  }

  alerts() {
    const known = new Map((this.found?.alert_list ?? []).map((alert) => [alert.alert_id, alert]));
    for (const alert of this.state.alerts.values()) if (alert.call_id === this.id) known.set(alert.alert_id, alert);
    return [...known.values()].sort((a, b) => (a.at_ms ?? 0) - (b.at_ms ?? 0));
  }

  build(back) {
    this.title = el("h2", { id: "call-title", tabindex: -1 }, this.id);
    this.level = el("span", { class: "level" });
    this.risk = el("span", { class: "num big" });
    this.trend = el("span", { class: "trend" });
    this.likely = el("span", {});
    this.listen = el("a", { class: "listen", target: "_blank", rel: "noopener noreferrer", hidden: true }, "Listen in");
    this.facts = el("dl", { class: "facts" });
    this.tags = el("ul", { class: "attributes" });
    this.curve = new Curve((seq) => this.show(seq));
    this.note = el("p", { class: "note", role: "status", hidden: true });
    this.transcript = new Transcript();
    this.head = el("div", { class: "call-head" },
      el("a", { class: "back", href: back.href }, `← ${back.text}`), this.title, this.level,
      el("p", { class: "now" }, this.risk, this.likely, this.trend), this.listen);
    this.node.replaceChildren(this.head, this.facts, this.tags, this.curve.node,
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
    setText(this.trend, prior || ended ? "" : trend(call.trend));
    const address = ended ? null : listenAddress(call);
    setAttr(this.listen, "href", address);
    show(this.listen, address !== null);
    this.factList(call);
    this.tags.replaceChildren(...Object.entries(call.attributes ?? {}).filter(([, value]) => value !== null)
      .map(([name, value]) => el("li", {}, `${words(name)} `, el("b", {}, typeof value === "object" ? JSON.stringify(value) : String(value)))));
    show(this.tags, this.tags.childElementCount > 0);
    this.transcript.quote(quotesOf(this.alerts()));
    this.drawCurve();
  }

  factList(call) {
    const outcome = call.outcome?.escalated === undefined ? null : call.outcome.escalated ? "escalated" : "not escalated";
    const facts = [
      ["Agent", orDash(call.agent_id)], ["Queue", orDash(call.queue)], ["Team", orDash(call.team)],
      ["Sentiment", isNumber(call.sentiment) ? `${signed(call.sentiment)} ${sentimentWord(call.sentiment)}` : "–"],
      [call.state === "ended" ? "Lasted" : "In call", timeInCall(call)], ["Started", clock(call.started_at)],
      call.state === "ended" ? ["Ended", [clock(call.ended_at), call.reason && words(call.reason)].filter(Boolean).join(", ")] : null,
      call.state === "ended" && outcome ? ["Outcome", capital(outcome)] : null,
    ];
    this.facts.replaceChildren(...facts.filter(Boolean).map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
  }

  drawCurve() {
    const call = this.call();
    const now = call.state === "ended" || !isNumber(call.beganAt) ? call.at_ms : Date.now() - call.beganAt;
    this.curve.draw({ said: this.transcript.said(), points: call.samples.points, alerts: this.alerts(), now, risk: call.risk, highest: call.samples.highest });
  }

  tick() {
    if (!this.id || document.hidden) return;
    this.factList(this.call());
    this.drawCurve();
  }

  say(text) {
    setText(this.note, text);
    show(this.note, Boolean(text));
  }
}
