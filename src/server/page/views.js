// Which view is shown, the way back out of a call, and on narrow screens which half.
import { byId, setAttr, show } from "./dom.js";
import { route } from "./route.js";

const TITLES = { board: "Live calls", search: "Ended calls", shift: "Shift" };
const HEADS = { board: "calls-title", call: "call-title", search: "search-title", shift: "shift-title" };
const HALVES = ["main", "alerts"];

export class Views {
  /** `parts`: { board, call, inbox, search, shift } */
  constructor(parts) {
    Object.assign(this, parts);
    this.now = null;
    this.way = { href: "#/", text: TITLES.board };
    window.addEventListener("hashchange", () => this.go());
    document.addEventListener("click", (event) => {
      const link = event.target.closest?.('a[href^="#/call/"]');
      if (link && link.hash === location.hash) this.go(); // the same words again
    });
    for (const name of HALVES) byId(`pane-${name}`).addEventListener("click", () => this.half(name));
    for (const [skip, name] of [["skip-calls", "main"], ["skip-alerts", "alerts"]]) {
      byId(skip).addEventListener("click", (event) => {
        event.preventDefault();
        this.half(name);
        byId(name === "main" ? HEADS[this.now] : "alerts-title").focus();
      });
    }
  }

  /** Shows what the address asks for. */
  go() {
    const to = route(location.hash);
    const before = { view: this.now, call: this.call.id };
    this.now = to.view;
    for (const name of Object.keys(HEADS)) show(byId(name), name === to.view);
    for (const tab of byId("views").children) setAttr(tab, "aria-current", tab.dataset.for === to.view ? "page" : null);
    byId("pane-main").firstChild.data = `${TITLES[to.view] ?? "Call"} `;
    if (to.view === "call") return this.openCall(to, before);
    this.way = { href: location.hash || "#/", text: TITLES[to.view] };
    this.call.close();
    if (before.call) this.inbox.open(null);
    if (to.view === "search") this.search.open(to.params);
    if (to.view === "shift") this.shift.open(to.params);
    if (to.view === "board") this.board.arrange();
    if (to.view === "board" && before.call) this.board.focus(before.call);
  }

  openCall(to, before) {
    this.half("main");
    this.call.open(to.id, to.seq, this.way, before.view !== null);
    if (before.call === to.id) return;
    byId("main").scrollTo({ top: 0 });
    this.inbox.open(to.id);
  }

  half(name) {
    byId("desk").dataset.pane = name;
    for (const each of HALVES) byId(`pane-${each}`).setAttribute("aria-pressed", String(each === name));
    if (name === "main") this.board.window.later();
  }

  /** Out of a call, to where one came from. */
  back() {
    if (this.now !== "call") return false;
    location.hash = this.way.href;
    return true;
  }

  /** The search of this view, if it has one. */
  find() {
    byId({ search: "search-q", board: "filter-word" }[this.now])?.focus();
  }
}
