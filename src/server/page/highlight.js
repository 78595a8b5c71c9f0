// A chunk's text with its highlights as marks. `start` and `end` count Unicode code points, as Array.from does.
import { el } from "./dom.js";
import { isNumber, signed, words } from "./format.js";

/** Where highlights overlap, the one with the larger weight shows. Returns [{ text, why?, weight? }]. */
export function pieces(text, highlights) {
  const points = Array.from(text ?? "");
  const owner = new Array(points.length).fill(null);
  const size = (h) => Math.abs(isNumber(h.weight) ? h.weight : 0);
  for (const highlight of [...(highlights ?? [])].sort((a, b) => size(a) - size(b))) {
    if (!isNumber(highlight?.start) || !isNumber(highlight?.end)) continue;
    const end = Math.min(points.length, highlight.end);
    for (let i = Math.max(0, highlight.start); i < end; i++) owner[i] = highlight;
  }
  const out = [];
  for (let i = 0; i < points.length; ) {
    let j = i;
    while (j < points.length && owner[j] === owner[i]) j++;
    out.push({ text: points.slice(i, j).join(""), highlight: owner[i] });
    i = j;
  }
  return out;
}

export function marked(text, highlights) {
  return pieces(text, highlights).map(({ text, highlight }) => {
    if (!highlight) return text;
    const why = words(highlight.why) + (isNumber(highlight.weight) ? `, ${signed(highlight.weight)} log-odds` : "");
    return el("mark", { title: why, data: { sign: highlight.weight < 0 ? "minus" : "plus" } }, text);
  });
}
