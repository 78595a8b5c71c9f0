// A chunk's text with what counted as marks. `start` and `end` count Unicode code points, as Array.from does.
import { el } from "./dom.js";
import { isNumber, signed, words } from "./format.js";

/** What the reasons of these alerts quote: seq → [{ start, end, why, part }], `part` of the reason's whole contribution. */
export function quotesOf(alerts) {
  const quotes = new Map();
  for (const alert of alerts) for (const reason of alert.reasons ?? []) for (const quote of reason.quotes ?? []) {
    const entry = { start: quote.start, end: quote.end, why: reason.label ?? words(reason.feature), part: isNumber(alert.log_odds) ? reason.contribution : null };
    const there = quotes.get(quote.seq) ?? [];
    // An alert is sent anew whenever it changes; two alerts may quote the same words.
    if (!there.some((other) => other.start === entry.start && other.end === entry.end && other.why === entry.why)) quotes.set(quote.seq, [...there, entry]);
  }
  return quotes;
}

/** Cut where highlights begin or end: [{ text, highlights }], the shortest highlight first. */
export function pieces(text, highlights) {
  const points = Array.from(text ?? "");
  const inside = (h) => isNumber(h?.start) && isNumber(h?.end) && h.end > h.start && h.start < points.length && h.end > 0;
  const sound = (highlights ?? []).filter(inside).sort((a, b) => a.end - a.start - (b.end - b.start));
  const borders = new Set([0, points.length, ...sound.flatMap((h) => [Math.max(0, h.start), Math.min(points.length, h.end)])]);
  const cuts = [...borders].sort((a, b) => a - b);
  return cuts.slice(1).map((end, i) => ({
    text: points.slice(cuts[i], end).join(""),
    highlights: sound.filter((h) => h.start < end && h.end > cuts[i]),
  }));
}

/** What one highlight did: "repeat contact, +0.34", "the agent stays vague, part of +0.61", "waiting". */
export function effect({ why, weight, part }) {
  if (isNumber(weight)) return `${words(why)}, ${signed(weight)}`;
  return words(why) + (isNumber(part) ? `, part of ${signed(part)}` : "");
}

const signOf = ({ weight, part }) => ((weight ?? part ?? 0) < 0 ? "minus" : "plus");

export function marked(text, highlights) {
  return pieces(text, highlights).map(({ text, highlights }) =>
    highlights.length ? el("mark", { data: { sign: signOf(highlights[0]), why: highlights.map(effect).join("\n") } }, text) : text);
}
