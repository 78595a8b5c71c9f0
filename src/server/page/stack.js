// Alerts by hour, stacked by what became of them. The table behind it says the same in figures.
import { setAttr, svg } from "./dom.js";
import { hour } from "./format.js";

/** From the bottom up. */
const KINDS = ["escalated", "averted", "false_alarm", "other", "open"];

/** What each kind counts; other: duplicates, retracted, ended without anybody's word. */
function parts(row) {
  const known = { escalated: row.escalated ?? 0, averted: row.averted ?? 0, false_alarm: row.false_alarm ?? 0, open: row.open ?? 0 };
  const sum = Object.values(known).reduce((a, b) => a + b, 0);
  return { ...known, other: Math.max(0, (row.raised ?? 0) - sum) };
}

export function drawStack(node, hours) {
  const width = Math.max(node.clientWidth || 600, 240);
  const em = parseFloat(getComputedStyle(node).fontSize) || 14;
  const height = Math.round(em * 14);
  const [left, top, bottom] = [em * 2.2, em, height - em * 1.8];
  const most = nice(Math.max(4, ...hours.map((row) => row.raised ?? 0)));
  const y = (n) => bottom - ((bottom - top) * n) / most;
  const wide = (width - left) / Math.max(1, hours.length);
  const every = Math.ceil((em * 3.2) / wide);
  const drawn = [];
  for (const n of [0, most / 2, most]) {
    drawn.push(svg("line", { class: "grid", x1: left, x2: width, y1: y(n), y2: y(n) }), svg("text", { class: "tick", x: left - 6, y: y(n) + 4, "text-anchor": "end" }, String(n)));
  }
  hours.forEach((row, i) => {
    const x = left + i * wide;
    let sum = 0;
    const counts = parts(row);
    for (const name of KINDS) {
      if (!counts[name]) continue;
      const bar = svg("rect", { class: `part ${name}`, x: x + wide * 0.18, width: Math.max(4, wide * 0.64), y: y(sum + counts[name]), height: Math.max(1, y(sum) - y(sum + counts[name]) - 1) });
      bar.append(svg("title", {}, `${hour(row.from)} ${name.replace("_", " ")}: ${counts[name]}`));
      drawn.push(bar);
      sum += counts[name];
    }
    if (i % every === 0) drawn.push(svg("text", { class: "tick", x: x + wide / 2, y: height - 4, "text-anchor": "middle" }, hour(row.from)));
  });
  node.replaceChildren(...drawn);
  setAttr(node, "viewBox", `0 0 ${width} ${height}`);
  setAttr(node, "height", height);
}

/** The next round number that can be halved. */
function nice(n) {
  const size = 10 ** Math.floor(Math.log10(n));
  return [1, 2, 4, 6, 8, 10].map((k) => k * size).find((k) => k >= n);
}
