// Why an alert was raised: label, contribution to the log-odds, quoted words.
import { el, hidden } from "./dom.js";
import { isNumber, orDash, percent, signed, words } from "./format.js";
import { callHref } from "./row.js";
import { balance } from "./spark.js";

const FIRST = 2;

const isRest = (reason) => reason.feature === "other" || reason.feature === "intercept";

/** In the order of the server, what people did before what words come to; the rest last. */
export function sorted(reasons) {
  return [...(reasons ?? [])].sort((a, b) => isRest(a) - isRest(b));
}

/** What stands on a closed-up card: what raised the risk. */
export function first(reasons) {
  return sorted(reasons).filter((reason) => !isRest(reason) && !(reason.contribution < 0)).slice(0, FIRST);
}

/** `quotes`: how many of each reason. */
export function reasonList(alert, reasons, quotes = Infinity) {
  const most = Math.max(0, ...(alert.reasons ?? []).filter((r) => !isRest(r)).map((r) => Math.abs(r.contribution ?? 0)));
  return el("ul", { class: "reasons" }, ...reasons.map((reason) => item(alert, reason, most, quotes)));
}

function item(alert, reason, most, quotes) {
  const line = el("div", { class: "reason" }, el("span", { class: "label" }, reason.label ?? words(reason.feature)));
  // A rule that fired has no part in any sum.
  if (isNumber(reason.contribution) && isNumber(alert.log_odds)) {
    const bar = balance("contribution", 64);
    bar.draw(reason.contribution, most);
    line.append(bar.node, el("span", { class: "num", title: "contribution in log-odds" }, signed(reason.contribution)),
      hidden(reason.contribution < 0 ? " lowers the risk" : " raises the risk"));
  }
  return el("li", {}, line, ...(reason.quotes ?? []).slice(0, quotes).map((quote) => quoted(alert, quote)));
}

function quoted(alert, quote) {
  return el("a", { class: "quote", href: callHref(alert.call_id, quote.seq), title: "Show in the call" },
    el("span", { class: "who" }, orDash(quote.speaker)), el("q", {}, quote.text ?? ""));
}

/** The sum, so that the figures above can be checked. */
export function sum(alert) {
  if (!isNumber(alert.log_odds)) return null;
  const base = isNumber(alert.intercept) ? `, starting from ${signed(alert.intercept)}` : "";
  const risk = isNumber(alert.risk) ? `, which is ${percent(alert.risk)} after calibration` : "";
  const off = isNumber(alert.threshold) ? ` (threshold ${percent(alert.threshold)})` : "";
  return el("p", { class: "muted sum" }, `Sum ${signed(alert.log_odds)} log-odds${base}${risk}${off}.`);
}

export function guidance(list, whole) {
  const shown = whole ? list ?? [] : (list ?? []).slice(0, 1);
  if (!shown.length) return null;
  return el("div", { class: "guidance" }, ...shown.map((g) => el("div", { class: "advice" },
    el("h4", {}, orDash(g.title)),
    g.say ? el("p", {}, el("span", { class: "key" }, "Say "), g.say) : null,
    whole && g.avoid ? el("p", {}, el("span", { class: "key" }, "Avoid "), g.avoid) : null,
    whole && g.because ? el("p", { class: "muted" }, `because of ${words(g.because)}`) : null)));
}
