// The alert inbox: open alerts by urgency in groups, the current one open. Nothing moves under the pointer.
import { Card } from "./card.js";
import { byId, el, place, setText, show } from "./dom.js";
import { chosen } from "./filter.js";
import { byLastChange, byLevel, groupOf, Hold } from "./order.js";

const IDLE_MS = 10_000; // shorter than the board's: a new alert must not wait for a resting pointer
const STEP = 50;
const GUARD_MS = 1500; // a key meant for the card before must not hit the one that took its place
const AWAY_MS = 10_000; // so long without pointer or keyboard, nobody is about to press a key
const GROUPS = [
  ["call", "This call"],
  ["waiting", "Waiting for someone"],
  ["mine", "Mine"],
  ["taken", "With others"],
  ["snoozed", "Snoozed"],
  ["held", "Held, over the budget"],
  ["closed", "Closed"],
];
const FOLDED = new Set(["held", "closed"]);

export class Inbox {
  constructor(state, desk) {
    this.state = state;
    this.desk = desk;
    this.cards = new Map();
    this.current = null; // the one the keys act on
    this.picked = false; // by the person, not by us
    this.movedAt = -Infinity;
    this.unfold = false; // the first alert of the call that is open, once it is here
    this.unfolded = null; // its card
    this.focused = { id: null, alerts: [] }; // the call that is open, and its alerts where the state has none
    this.hold = new Hold(byId("inbox"), IDLE_MS);
    this.usedAt = -Infinity;
    for (const name of ["pointermove", "pointerdown", "keydown"]) {
      document.addEventListener(name, () => (this.usedAt = performance.now()), { capture: true, passive: true });
    }
    this.groups = Object.fromEntries(GROUPS.map(([name, title]) => [name, this.group(name, title)]));
    byId("groups").append(...GROUPS.map(([name]) => this.groups[name].node));
    for (const name of ["focusin", "click"]) byId("groups").addEventListener(name, (event) => this.pick(event));
    byId("inbox-new").addEventListener("click", () => {
      this.arrange();
      byId("inbox").scrollTo({ top: 0 });
    });
  }

  group(name, title) {
    const count = el("span", { class: "muted" });
    const list = el("div", { class: "cards" });
    const heading = el("h3", {}, title, " ", count);
    if (!FOLDED.has(name)) return { node: el("section", { class: "group", hidden: true }, heading, list), list, count };
    const node = el("details", { class: `group ${name}`, hidden: true }, el("summary", {}, heading), list);
    node.addEventListener("toggle", () => this.arrange());
    return { node, list, count };
  }

  render(changes) {
    for (const id of changes.alerts) {
      const alert = this.state.alerts.get(id);
      if (alert) this.cards.get(id)?.update(alert);
    }
    if (changes.calls.size) for (const card of this.cards.values()) if (changes.calls.has(card.alert.call_id)) card.tick();
    if (changes.whole || (changes.alerts.size && !this.hold.on)) this.arrange();
    else if (changes.alerts.size) this.late();
  }

  tick() {
    if (document.hidden) return;
    for (const card of this.cards.values()) card.tick();
    if (this.waiting && !this.hold.on) this.arrange();
  }

  /** The alerts of one call come first while it is open; `alerts` are those the state does not know. */
  open(id, alerts = []) {
    if (this.unfolded) this.unfolded.details.open = false;
    this.unfolded = null;
    this.unfold = id !== null;
    this.focused = { id, alerts };
    this.arrange();
    if (this.unfold || this.unfolded) byId("inbox").scrollTo({ top: 0 });
  }

  /** Of the call that is open, the first alert stands unfolded. */
  unfoldFirst([alert]) {
    if (!this.unfold || !alert) return;
    this.unfold = false;
    this.choose(alert.alert_id);
    this.unfolded = this.cards.get(alert.alert_id);
    this.unfolded.details.open = true;
  }

  sorted() {
    const sorted = Object.fromEntries(GROUPS.map(([name]) => [name, []]));
    let outside = 0;
    for (const alert of [...this.focused.alerts.filter((a) => !this.state.alerts.has(a.alert_id)), ...this.state.alerts.values()]) {
      const name = groupOf(alert, this.state.user);
      if (this.focused.id === alert.call_id) sorted.call.push(alert);
      else if (chosen(alert)) sorted[name].push(alert);
      else if (name === "waiting") outside++;
    }
    for (const [name] of GROUPS) sorted[name].sort(name === "closed" ? byLastChange : byLevel);
    return { sorted, outside };
  }

  arrange() {
    this.waiting = false;
    const { sorted, outside } = this.sorted();
    const keep = new Set();
    const focused = document.activeElement;
    for (const [name] of GROUPS) {
      const { node, list, count } = this.groups[name];
      const shown = FOLDED.has(name) && !node.open ? [] : sorted[name].slice(0, STEP);
      setText(count, sorted[name].length > shown.length && shown.length ? `${shown.length} of ${sorted[name].length}` : String(sorted[name].length));
      for (const alert of shown) keep.add(alert.alert_id);
      place(list, shown.map((alert) => this.card(alert).node));
      show(node, sorted[name].length > 0);
    }
    for (const id of [...this.cards.keys()]) if (!keep.has(id)) this.cards.delete(id);
    if (focused !== document.activeElement && focused?.isConnected) focused.focus({ preventScroll: true });
    const open = sorted.call.length + sorted.waiting.length + sorted.mine.length + sorted.taken.length;
    show(byId("inbox-empty"), open === 0);
    setText(byId("inbox-outside"), `${outside} more waiting outside the filter`);
    show(byId("inbox-outside"), outside > 0);
    show(byId("inbox-new"), false);
    this.unfoldFirst(sorted.call);
    this.moveOn(sorted);
    for (const [id, card] of this.cards) card.choose(id === this.current);
  }

  card(alert) {
    let card = this.cards.get(alert.alert_id);
    if (!card) this.cards.set(alert.alert_id, (card = new Card(alert.alert_id, this.desk)));
    card.update(alert);
    return card;
  }

  /**
   * The current one stays while it is somebody's to do and mine to see. Where nobody picked it and
   * nobody is at the page, the most pressing one takes its place.
   */
  moveOn(sorted) {
    const ours = [...sorted.call, ...sorted.waiting, ...sorted.mine].map((alert) => alert.alert_id);
    const away = performance.now() - this.usedAt > AWAY_MS;
    if (this.cards.has(this.current) && (this.picked || (ours.includes(this.current) && !away))) return;
    this.choose(ours[0] ?? [...this.cards.keys()][0] ?? null);
    this.picked = false;
  }

  pick(event) {
    const id = event.target.closest("article")?.dataset.alert;
    if (!id) return;
    this.choose(id);
    this.picked = true;
  }

  choose(id) {
    if (id === this.current) return;
    if (this.current !== null) this.movedAt = performance.now();
    this.cards.get(this.current)?.choose(false);
    this.current = id;
    this.cards.get(id)?.choose(true);
  }

  /** The current alert. */
  get chosen() {
    return this.cards.get(this.current)?.alert ?? null;
  }

  /** A key for the current alert. False when it does nothing here. */
  press(key) {
    if (performance.now() - this.movedAt < GUARD_MS && !byId("inbox").contains(document.activeElement)) return false;
    return this.cards.get(this.current)?.actions.press(key) ?? false;
  }

  step(by) {
    const nodes = [...byId("groups").querySelectorAll("article")].filter((node) => node.offsetParent);
    const at = nodes.findIndex((node) => node.dataset.alert === this.current);
    const node = nodes[Math.min(nodes.length - 1, Math.max(0, at + by))];
    node?.focus({ preventScroll: true });
    node?.scrollIntoView({ block: "nearest" });
  }

  /** The order is held: says what waits to be shown. */
  late() {
    this.waiting = true;
    const fresh = this.sorted().sorted.waiting.filter((alert) => !this.cards.has(alert.alert_id)).length;
    setText(byId("inbox-new"), fresh === 1 ? "Show 1 new alert" : `Show ${fresh} new alerts`);
    show(byId("inbox-new"), fresh > 0);
  }

  /** After the connection went or came: buttons follow it. */
  enable() {
    for (const card of this.cards.values()) card.actions.enable();
  }
}
