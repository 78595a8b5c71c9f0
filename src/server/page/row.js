// One call on the live board. Values are written at once, its place is the board's business.
import { el, hidden, setAttr, setText } from "./dom.js";
import { ago, capital, isNumber, orDash, percent, rank, sentimentWord, signed, span, trend } from "./format.js";
import { balance, spark } from "./spark.js";
import { isPrior } from "./state.js";

export const callHref = (id, seq) => `#/call/${encodeURIComponent(id)}${isNumber(seq) ? `/${seq}` : ""}`;

export function levelWord(call, prior) {
  if (call.state === "ended") return "Ended";
  if (rank(call.level)) return capital(call.level);
  if (!isNumber(call.risk)) return "No score";
  return isPrior(call, prior) ? "Too early" : "";
}

export class Row {
  constructor(id) {
    this.risk = el("span", { class: "num" });
    this.trend = el("span", { class: "trend" });
    this.level = el("span", { class: "level" });
    this.spark = spark();
    this.alerts = el("span", { class: "badge" });
    this.queue = el("span", { class: "cell queue" });
    this.agent = el("span", { class: "cell agent" });
    this.balance = balance("sentiment", 36);
    this.sentiment = el("span", { class: "num" });
    this.spent = el("span", { class: "num" });
    this.heard = el("span", {});
    this.link = el("a", { class: "row", href: callHref(id) },
      el("span", { class: "bar", "aria-hidden": "true" }),
      el("span", { class: "cell risk" }, hidden("risk "), this.risk, this.trend),
      this.level,
      this.spark.node,
      el("span", { class: "cell id" }, hidden("call "), el("span", { class: "name", title: id }, id), this.alerts),
      this.queue,
      this.agent,
      el("span", { class: "cell mood" }, hidden("sentiment "), this.balance.node, this.sentiment),
      el("span", { class: "cell spent" }, hidden("in call "), this.spent),
      el("span", { class: "cell heard" }, hidden("updated "), this.heard));
    this.node = el("li", {}, this.link);
  }

  /** `open`: how many open alerts the call has. */
  update(call, { prior, open }) {
    this.call = call;
    const dim = call.state === "ended" || isPrior(call, prior) || !isNumber(call.risk);
    setAttr(this.link, "data-level", rank(call.level) && call.state !== "ended" ? call.level : "none");
    setAttr(this.link, "data-dim", dim ? "yes" : null);
    setText(this.risk, percent(call.risk));
    setText(this.trend, dim ? "" : trend(call.trend));
    setText(this.level, levelWord(call, prior));
    setText(this.alerts, open ? `${open} ${open === 1 ? "alert" : "alerts"}` : "");
    setText(this.queue, orDash(call.queue));
    setText(this.agent, orDash(call.agent_id));
    this.balance.draw(call.sentiment);
    setText(this.sentiment, signed(call.sentiment));
    setAttr(this.balance.node.parentNode, "title", sentimentWord(call.sentiment));
    this.spark.draw(call.samples.points);
    this.tick();
  }

  tick(now = Date.now()) {
    const { call } = this;
    if (call.state !== "ended") setText(this.spent, timeInCall(call, now));
    setText(this.heard, call.heardAt ? ago(now - call.heardAt) : "–");
  }
}

export function timeInCall(call, now = Date.now()) {
  if (call.state === "ended") return span(call.at_ms);
  return isNumber(call.beganAt) ? span(now - call.beganAt) : "–";
}
