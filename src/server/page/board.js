// The live board: calls by urgency. Values change at once, the order every few seconds and never under the pointer.
import { byId, setText, show } from "./dom.js";
import { chosen, Filters, matches } from "./filter.js";
import { LEVELS } from "./format.js";
import { byUrgency, Hold, standings } from "./order.js";
import { Past } from "./past.js";
import { ask, serverNow } from "./rest.js";
import { Row } from "./row.js";
import { Window } from "./window.js";

const ORDER_MS = 2500;
const IDLE_MS = 30_000;

export class Board {
  constructor(state) {
    this.state = state;
    this.order = []; // call ids as they stand
    this.last = new Map(); // how a call was when it was last seen
    this.standing = new Map();
    this.arrangedAt = -Infinity;
    this.list = byId("rows");
    this.hold = new Hold(this.list, IDLE_MS);
    this.past = new Past(ask, (id) => this.window.items.has(id) && this.write(this.window.items.get(id), id));
    this.filters = new Filters(state, () => this.arrange());
    this.window = new Window({
      scroller: byId("main"), list: this.list, probe: byId("row-probe"),
      make: (id) => new Row(id), write: (row, id) => this.write(row, id),
    });
  }

  /** Writes the rows on screen. */
  render(changes) {
    if (changes.whole) return this.arrange();
    this.standing = standings(this.state.alerts.values());
    const touched = new Set(changes.calls);
    for (const id of changes.alerts) touched.add(this.state.alerts.get(id)?.call_id);
    for (const [id, row] of this.window.items) if (touched.has(id)) this.write(row, id);
  }

  /** Once a second. */
  tick() {
    if (document.hidden || byId("board").hidden) return;
    const held = this.hold.on;
    if (!held && performance.now() - this.arrangedAt >= ORDER_MS) this.arrange();
    else for (const row of this.window.items.values()) row.tick(serverNow());
    this.past.fill([...this.window.items.keys()].map((id) => this.state.calls.get(id)).filter(Boolean));
    const fresh = held ? this.wanted().filter((call) => !this.last.has(call.call_id)).length : 0;
    setText(byId("board-held"), fresh ? `Order held while you point, ${fresh} new` : "Order held while you point");
    show(byId("board-held"), held);
    this.count();
  }

  wanted() {
    const { words } = this.filters;
    return this.state.liveCalls().filter((call) => chosen(call) && matches(call, this.standing.get(call.call_id)?.owner, words));
  }

  arrange() {
    this.arrangedAt = performance.now();
    this.standing = standings(this.state.alerts.values());
    this.filters.draw();
    const calls = byUrgency(this.wanted(), this.standing, this.state.prior, serverNow());
    this.last = new Map(calls.map((call) => [call.call_id, call]));
    this.window.set(calls.map((call) => call.call_id));
    for (const [id, row] of this.window.items) this.write(row, id);
    show(byId("board-empty"), calls.length === 0);
    if (this.state.point) setText(byId("board-empty"), this.filters.active ? "No live call fits the filter." : "No live calls. They appear here as soon as they start.");
    this.count();
  }

  write(row, id) {
    // One that left our scope is gone at the next arranging; until then it says that it ended.
    const call = this.state.calls.get(id) ?? { ...this.last.get(id), state: "ended" };
    row.update(call, { prior: this.state.prior, standing: this.standing.get(id), user: this.state.user, now: serverNow() });
  }

  count() {
    const counts = Object.fromEntries(LEVELS.map((level) => [level, 0]));
    const live = this.state.liveCalls();
    for (const call of live) if (call.level in counts && chosen(call)) counts[call.level]++;
    const words = LEVELS.toReversed().filter((level) => counts[level]).map((level) => `${counts[level]} ${level}`);
    if (this.filters.active) words.unshift(`${this.last.size} of ${live.length}`);
    setText(byId("board-levels"), words.join(" · "));
  }

  focus(id) {
    this.arrange();
    if (!this.window.focus(id)) byId("calls-title").focus();
  }
}
