// One alert in the inbox: what, who, why, what to do, what has been done, what one can do.
import { Actions } from "./actions.js";
import { el, setAttr, setText } from "./dom.js";
import { capital, clock, isNumber, orDash, percent, rank, span, words } from "./format.js";
import { guidance } from "./guidance.js";
import { history, recommendation } from "./history.js";
import { isWaiting } from "./order.js";
import { account, first, reasonList } from "./reasons.js";
import { serverNow } from "./rest.js";
import { callHref } from "./row.js";
import { isOpen } from "./state.js";

const KINDS = { risk: "Risk", trigger: "Rule", manual: "Raised by hand" };

/** "63 % likely to escalate"; without a risk, what was heard or asked. */
export function headline(alert) {
  const said = alert.reasons?.[0]?.label ?? words(alert.reasons?.[0]?.feature ?? "");
  if (alert.kind !== "risk" && said && said !== "–") return capital(said);
  if (isNumber(alert.risk)) return `${percent(alert.risk)} likely to escalate`;
  return alert.kind === "manual" ? "The agent asks for help" : "Alert";
}

export const levelOf = (alert) => (rank(alert.level) ? capital(alert.level) : "Alert");

/** "acknowledged, owner sup-2" */
function stateLine(alert, user) {
  const owner = alert.owner ? (alert.owner === user ? "you" : alert.owner) : null;
  const last = alert.history?.at(-1);
  const outcome = alert.outcome ?? last?.outcome;
  const why = alert.state === "retracted" ? alert.reason ?? last?.reason : outcome;
  return [capital(words(alert.state)) + (why ? `: ${words(why)}` : ""), owner ? `owner ${owner}` : "no owner"].join(" · ");
}

/** "tier 2 in 1:12"; the clock is the server's. */
function tierLine(alert, now) {
  if (!isOpen(alert)) return "";
  const at = isWaiting(alert) ? Date.parse(alert.next_tier_at) : NaN;
  if (!Number.isFinite(at)) return alert.tier > 1 ? `tier ${alert.tier}` : "";
  const left = at - now;
  return `tier ${(alert.tier ?? 0) + 1} ${left > 0 ? `in ${span(left + 999)}` : "now"}`;
}

export class Card {
  constructor(alertId, desk) {
    this.desk = desk;
    this.head = el("div", { class: "card-head" });
    this.present = el("span", { class: "present" });
    this.tier = el("span", { class: "tier num" });
    this.brief = el("div", { class: "brief" });
    this.state = el("p", { class: "state" });
    this.actions = new Actions(alertId, desk);
    this.details = el("details", {}, el("summary", {}, "All reasons and history"));
    this.body = el("div", { class: "body" });
    this.details.append(this.body);
    this.details.addEventListener("toggle", () => this.fillDetails());
    this.node = el("article", { class: "card", tabindex: -1, id: `alert-${alertId}`, data: { alert: alertId } },
      el("span", { class: "bar", "aria-hidden": "true" }), this.head, this.actions.node, this.state, this.brief, this.details);
  }

  update(alert) {
    const user = this.desk.user();
    this.tick(alert);
    if (this.alert === alert && this.user === user) return this.actions.update(alert);
    this.alert = alert;
    this.user = user;
    setAttr(this.node, "data-level", rank(alert.level) ? alert.level : "none");
    setAttr(this.node, "data-closed", isOpen(alert) ? null : "yes");
    setAttr(this.node, "data-held", alert.held ? "yes" : null);
    setAttr(this.node, "aria-label", `${levelOf(alert)}, ${headline(alert)}, call ${alert.call_id}`);
    this.head.replaceChildren(...this.headParts(alert));
    this.brief.replaceChildren(...[reasonList(alert, first(alert.reasons), 1), isOpen(alert) ? guidance(alert, "h5") : null, recommendation(alert)].filter(Boolean));
    setText(this.state, stateLine(alert, user));
    this.actions.update(alert);
    this.fillDetails();
  }

  /** The one the keys act on stands open, the others closed up. */
  choose(current) {
    setAttr(this.node, "data-current", current ? "yes" : null);
    setAttr(this.node, "aria-current", current ? "true" : null);
    if (this.node.tabIndex !== (current ? 0 : -1)) this.node.tabIndex = current ? 0 : -1;
  }

  /** What became of the risk since, and when the next tier is asked. */
  tick(alert = this.alert) {
    if (!alert) return;
    const call = this.desk.call(alert.call_id);
    const text = !call ? "" : call.state === "ended" ? "call ended" : isNumber(call.risk) ? `now ${percent(call.risk)}` : "";
    setText(this.present, isOpen(alert) ? text : "");
    setText(this.tier, tierLine(alert, serverNow()));
  }

  headParts(alert) {
    const tags = [alert.provisional ? "provisional" : null, alert.held ? "over the team's budget" : null];
    const kind = KINDS[alert.kind] ?? capital(words(alert.kind));
    return [
      el("p", { class: "line" }, el("span", { class: "level" }, levelOf(alert)), el("span", { class: "kind" }, kind),
        ...tags.filter(Boolean).map((tag) => el("span", { class: "tag" }, tag)), this.tier,
        el("time", { datetime: alert.raised_at ?? null, title: alert.raised_at ?? null }, clock(alert.raised_at))),
      el("div", { class: "title" }, el("h4", {}, headline(alert)), this.present),
      el("p", { class: "where" }, el("a", { href: callHref(alert.call_id, alert.seq) }, orDash(alert.call_id)),
        ` · ${orDash(alert.agent_id)} · ${orDash(alert.queue)}` + (isNumber(alert.at_ms) ? ` · at ${span(alert.at_ms)}` : "")),
      el("p", { class: "why" }, first(alert.reasons)[0]?.label ?? ""),
    ];
  }

  /** Built only while it is open. */
  fillDetails() {
    const { alert } = this;
    if (!alert || !this.details.open) return this.body.replaceChildren();
    const section = (title, node) => (node ? el("section", {}, el("h5", {}, title), node) : null);
    this.body.replaceChildren(...[
      section("Why", account(alert)),
      section("History", history(alert)),
      section("Told", alert.notify?.length ? el("p", {}, alert.notify.join(", ")) : null),
    ].filter(Boolean));
  }
}
