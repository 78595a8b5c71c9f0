// Small drawings, as SVG attributes: risk over time, sentiment and contribution as bars from a middle line.
import { setAttr, svg } from "./dom.js";
import { isNumber, percent, span } from "./format.js";

const WIDTH = 96;
const HEIGHT = 26;
const LEAST_MS = 60_000; // a young call does not fill the width

/** The risk of one call in a row. `draw(points, now_ms)` redraws it. */
export function spark() {
  const area = svg("path", { class: "area" });
  const line = svg("path", { class: "line" });
  const dot = svg("circle", { class: "end", r: 2.2 });
  const node = svg("svg", { class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, height: HEIGHT, "aria-hidden": "true" },
    svg("line", { class: "base", x1: 0, x2: WIDTH, y1: HEIGHT - 0.5, y2: HEIGHT - 0.5 }), area, line, dot);
  return {
    node,
    draw(points) {
      const last = points.at(-1);
      if (!last) return;
      const scale = scales({ points, width: WIDTH - 4, top: 3, bottom: HEIGHT - 2, least: LEAST_MS });
      const path = steps(points, scale);
      setAttr(line, "d", path);
      setAttr(area, "d", `${path}V${HEIGHT - 1}H${scale.x(points[0].at)}Z`);
      setAttr(dot, "cx", scale.x(last.at));
      setAttr(dot, "cy", scale.y(last.risk));
    },
  };
}

function scales({ points, width, left = 0, top, bottom, least, from = points[0]?.at ?? 0 }) {
  const to = Math.max(points.at(-1)?.at ?? 0, from + least);
  const round = (n) => Math.round(n * 10) / 10;
  return {
    from,
    to,
    x: (at) => round(left + (width * (at - from)) / (to - from)),
    y: (risk) => round(bottom - (bottom - top) * Math.min(1, Math.max(0, risk))),
  };
}

/** Risk holds until the next chunk changes it: steps, not slopes. */
function steps(points, scale) {
  return points.map((p, i) => (i ? `H${scale.x(p.at)}V${scale.y(p.risk)}` : `M${scale.x(p.at)} ${scale.y(p.risk)}`)).join("");
}

const MINUTES = [1, 2, 5, 10, 15, 30, 60];

/** The large curve of the call view, with its alerts as marks and their thresholds as lines. */
export function drawCurve(node, { points, alerts, now }) {
  const width = Math.max(node.clientWidth || 600, 200);
  const height = 150;
  const [left, right, top, bottom] = [42, width - 8, 16, height - 20];
  const ends = [...points, ...(isNumber(now) && points.length ? [{ at: Math.max(now, points.at(-1).at), risk: points.at(-1).risk }] : [])];
  const scale = scales({ points: ends, width: right - left, left, top, bottom, least: LEAST_MS, from: 0 });
  const parts = [];
  for (const risk of [0, 0.5, 1]) {
    const y = scale.y(risk);
    parts.push(svg("line", { class: "grid", x1: left, x2: right, y1: y, y2: y }), svg("text", { class: "tick", x: left - 6, y: y + 4, "text-anchor": "end" }, percent(risk)));
  }
  const step = (MINUTES.find((m) => (scale.to / 60_000 / m) * 60 < right - left) ?? 120) * 60_000;
  for (let at = 0; at <= scale.to; at += step) {
    const anchor = scale.x(at) > right - 16 ? "end" : "middle";
    parts.push(svg("text", { class: "tick", x: scale.x(at), y: height - 4, "text-anchor": anchor }, span(at)));
  }
  const thresholds = new Map(alerts.filter((a) => isNumber(a.threshold)).map((a) => [a.threshold, a.level]));
  for (const [threshold, level] of thresholds) {
    parts.push(svg("line", { class: "threshold", x1: left, x2: right, y1: scale.y(threshold), y2: scale.y(threshold) }),
      svg("text", { class: "tick", x: left + 6, y: scale.y(threshold) - 4 }, `${level ?? "alerts"} from ${percent(threshold)}`));
  }
  if (ends.length) {
    const path = steps(ends, scale);
    parts.push(svg("path", { class: "area", d: `${path}V${bottom}H${scale.x(ends[0].at)}Z` }), svg("path", { class: "line", d: path }));
  }
  for (const alert of alerts) if (isNumber(alert.at_ms)) parts.push(mark(alert, scale, top, bottom, right));
  node.replaceChildren(...parts);
  setAttr(node, "viewBox", `0 0 ${width} ${height}`);
  setAttr(node, "height", height);
}

function mark(alert, scale, top, bottom, right) {
  const x = scale.x(Math.min(alert.at_ms, scale.to));
  return svg("g", { class: "mark", data: { level: alert.level ?? "none" } },
    svg("line", { x1: x, x2: x, y1: top - 4, y2: bottom }),
    svg("text", { x: x > right - 60 ? x - 4 : x + 4, y: top - 5, "text-anchor": x > right - 60 ? "end" : "start" }, alert.level ?? alert.kind ?? "alert"));
}

/** A bar that grows left or right of its middle; `draw(value, most)`. */
export function balance(name, width = 48) {
  const bar = svg("rect", { class: "fill", y: 2, height: 6, rx: 1 });
  const node = svg("svg", { class: `balance ${name}`, viewBox: `0 0 ${width} 10`, width, height: 10, "aria-hidden": "true" },
    svg("rect", { class: "track", x: 0, y: 2, width, height: 6, rx: 1 }), bar,
    svg("line", { class: "middle", x1: width / 2, x2: width / 2, y1: 0, y2: 10 }));
  return {
    node,
    draw(value, most = 1) {
      const size = isNumber(value) && most > 0 ? (Math.min(1, Math.abs(value) / most) * width) / 2 : 0;
      setAttr(bar, "width", Math.round(size * 10) / 10);
      setAttr(bar, "x", Math.round((value < 0 ? width / 2 - size : width / 2) * 10) / 10);
      setAttr(node, "data-sign", value < 0 ? "minus" : "plus");
    },
  };
}
