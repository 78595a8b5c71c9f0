// One alert in the inbox: what, who, why, what to say, what has been done, what one can do.
import { Actions } from "./actions.js";
import { el, setAttr, setText } from "./dom.js";
import { capital, clock, isNumber, orDash, percent, rank, signed, span, words } from "./format.js";
import { first, guidance, reasonList, sorted, sum } from "./reasons.js";
import { callHref } from "./row.js";
import { isOpen } from "./state.js";

const KINDS = { risk: "Risk", trigger: "Trigger", manual: "Raised by hand" };

/** "63 % likely to escalate"; without a risk, what was heard or asked. */
export function headline(alert) {
  const said = alert.reasons?.[0]?.label ?? words(alert.reasons?.[0]?.feature ?? "");
  if (alert.kind !== "risk" && said && said !== "–") return capital(said);
  if (isNumber(alert.risk)) return `${percent(alert.risk)} likely to escalate`;
  return alert.kind === "manual" ? "The agent asks for help" : "Alert";
}

export const levelOf = (alert) => (rank(alert.level) ? capital(alert.level) : "Alert");

/** "acknowledged, owner sup-2" */
export function stateLine(alert, user) {
  const owner = alert.owner ? (alert.owner === user ? "you" : alert.owner) : null;
  const last = alert.history?.at(-1);
  const outcome = alert.outcome ?? last?.outcome;
  const why = alert.state === "retracted" ? alert.reason ?? last?.reason : outcome;
  return [capital(words(alert.state)) + (why ? `: ${words(why)}` : ""), owner ? `owner ${owner}` : "no owner"].join(" · ");
}

export class Card {
  constructor(alertId, desk) {
    this.desk = desk;
    this.head = el("div", { class: "card-head" });
    this.present = el("span", { class: "present" });
    this.brief = el("div", { class: "brief" });
    this.state = el("p", { class: "state" });
    this.actions = new Actions(alertId, desk);
    this.details = el("details", {}, el("summary", {}, "All reasons, guidance, history"));
    this.body = el("div", { class: "body" });
    this.details.append(this.body);
    this.details.addEventListener("toggle", () => this.fillDetails());
    this.node = el("article", { class: "card", tabindex: -1, id: `alert-${alertId}` },
      el("span", { class: "bar", "aria-hidden": "true" }), this.head, this.brief, this.state, this.actions.node, this.details);
  }

  update(alert) {
    const user = this.desk.user();
    this.now(alert);
    if (this.alert === alert && this.user === user) return this.actions.update(alert);
    this.alert = alert;
    this.user = user;
    setAttr(this.node, "data-level", rank(alert.level) ? alert.level : "none");
    setAttr(this.node, "data-closed", isOpen(alert) ? null : "yes");
    setAttr(this.node, "aria-label", `${levelOf(alert)}, ${headline(alert)}, call ${alert.call_id}`);
    this.head.replaceChildren(...this.headParts(alert));
    this.brief.replaceChildren(...[reasonList(alert, first(alert.reasons), 1), isOpen(alert) ? guidance(alert.guidance, false) : null].filter(Boolean));
    this.state.textContent = stateLine(alert, user);
    this.actions.update(alert);
    this.fillDetails();
  }

  /** What became of the risk since. */
  now(alert = this.alert) {
    const call = alert && this.desk.call(alert.call_id);
    const text = !call ? "" : call.state === "ended" ? "call ended" : isNumber(call.risk) ? `now ${percent(call.risk)}` : "";
    setText(this.present, text);
  }

  headParts(alert) {
    const tags = [alert.provisional ? "provisional" : null, alert.held ? "held: over the team's budget" : null, alert.tier > 1 ? `tier ${alert.tier}` : null];
    const kind = KINDS[alert.kind] ?? capital(words(alert.kind));
    const risk = alert.kind !== "risk" && isNumber(alert.risk) ? ` · ${percent(alert.risk)} likely to escalate` : "";
    return [
      el("p", { class: "line" }, el("span", { class: "level" }, levelOf(alert)), el("span", { class: "kind" }, kind + risk),
        ...tags.filter(Boolean).map((tag) => el("span", { class: "tag" }, tag)),
        el("time", { datetime: alert.raised_at ?? null, title: alert.raised_at ?? null }, clock(alert.raised_at))),
      el("div", { class: "title" }, el("h3", {}, headline(alert)), this.present),
      el("p", { class: "where" }, el("a", { href: callHref(alert.call_id, alert.seq) }, orDash(alert.call_id)),
        ` · agent ${orDash(alert.agent_id)} · ${orDash(alert.queue)}` + (isNumber(alert.at_ms) ? ` · at ${span(alert.at_ms)}` : "")),
    ];
  }

  /** Built only while it is open. */
  fillDetails() {
    const { alert } = this;
    if (!alert || !this.details.open) return this.body.replaceChildren();
    const { recommendation } = alert;
    const section = (title, ...nodes) => (nodes.filter(Boolean).length ? el("section", {}, el("h4", {}, title), ...nodes.filter(Boolean)) : null);
    this.body.replaceChildren(...[
      section("Reasons", alert.reasons?.length ? reasonList(alert, sorted(alert.reasons)) : null, sum(alert)),
      section("Guidance", guidance(alert.guidance, true)),
      recommendation?.do ? section("Recommendation", el("p", {}, capital(words(recommendation.do)), recommendation.because ? `: ${words(recommendation.because)}` : "")) : null,
      section("At that time", isNumber(alert.sentiment) || isNumber(alert.trend)
        ? el("p", {}, `sentiment ${signed(alert.sentiment)}, risk ${signed(isNumber(alert.trend) ? alert.trend * 100 : null, 0)} points over three customer turns`) : null),
      section("History", alert.history?.length ? el("ol", { class: "history" }, ...alert.history.map(step)) : null),
      section("Sent to", alert.notify?.length ? el("p", {}, alert.notify.join(", ")) : null),
    ].filter(Boolean));
  }
}

function step(entry) {
  const more = ["to", "outcome", "reason", "note", "tier", "level"].filter((key) => entry[key] !== undefined && entry[key] !== null)
    .map((key) => `${key} ${key === "note" ? `“${entry[key]}”` : words(entry[key])}`);
  return el("li", {}, el("time", { datetime: entry.at ?? null }, clock(entry.at)), ` ${words(entry.state)} by ${orDash(entry.by)}`, more.length ? ` (${more.join(", ")})` : "");
}
