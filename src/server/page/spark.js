// Small drawings, as SVG attributes: risk over time, sentiment and contribution as bars from a middle line.
import { setAttr, svg } from "./dom.js";
import { isNumber } from "./format.js";

const WIDTH = 96;
const HEIGHT = 26;
const LEAST_MS = 60_000; // a young call does not fill the width

/** The risk of one call in a row. `draw(points)` redraws it. */
export function spark() {
  const area = svg("path", { class: "area" });
  const line = svg("path", { class: "line" });
  const dot = svg("circle", { class: "end", r: 2.2 });
  const node = svg("svg", { class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true" },
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

/** Call time to x and risk to y. */
export function scales({ points, width, left = 0, top, bottom, least, from = points[0]?.at ?? 0 }) {
  const to = Math.max(points.at(-1)?.at ?? 0, from + least);
  const round = (n) => Math.round(n * 10) / 10;
  return {
    to,
    x: (at) => round(left + (width * (at - from)) / (to - from)),
    y: (risk) => round(bottom - (bottom - top) * Math.min(1, Math.max(0, risk))),
  };
}

/** Risk holds until the next chunk changes it: steps, not slopes. */
export function steps(points, scale) {
  return points.map((p, i) => (i ? `H${scale.x(p.at)}V${scale.y(p.risk)}` : `M${scale.x(p.at)} ${scale.y(p.risk)}`)).join("");
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
