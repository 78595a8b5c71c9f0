// The large curve of one call: risk, alerts, turning points; the pointer reads off any moment.
import { el, setAttr, setText, show, svg } from "./dom.js";
import { isNumber, percent, span } from "./format.js";
import { scales, steps } from "./spark.js";
import { turningPoints } from "./turning.js";

const LEAST_MS = 60_000; // a young call does not fill the width
const MINUTES = [0.5, 1, 2, 5, 10, 15, 30, 60];

export class Curve {
  /** `pick(seq)` shows the words said there. */
  constructor(pick) {
    this.pick = pick;
    this.drawing = svg("svg", { class: "curve", role: "img" });
    this.line = svg("line", { class: "moment" });
    this.moment = el("p", { class: "moment-text", hidden: true, "aria-hidden": "true" });
    this.turns = el("ol", { class: "turns", "aria-label": "Turning points" });
    this.figure = el("div", { class: "curve-box" }, this.drawing, this.moment);
    this.node = el("div", {}, this.figure, this.turns);
    this.drawing.addEventListener("pointermove", (event) => this.read(event));
    this.drawing.addEventListener("pointerleave", () => this.leave());
    this.drawing.addEventListener("click", (event) => {
      const chunk = this.nearest(event);
      if (chunk) this.pick(chunk.seq);
    });
  }

  /** `said`: final chunks in order; `points`: samples of risk; `now`: how long the call runs, in ms. */
  draw({ said, points, alerts, now, risk, highest }) {
    this.said = said.filter((chunk) => isNumber(chunk.risk) && isNumber(chunk.end_ms ?? chunk.start_ms));
    const turning = turningPoints(said);
    this.plot(points, alerts, turning, now);
    this.list(turning);
    setAttr(this.drawing, "aria-label", highest
      ? `Risk over the call: now ${percent(risk)}, highest ${percent(highest.risk)} at ${span(highest.at)}` : "Risk over the call: nothing yet");
  }

  plot(points, alerts, turning, now) {
    const width = Math.max(this.figure.clientWidth || 600, 200);
    const em = parseFloat(getComputedStyle(this.figure).fontSize) || 14;
    const height = Math.round(em * 11);
    const [left, right, top, bottom] = [em * 3, width - 10, em * 1.4, height - em * 1.5];
    const last = points.at(-1);
    const ends = last && isNumber(now) ? [...points, { at: Math.max(now, last.at), risk: last.risk }] : points;
    const scale = scales({ points: ends, width: right - left, left, top, bottom, least: LEAST_MS, from: 0 });
    Object.assign(this, { scale, top, bottom, width });
    const parts = [...grid(scale, { left, right, bottom, height, em })];
    for (const [threshold, level] of thresholds(alerts)) {
      parts.push(svg("line", { class: "threshold", x1: left, x2: right, y1: scale.y(threshold), y2: scale.y(threshold), data: { level } }),
        svg("text", { class: "tick", x: left + 4, y: scale.y(threshold) - 4 }, `${level} from ${percent(threshold)}`));
    }
    if (ends.length) {
      const path = steps(ends, scale);
      parts.push(svg("path", { class: "area", d: `${path}V${bottom}H${scale.x(ends[0].at)}Z` }), svg("path", { class: "line", d: path }));
    }
    for (const alert of alerts) if (isNumber(alert.at_ms)) parts.push(mark(alert, scale, top, bottom, right));
    turning.forEach((turn, i) => isNumber(turn.at) && parts.push(knot(turn, i, scale, em)));
    this.drawing.replaceChildren(...parts, this.line);
    setAttr(this.drawing, "viewBox", `0 0 ${width} ${height}`);
    setAttr(this.drawing, "height", height);
  }

  list(turning) {
    const known = turning.map((turn) => `${turn.seq} ${turn.to}`).join();
    if (known === this.known) return; // a link under the pointer must not be replaced
    this.known = known;
    this.turns.replaceChildren(...turning.map((turn, i) => {
      const points = Math.round((turn.to - turn.from) * 100);
      return el("li", { data: { way: points > 0 ? "up" : "down" } },
        el("button", { type: "button", class: "plain", on: { click: () => this.pick(turn.seq) } },
          el("b", { class: "knot" }, String(i + 1)), ` ${points > 0 ? "▲" : "▼"}\u202f${Math.abs(points)} `, el("span", {}, turn.name)),
        el("span", { class: "muted num" }, isNumber(turn.at) ? ` ${span(turn.at)}` : ""));
    }));
    show(this.turns, turning.length > 0);
  }

  nearest(event) {
    if (!this.said?.length) return null;
    const box = this.drawing.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * this.width;
    const far = (chunk) => Math.abs(this.scale.x(chunk.end_ms ?? chunk.start_ms) - x);
    return this.said.reduce((best, chunk) => (far(chunk) < far(best) ? chunk : best));
  }

  read(event) {
    const chunk = this.nearest(event);
    if (!chunk) return;
    const at = chunk.end_ms ?? chunk.start_ms;
    for (const [name, value] of [["x1", this.scale.x(at)], ["x2", this.scale.x(at)], ["y1", this.top], ["y2", this.bottom]]) setAttr(this.line, name, value);
    setText(this.moment, `${span(at)} · ${percent(chunk.risk)} · ${chunk.speaker}: ${chunk.text}`);
    setAttr(this.line, "data-on", "yes");
    show(this.moment, true);
  }

  leave() {
    setAttr(this.line, "data-on", null);
    show(this.moment, false);
  }
}

function* grid(scale, { left, right, bottom, height, em }) {
  for (const risk of [0, 0.5, 1]) {
    const y = scale.y(risk);
    yield svg("line", { class: "grid", x1: left, x2: right, y1: y, y2: y });
    yield svg("text", { class: "tick", x: left - 6, y: y + 4, "text-anchor": "end" }, percent(risk));
  }
  const step = (MINUTES.find((m) => (scale.to / 60_000 / m) * em * 4 < right - left) ?? 120) * 60_000;
  for (let at = 0; at <= scale.to; at += step) {
    yield svg("text", { class: "tick", x: scale.x(at), y: height - 4, "text-anchor": scale.x(at) > right - em ? "end" : "middle" }, span(at));
  }
}

/** One line for each threshold that was passed, named by its level. */
function thresholds(alerts) {
  return new Map(alerts.filter((alert) => isNumber(alert.threshold)).map((alert) => [alert.threshold, alert.level ?? "alerts"]));
}

function mark(alert, scale, top, bottom, right) {
  const x = scale.x(Math.min(alert.at_ms, scale.to));
  const late = x > right - 80;
  return svg("g", { class: "mark", data: { level: alert.level ?? "none" } },
    svg("line", { x1: x, x2: x, y1: top - 4, y2: bottom }),
    svg("text", { x: late ? x - 4 : x + 4, y: top - 5, "text-anchor": late ? "end" : "start" }, alert.kind === "risk" ? alert.level ?? "alert" : alert.kind));
}

function knot(turn, i, scale, em) {
  const [x, y] = [scale.x(turn.at), scale.y(turn.to)];
  return svg("g", { class: "knot", data: { way: turn.to > turn.from ? "up" : "down" } },
    svg("circle", { cx: x, cy: y, r: em * 0.6 }), svg("text", { x, y: y + em * 0.29, "text-anchor": "middle" }, String(i + 1)));
}
