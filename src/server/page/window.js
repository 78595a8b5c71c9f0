// A long list of which only what is on screen is in the document. All items are equally high.
import { place, setAttr } from "./dom.js";

const AHEAD = 8; // items kept above and below the screen

export class Window {
  /** `make(key)` gives `{ node }`, an item of the list; `write(item, key)` brings it up to date. */
  constructor({ scroller, list, probe, make, write }) {
    Object.assign(this, { scroller, list, probe, make, write });
    this.keys = [];
    this.items = new Map();
    this.active = null; // the key the keyboard stands on
    scroller.addEventListener("scroll", () => this.later(), { passive: true });
    new ResizeObserver(() => this.later()).observe(scroller);
    new ResizeObserver(() => this.later()).observe(probe);
    list.addEventListener("keydown", (event) => this.move(event));
    list.addEventListener("focusin", (event) => this.activate(event.target.closest("li")?.dataset.key ?? null));
  }

  set(keys) {
    this.keys = keys;
    if (!keys.includes(this.active)) this.active = keys[0] ?? null;
    this.draw();
  }

  later() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.draw();
    });
  }

  draw() {
    if (!this.list.offsetParent) return;
    const high = this.probe.offsetHeight || 40;
    if (high !== this.high) this.list.style.setProperty("--high", `${high}px`);
    this.high = high;
    this.list.style.height = `${this.keys.length * high}px`;
    const above = this.scroller.scrollTop - this.list.offsetTop;
    const first = Math.max(0, Math.floor(above / high) - AHEAD);
    const last = Math.min(this.keys.length, Math.ceil((above + this.scroller.clientHeight) / high) + AHEAD);
    const shown = new Map();
    for (let i = first; i < last; i++) shown.set(this.keys[i], i);
    const at = this.keys.indexOf(this.active);
    if (at >= 0 && this.list.contains(document.activeElement)) shown.set(this.active, at); // a focused item stays
    for (const key of [...this.items.keys()]) if (!shown.has(key)) this.items.delete(key);
    const order = [...shown].sort((a, b) => a[1] - b[1]);
    place(this.list, order.map(([key, i]) => this.item(key, i).node));
  }

  item(key, i) {
    let item = this.items.get(key);
    if (!item) {
      this.items.set(key, (item = this.make(key)));
      item.node.dataset.key = key;
      this.write(item, key);
    }
    const top = `${i * this.high}px`;
    if (item.node.style.top !== top) item.node.style.top = top;
    setAttr(item.node, "aria-posinset", i + 1);
    setAttr(item.node, "aria-setsize", this.keys.length);
    item.link.tabIndex = key === this.active ? 0 : -1;
    return item;
  }

  activate(key) {
    if (key === null || key === this.active) return;
    const before = this.items.get(this.active);
    if (before) before.link.tabIndex = -1;
    this.active = key;
    const item = this.items.get(key);
    if (item) item.link.tabIndex = 0;
  }

  /** One stop of the Tab key for the whole list; arrows go through it. */
  move(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const page = Math.max(1, Math.floor(this.scroller.clientHeight / this.high) - 1);
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    this.step(by);
  }

  step(by) {
    const at = Math.max(0, this.keys.indexOf(this.active));
    this.focus(this.keys[Math.min(this.keys.length - 1, Math.max(0, at + by))]);
  }

  /** Brings the item on screen and the keyboard to it; false when it is not in the list. */
  focus(key) {
    const i = this.keys.indexOf(key);
    if (i < 0) return false;
    const { scroller, list, high } = this;
    const head = list.offsetTop - scroller.firstElementChild.offsetTop;
    const [top, bottom] = [list.offsetTop + i * high, list.offsetTop + (i + 1) * high];
    if (top < scroller.scrollTop + Math.min(head, 80)) scroller.scrollTop = top - Math.min(head, 80);
    else if (bottom > scroller.scrollTop + scroller.clientHeight) scroller.scrollTop = bottom - scroller.clientHeight;
    this.activate(key);
    this.draw();
    this.items.get(key)?.link.focus({ preventScroll: true });
    return true;
  }
}
