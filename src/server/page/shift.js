// What became of the alerts of a shift: by hour, how precise they were, how fast somebody took them.
import { byId, el, setText, show } from "./dom.js";
import { duration, hour, isNumber, percent } from "./format.js";
import { moment, Query } from "./query.js";
import { drawStack } from "./stack.js";

const HOURS = 8;
const HOUR_MS = 3_600_000;
const COLUMNS = {
  calls: "Calls", raised: "Raised", held: "Held", escalated: "Escalated", averted: "Averted", false_alarm: "False alarm",
  duplicate: "Duplicate", retracted: "Retracted", unjudged: "No outcome", open: "Open", missed: "Missed",
};

export class Shift {
  constructor(desk) {
    this.desk = desk;
    this.query = new Query(byId("shift-form"), "shift", () => this.load());
    this.chart = byId("shift-chart");
    new ResizeObserver(() => this.hours && drawStack(this.chart, this.hours)).observe(byId("shift"));
  }

  open(params) {
    this.query.fill(params);
    this.load();
  }

  /** Without dates, the last eight hours from a full hour on. */
  async load() {
    this.calling?.abort();
    const { signal } = (this.calling = new AbortController());
    const asked = new URLSearchParams(this.query.entries().map(([name, value]) => [name, name === "from" || name === "to" ? moment(value) : value]));
    if (!asked.has("from")) asked.set("from", new Date(Math.floor(Date.now() / HOUR_MS - HOURS + 1) * HOUR_MS).toISOString());
    const { body, why, gone } = await this.desk.ask(`/v1/shift?${asked}`, signal);
    if (gone) return;
    setText(byId("shift-note"), why ?? "");
    show(byId("shift-body"), Boolean(body));
    if (body) this.render(body);
  }

  render(body) {
    this.hours = body.hours ?? [];
    const { totals = {} } = body;
    const figures = [
      ["Alerts raised", totals.raised ?? 0, `on ${totals.calls ?? 0} calls`],
      ["Averted", totals.averted ?? 0, `${totals.escalated ?? 0} escalated all the same`],
      ["Precision", isNumber(body.precision) ? percent(body.precision) : "–", "of the alerts with an outcome, those that were right"],
      ["Acknowledged in", duration(body.median_ms_to_acknowledge), `half of ${body.acknowledged ?? 0}; nine in ten in ${duration(body.p90_ms_to_acknowledge)}`],
      ["Missed", totals.missed ?? 0, "escalated without an alert"],
    ];
    byId("shift-figures").replaceChildren(...figures.map(([name, value, note]) =>
      el("div", {}, el("dt", {}, name), el("dd", { class: "num" }, String(value)), el("dd", { class: "muted" }, note))));
    drawStack(this.chart, this.hours);
    byId("shift-head").replaceChildren(el("th", { scope: "col" }, "Hour"), ...Object.values(COLUMNS).map((title) => el("th", { scope: "col", class: "right" }, title)));
    byId("shift-rows").replaceChildren(...this.hours.map((row) => line(hour(row.from), row)));
    byId("shift-sum").replaceChildren(...line("All", totals).children);
  }
}

function line(name, row) {
  return el("tr", {}, el("th", { scope: "row" }, name), ...Object.keys(COLUMNS).map((column) => el("td", { class: "num right" }, String(row[column] ?? 0))));
}
