// One call on the live board. Values are written at once, its place is the board's business.
import { el, hidden, setAttr, setText } from "./dom.js";
import { ago, capital, isNumber, orDash, percent, rank, sentimentWord, signed, span, trend } from "./format.js";
import { balance, spark } from "./spark.js";
import { isPrior } from "./state.js";

const SILENT_MS = 60_000;

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
    this.badge = el("span", { class: "badge" });
    this.queue = el("span", { class: "cell queue" });
    this.agent = el("span", { class: "cell agent" });
    this.balance = balance("sentiment", 36);
    this.sentiment = el("span", { class: "num" });
    this.spent = el("span", { class: "num" });
    this.owner = el("span", {});
    this.link = el("a", { class: "row", href: callHref(id) },
      el("span", { class: "bar", "aria-hidden": "true" }),
      el("span", { class: "cell risk" }, hidden("risk "), this.risk, this.trend),
      this.level,
      this.spark.node,
      el("span", { class: "cell id" }, hidden("call "), el("span", { class: "name", title: id }, id), this.badge),
      this.queue,
      this.agent,
      el("span", { class: "cell mood" }, hidden("sentiment "), this.balance.node, this.sentiment),
      el("span", { class: "cell spent" }, hidden("in call "), this.spent),
      el("span", { class: "cell owner" }, hidden("owner "), this.owner));
    this.node = el("li", {}, this.link);
  }

  /** `standing`: what the call's open alerts come to. */
  update(call, { prior, standing, user, now }) {
    this.call = call;
    this.standing = standing;
    const dim = call.state === "ended" || isPrior(call, prior) || !isNumber(call.risk);
    setAttr(this.link, "data-level", rank(call.level) && call.state !== "ended" ? call.level : "none");
    setAttr(this.link, "data-dim", dim ? "yes" : null);
    setAttr(this.link, "data-waiting", standing?.least ? "yes" : null);
    setText(this.risk, percent(call.risk));
    setText(this.trend, dim ? "" : trend(call.trend));
    setText(this.level, levelWord(call, prior));
    setText(this.queue, orDash(call.queue));
    setText(this.agent, orDash(call.agent_id));
    this.user = user;
    this.balance.draw(call.sentiment);
    setText(this.sentiment, signed(call.sentiment));
    setAttr(this.balance.node.parentNode, "title", sentimentWord(call.sentiment));
    this.spark.draw(call.samples.points);
    this.tick(now);
  }

  tick(now) {
    const { call, standing } = this;
    if (call.state !== "ended") setText(this.spent, timeInCall(call));
    setText(this.owner, ownerWord(standing, this.user, now));
    const silent = call.heardAt ? Date.now() - call.heardAt : 0;
    setText(this.badge, call.state !== "ended" && silent > SILENT_MS ? `silent ${ago(silent)}` : standing?.open > 1 ? `${standing.open} alerts` : "");
  }
}

function ownerWord(standing, user, now) {
  if (!standing) return "–";
  if (standing.least) return standing.since === null ? "waiting" : `waits ${span(now - standing.since)}`;
  return standing.owner === null ? "no owner" : standing.owner === user ? "you" : standing.owner;
}

export function timeInCall(call, now = Date.now()) {
  if (call.state === "ended") return span(call.at_ms);
  return isNumber(call.beganAt) ? span(now - call.beganAt) : "–";
}
