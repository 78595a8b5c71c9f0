// Why an alert was raised: label, contribution to the log-odds, quoted words.
import { el, hidden } from "./dom.js";
import { isNumber, orDash, percent, signed, words } from "./format.js";
import { callHref } from "./row.js";
import { balance } from "./spark.js";

const FIRST = 2;
const LABELS = { intercept: "where every call starts" };

const isRest = (reason) => reason.feature === "other" || reason.feature === "intercept";

/** What stands on a closed-up card: what raised the risk most, in words and acts before outlooks. */
export function first(reasons) {
  return (reasons ?? []).filter((reason) => !isRest(reason) && !(reason.contribution < 0)).slice(0, FIRST);
}

/** `quotes`: how many of each reason. */
export function reasonList(alert, reasons, quotes = Infinity) {
  const most = Math.max(0, ...(alert.reasons ?? []).filter((r) => !isRest(r)).map((r) => Math.abs(r.contribution ?? 0)));
  return reasons.length ? el("ul", { class: "reasons" }, ...reasons.map((reason) => item(alert, reason, most, quotes))) : null;
}

/** The whole account: every part by size, then the sum they come to, so that it can be checked. */
export function account(alert) {
  const reasons = [...(alert.reasons ?? [])].sort((a, b) => isRest(a) - isRest(b) || Math.abs(b.contribution ?? 0) - Math.abs(a.contribution ?? 0));
  if (isNumber(alert.log_odds) && isNumber(alert.intercept)) reasons.push({ feature: "intercept", contribution: alert.intercept });
  const list = reasonList(alert, reasons);
  return list ? el("div", { class: "account" }, list, sum(alert)) : null;
}

function item(alert, reason, most, quotes) {
  const label = LABELS[reason.feature] ?? reason.label ?? words(reason.feature);
  const line = el("div", { class: "reason" }, el("span", { class: "label" }, label));
  // A rule that fired has no part in any sum.
  if (isNumber(reason.contribution) && isNumber(alert.log_odds)) {
    const bar = balance("contribution", 64);
    bar.draw(reason.contribution, most);
    line.append(bar.node, number(reason.contribution), hidden(reason.contribution < 0 ? " lowers the risk" : " raises the risk"));
  }
  return el("li", { data: { feature: reason.feature } }, line, ...(reason.quotes ?? []).slice(0, quotes).map((quote) => quoted(alert, quote)));
}

/** Two digits to read, all of them to check. */
const number = (value) => el("data", { class: "num", value, title: `${value} log-odds` }, signed(value));

function quoted(alert, quote) {
  return el("a", { class: "quote", href: callHref(alert.call_id, quote.seq), title: "Show in the call" },
    el("span", { class: "who" }, orDash(quote.speaker)), " ", el("q", {}, quote.text ?? ""));
}

function sum(alert) {
  if (!isNumber(alert.log_odds)) return null;
  const risk = isNumber(alert.risk) ? `After calibration ${percent(alert.risk)}` : "";
  const off = risk && isNumber(alert.threshold) ? `, threshold ${percent(alert.threshold)}` : "";
  return el("p", { class: "sum" }, el("span", {}, "Sum, in log-odds "), number(alert.log_odds), el("span", { class: "muted" }, risk + off));
}
