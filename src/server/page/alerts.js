// The alert inbox: open alerts by urgency in groups, closed ones folded away. Nothing moves under the pointer.
import { Card } from "./card.js";
import { byId, el, place, setText, show } from "./dom.js";
import { byLastChange, byUrgency, groupOf, Hold } from "./order.js";

const IDLE_MS = 10_000; // shorter than the board's: a new alert must not wait for a resting pointer
const STEP = 50;
const GROUPS = [
  ["waiting", "Waiting for someone"],
  ["taken", "Taken"],
  ["held", "Held, over the budget"],
  ["closed", "Closed"],
];

export class Inbox {
  constructor(state, desk) {
    this.state = state;
    this.desk = desk;
    this.cards = new Map();
    this.limit = STEP;
    this.hold = new Hold(byId("inbox"), IDLE_MS);
    this.groups = Object.fromEntries(GROUPS.map(([name, title]) => [name, this.group(name, title)]));
    byId("groups").append(...GROUPS.map(([name]) => this.groups[name].node));
    byId("inbox-new").addEventListener("click", () => {
      this.arrange();
      byId("inbox").scrollTo({ top: 0 });
    });
  }

  group(name, title) {
    const count = el("span", { class: "muted" });
    const list = el("div", { class: "cards" });
    if (name !== "closed") {
      const node = el("section", { class: "group", hidden: true }, el("h3", {}, title, " ", count), list);
      return { node, list, count };
    }
    const node = el("details", { class: "group", hidden: true }, el("summary", {}, title, " ", count), list);
    node.addEventListener("toggle", () => this.arrange());
    return { node, list, count };
  }

  render(changes) {
    for (const id of changes.alerts) {
      const alert = this.state.alerts.get(id);
      if (alert) this.cards.get(id)?.update(alert);
    }
    if (changes.calls.size) for (const card of this.cards.values()) if (changes.calls.has(card.alert.call_id)) card.now();
    if (changes.whole || (changes.alerts.size && !this.hold.on)) this.arrange();
    else if (changes.alerts.size) this.late();
  }

  tick() {
    if (document.hidden) return;
    if (this.waiting && !this.hold.on) this.arrange();
  }

  arrange() {
    this.waiting = false;
    const sorted = { waiting: [], taken: [], held: [], closed: [] };
    for (const alert of this.state.alerts.values()) sorted[groupOf(alert)].push(alert);
    const keep = new Set();
    const focused = document.activeElement;
    for (const [name] of GROUPS) {
      const { node, list, count } = this.groups[name];
      const alerts = sorted[name].sort(name === "closed" ? byLastChange : byUrgency);
      const shown = name === "closed" && !node.open ? [] : alerts.slice(0, this.limit);
      setText(count, alerts.length > shown.length && shown.length ? `${shown.length} of ${alerts.length}` : String(alerts.length));
      for (const alert of shown) keep.add(alert.alert_id);
      place(list, shown.map((alert) => this.card(alert).node));
      show(node, alerts.length > 0);
    }
    for (const id of [...this.cards.keys()]) if (!keep.has(id)) this.cards.delete(id);
    if (focused !== document.activeElement && focused?.isConnected) focused.focus({ preventScroll: true });
    show(byId("inbox-empty"), sorted.waiting.length + sorted.taken.length + sorted.held.length === 0);
    show(byId("inbox-new"), false);
  }

  card(alert) {
    let card = this.cards.get(alert.alert_id);
    if (!card) this.cards.set(alert.alert_id, (card = new Card(alert.alert_id, this.desk)));
    card.update(alert);
    return card;
  }

  /** The order is held: says what waits to be shown. */
  late() {
    this.waiting = true;
    const fresh = this.state.openAlerts().filter((alert) => !this.cards.has(alert.alert_id) && groupOf(alert) === "waiting").length;
    setText(byId("inbox-new"), fresh === 1 ? "Show 1 new alert" : `Show ${fresh} new alerts`);
    show(byId("inbox-new"), fresh > 0);
  }

  /** After the connection went or came: buttons follow it. */
  enable() {
    for (const card of this.cards.values()) card.actions.enable();
  }

  reveal(id) {
    const alert = this.state.alerts.get(id);
    if (!alert) return;
    if (groupOf(alert) === "closed") this.groups.closed.node.open = true;
    this.arrange();
    const node = this.cards.get(id)?.node;
    node?.scrollIntoView({ block: "nearest" });
    node?.focus({ preventScroll: true });
  }
}
