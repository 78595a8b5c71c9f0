// Search of ended calls. What is asked stands in the address, so that going back shows the same list.
import { byId, el, setText, show } from "./dom.js";
import { date, orDash, percent, span, words } from "./format.js";
import { moment, Query } from "./query.js";
import { callHref } from "./row.js";

const LIMIT = 50;
const OUTCOMES = { true: "Escalated", false: "Not escalated" };

export class Search {
  constructor(desk) {
    this.query = new Query(byId("search-form"), "search", () => this.load());
    this.desk = desk;
    this.rows = byId("search-rows");
    this.more = byId("search-more");
    this.more.addEventListener("click", () => this.load(this.next));
  }

  open(params) {
    if (this.query.fill(params)) this.load();
  }

  /** The first part of the list, or what follows `after`. */
  async load(after = null) {
    this.calling?.abort();
    const { signal } = (this.calling = new AbortController());
    const asked = new URLSearchParams({ state: "ended", limit: LIMIT });
    for (const [name, value] of this.query.entries()) asked.set(name, name === "from" || name === "to" ? moment(value) : value);
    if (after) asked.set("after", after);
    setText(byId("search-note"), "Searching …");
    const { body, why, gone } = await this.desk.ask(`/v1/calls?${asked}`, signal);
    if (gone) return;
    const items = body?.items ?? [];
    if (after) this.rows.append(...items.map(row));
    else this.rows.replaceChildren(...items.map(row));
    this.next = body?.next ?? null;
    show(this.more, Boolean(this.next));
    show(byId("search-table"), this.rows.childElementCount > 0);
    const count = this.rows.childElementCount;
    setText(byId("search-note"), why ?? (count === 0 ? "No ended call fits." : `${count}${this.next ? " or more" : ""} ${count === 1 ? "call" : "calls"}, the newest first`));
  }
}

function row(call) {
  const outcome = OUTCOMES[call.outcome?.escalated] ?? "Not known";
  const cell = (text, props = {}) => el("td", props, text);
  return el("tr", {},
    el("th", { scope: "row" }, el("a", { href: callHref(call.call_id) }, call.call_id)),
    cell(date(call.ended_at), { class: "num" }), cell(orDash(call.queue)), cell(orDash(call.team)), cell(orDash(call.agent_id)),
    cell(span(call.at_ms), { class: "num right" }),
    cell(percent(call.risk), { class: "num right" }), cell(words(call.reason)),
    cell(outcome, { data: { outcome: String(call.outcome?.escalated ?? "") } }));
}
