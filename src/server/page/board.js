// The live board: calls by risk. Values change at once, the order at most once a second and never under the pointer.
import { byId, place, setText, show } from "./dom.js";
import { LEVELS } from "./format.js";
import { byRisk, Hold } from "./order.js";
import { Row } from "./row.js";

const STEP = 200; // rows in the document
const IDLE_MS = 30_000;

export class Board {
  constructor(state) {
    this.state = state;
    this.rows = new Map();
    this.limit = STEP;
    this.list = byId("rows");
    this.more = byId("board-more");
    this.hold = new Hold(this.list, IDLE_MS);
    this.seen = new IntersectionObserver((entries) => entries.forEach((e) => (e.target.seen = e.isIntersecting)), { rootMargin: "200px" });
    this.more.addEventListener("click", () => {
      this.limit += STEP;
      this.arrange();
    });
  }

  /** Writes the rows on screen; the others follow within the second. */
  render(changes) {
    if (changes.whole) return this.arrange();
    const touched = new Set(changes.calls);
    for (const id of changes.alerts) {
      const alert = this.state.alerts.get(id);
      if (alert) touched.add(alert.call_id);
    }
    const open = this.openByCall();
    for (const id of touched) if (this.rows.get(id)?.node.seen) this.write(id, open);
  }

  /** Once a second. */
  tick() {
    if (document.hidden) return;
    const held = this.hold.on;
    if (!held) this.arrange();
    else this.writeAll();
    const fresh = held ? Math.min(this.limit, this.state.liveCalls().length) - this.rows.size : 0;
    setText(byId("board-held"), fresh > 0 ? `Order held while you point, ${fresh} new` : "Order held while you point");
    show(byId("board-held"), held);
    this.count();
  }

  arrange() {
    const calls = byRisk(this.state);
    const shown = calls.slice(0, this.limit);
    const keep = new Set(shown.map((call) => call.call_id));
    for (const [id, row] of this.rows) {
      if (keep.has(id)) continue;
      this.seen.unobserve(row.node);
      this.rows.delete(id);
    }
    for (const { call_id } of shown) if (!this.rows.has(call_id)) this.rows.set(call_id, this.newRow(call_id));
    this.writeAll();
    place(this.list, shown.map((call) => this.rows.get(call.call_id).node));
    const rest = calls.length - shown.length;
    setText(this.more, rest > STEP ? `Show ${STEP} more of ${rest} calls with less risk` : `Show ${rest} more with less risk`);
    show(this.more, rest > 0);
    show(byId("board-empty"), calls.length === 0);
    if (this.state.point) setText(byId("board-empty"), "No live calls. They appear here as soon as they start.");
    this.count();
  }

  newRow(id) {
    const row = new Row(id);
    this.seen.observe(row.node);
    return row;
  }

  writeAll() {
    const open = this.openByCall();
    for (const id of this.rows.keys()) this.write(id, open);
  }

  write(id, open) {
    const row = this.rows.get(id);
    if (!row) return;
    const call = this.state.calls.get(id) ?? { ...row.call, state: "ended" }; // left our scope: gone at the next arranging
    row.update(call, { prior: this.state.prior, open: open.get(id) ?? 0 });
  }

  openByCall() {
    const open = new Map();
    for (const alert of this.state.openAlerts()) open.set(alert.call_id, (open.get(alert.call_id) ?? 0) + 1);
    return open;
  }

  count() {
    const counts = Object.fromEntries(LEVELS.map((level) => [level, 0]));
    for (const call of this.state.liveCalls()) if (call.level in counts) counts[call.level]++;
    const words = LEVELS.toReversed().filter((level) => counts[level]).map((level) => `${counts[level]} ${level}`);
    setText(byId("board-levels"), words.join(" · "));
  }

  focus(id) {
    const row = this.rows.get(id);
    (row?.node.isConnected ? row.link : byId("calls-title")).focus();
  }
}
