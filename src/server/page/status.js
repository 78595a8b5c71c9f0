// The header: how the connection is, how many calls and alerts, and a banner while numbers may be old.
import { byId, setAttr, setText, show } from "./dom.js";
import { clock } from "./format.js";
import { chosen } from "./filter.js";
import { isWaiting } from "./order.js";

const RESUMED_MS = 8000;

export class StatusBar {
  constructor(state, retry) {
    this.state = state;
    this.lostAt = null;
    byId("banner-retry").addEventListener("click", retry);
  }

  link(status) {
    this.status = status;
    clearTimeout(this.calm);
    const again = this.lostAt !== null;
    const words = {
      connecting: again ? "Reconnecting" : "Connecting",
      waiting: "Reconnecting",
      loading: again ? "Resuming" : "Loading",
      stopped: "Stopped",
      live: "Connected",
    };
    let text = words[status.phase];
    if (status.phase === "live") {
      if (again) {
        text = status.resumed ? "Resumed, nothing missed" : "Connected, all loaded anew";
        this.calm = setTimeout(() => setText(byId("link-text"), words.live), RESUMED_MS);
      }
      this.lostAt = null;
    } else if (status.phase === "waiting" || status.phase === "stopped") this.lostAt ??= Date.now();
    setAttr(byId("link"), "data-phase", status.phase);
    setText(byId("link-text"), text);
    setAttr(document.body, "data-stale", this.lostAt !== null && this.state.point ? "yes" : null);
    this.banner();
  }

  banner() {
    const { phase, why } = this.status;
    const bad = phase === "stopped" || this.lostAt !== null;
    show(byId("banner"), bad);
    if (!bad) return;
    const old = this.state.point ? ` What you see is from ${clock(this.lostAt)}.` : "";
    if (why) setText(byId("banner-text"), why + old);
    setText(byId("banner-retry"), phase === "stopped" ? "Try again" : "Try now");
    this.tick();
  }

  tick() {
    const { phase, until } = this.status ?? {};
    const left = phase === "waiting" ? Math.max(0, Math.ceil((until - Date.now()) / 1000)) : 0;
    setText(byId("banner-wait"), left ? `Next attempt in ${left}\u202fs` : "");
    setText(byId("link-more"), phase === "loading" && this.state.staging ? `, ${this.state.staging.loaded} calls so far` : "");
  }

  /** Runs also in a hidden tab: the title must tell. */
  count() {
    const known = this.state.point !== null;
    const open = this.state.openAlerts().filter(chosen);
    const waiting = open.filter(isWaiting).length;
    const calls = known ? String(this.state.liveCalls().length) : "–";
    setText(byId("count-calls"), calls);
    setText(byId("pane-main-count"), known && !byId("board").hidden ? calls : "");
    setText(byId("count-alerts"), known ? String(open.length) : "–");
    setText(byId("pane-alerts-count"), known ? `${open.length}${waiting ? `, ${waiting} waiting` : ""}` : "");
    setText(byId("count-waiting"), known ? String(waiting) : "–");
    setAttr(byId("count-waiting").parentNode, "data-some", waiting ? "yes" : null);
    setText(byId("user-name"), this.state.user ?? "");
    const title = (waiting ? `(${waiting}) ` : "") + "Forewarn" + (this.lostAt !== null ? " – not connected" : "");
    if (document.title !== title) document.title = title;
  }
}
