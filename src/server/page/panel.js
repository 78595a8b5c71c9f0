// The panel of one agent, in a frame beside the CRM: the own call, what to say now, and a hand to raise.
import { headline } from "./card.js";
import { byId, el, setAttr, setText, show } from "./dom.js";
import { capital, isNumber, orDash, percent, rank, refusal, trend } from "./format.js";
import { guidance } from "./guidance.js";
import { quotesOf } from "./highlight.js";
import { byLevel } from "./order.js";
import { Past } from "./past.js";
import { prefs } from "./prefs.js";
import { timeInCall } from "./row.js";
import { spark } from "./spark.js";
import { isOpen, isPrior } from "./state.js";
import { Transcript } from "./transcript.js";

const WORDS = { watch: "Keep an eye on it", warning: "This may escalate", critical: "About to escalate" };

export class Panel {
  constructor(state, desk) {
    this.state = state;
    this.desk = desk;
    this.id = null;
    this.past = new Past(desk.ask, () => this.render());
    this.spark = spark();
    byId("panel-spark").append(this.spark.node);
    byId("panel-others").addEventListener("change", (event) => this.open(event.target.value));
    byId("hand-form").addEventListener("submit", (event) => this.raise(event));
    byId("panel-words").addEventListener("toggle", () => this.watch());
  }

  get on() {
    return prefs.get("view") === "agent";
  }

  /** Only the own calls are asked for; an agent sees no other people's alerts. */
  filter() {
    return this.on ? { agents: [prefs.get("agent")] } : {};
  }

  calls() {
    return this.state.liveCalls().filter((call) => call.agent_id === prefs.get("agent"))
      .sort((a, b) => String(b.started_at).localeCompare(String(a.started_at)));
  }

  render() {
    if (!this.on) return;
    const calls = this.calls();
    const call = calls.find(({ call_id }) => call_id === this.id) ?? calls[0] ?? null;
    if ((call?.call_id ?? null) !== this.id) this.open(call?.call_id ?? null);
    this.choice(calls);
    show(byId("panel-call"), call !== null);
    show(byId("panel-none"), call === null);
    setText(byId("panel-none"), !prefs.get("agent") ? "Whose panel is this? Add ?view=agent&agent=NAME to the address, or set it in the settings."
      : this.state.point ? `No call of ${prefs.get("agent")} right now.` : "Waiting for the server.");
    if (call) this.write(call);
  }

  choice(calls) {
    const select = byId("panel-others");
    const ids = calls.map((call) => call.call_id);
    if (select.dataset.known !== ids.join("\n")) {
      select.dataset.known = ids.join("\n");
      select.replaceChildren(...ids.map((id) => el("option", { value: id }, id)));
    }
    if (this.id && select.value !== this.id) select.value = this.id;
    show(select.parentNode, ids.length > 1);
  }

  write(call) {
    const early = isPrior(call, this.state.prior) || !isNumber(call.risk);
    setAttr(byId("panel-call"), "data-level", rank(call.level) ? call.level : "none");
    setText(byId("panel-level"), WORDS[call.level] ?? (early ? "Listening" : "Going well"));
    setText(byId("panel-risk"), early ? "" : `${percent(call.risk)} likely to escalate ${trend(call.trend)}`);
    setText(byId("panel-id"), `${call.call_id} · ${orDash(call.queue)}`);
    this.past.fill([call]);
    this.spark.draw(call.samples.points);
    const alerts = this.alerts();
    const open = alerts.filter(isOpen).sort(byLevel);
    this.advice(open.find((alert) => alert.guidance?.length) ?? null);
    this.help(open);
    this.transcript?.quote(quotesOf(alerts));
    this.tick();
  }

  alerts() {
    return [...this.state.alerts.values()].filter((alert) => alert.call_id === this.id);
  }

  /** Redrawn only when it says something else: words one is reading must stand still. */
  advice(alert) {
    const text = JSON.stringify(alert?.guidance ?? null);
    if (text === this.advised) return;
    this.advised = text;
    byId("panel-advice").replaceChildren(...[alert ? guidance(alert, "h3") : null].filter(Boolean));
  }

  /** Who has come to help. */
  help(open) {
    const line = (alert) => {
      const what = alert.kind === "manual" ? "Your hand is up" : headline(alert);
      return el("li", {}, el("b", {}, alert.owner ? `${alert.owner} is on it` : alert.held ? "Noted" : "Nobody has taken it yet"), ` · ${what}`);
    };
    const text = JSON.stringify(open.map((alert) => [alert.alert_id, alert.owner, alert.risk]));
    if (text !== this.helped) byId("panel-help").replaceChildren(...open.map(line));
    this.helped = text;
  }

  open(id) {
    if (this.id && this.watched && this.desk.live()) this.desk.send({ type: "unwatch", call_id: this.id });
    Object.assign(this, { id, watched: false, advised: undefined, helped: undefined });
    this.transcript = new Transcript();
    byId("panel-transcript").replaceChildren(this.transcript.node, this.transcript.latest);
    setText(byId("hand-result"), "");
    this.watch();
  }

  /** The words only while somebody looks at them; again after a reconnect. */
  watch(again = false) {
    if (!this.on || !this.id || !this.desk.live() || !byId("panel-words").open || (this.watched && !again)) return;
    this.watched = true;
    this.desk.send({ type: "watch", call_id: this.id });
  }

  chunk(chunk) {
    if (this.on && chunk.call_id === this.id) this.transcript.add(chunk);
  }

  /** To the field for the note; from there Enter raises the hand. */
  reach() {
    if (!this.on || !this.id) return false;
    byId("hand-note").focus();
  }

  async raise(event) {
    event.preventDefault();
    const note = byId("hand-note").value.trim();
    const reply = await this.desk.send({ type: "raise_hand", call_id: this.id, ...(note ? { note } : {}) });
    setText(byId("hand-result"), reply.ok === true ? "Your hand is up." : capital(refusal(reply)));
    byId("hand-result").dataset.ok = reply.ok === true ? "yes" : "no";
    if (reply.ok === true) byId("hand-note").value = "";
  }

  tick() {
    const call = this.on && this.id ? this.state.calls.get(this.id) : null;
    if (call) setText(byId("panel-time"), timeInCall(call));
    byId("hand-raise").disabled = !this.desk.live();
  }
}
