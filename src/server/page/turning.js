// Where a call turned: the turns that moved the risk most, up or down, and what was done in them.
import { isNumber, words } from "./format.js";

const LEAST = 0.06; // of risk
const MOST = 5;
const WORDS = 6;
const GAP_MS = 3000; // a longer pause begins another turn

/**
 * `said`: final chunks in order. Gives at most MOST of `{ seq, at, from, to, name }`, in order of
 * time; `at` in ms of call time, `name` the act, else what was highlighted, else the first words.
 */
export function turningPoints(said) {
  return turnsOf(said).filter((turn) => Math.abs(turn.to - turn.from) >= LEAST)
    .sort((a, b) => Math.abs(b.to - b.from) - Math.abs(a.to - a.from))
    .slice(0, MOST).sort((a, b) => a.seq - b.seq)
    .map((turn) => ({ ...turn, name: nameOf(turn) }));
}

/** Chunks of one speaker in a row, with the risk before and after. */
function turnsOf(said) {
  const turns = [];
  let risk = null;
  for (const chunk of said) {
    if (!isNumber(chunk.risk)) continue;
    let turn = turns.at(-1);
    if (turn?.speaker !== chunk.speaker || chunk.start_ms - turn.at > GAP_MS) {
      turn = { speaker: chunk.speaker, seq: chunk.seq, from: risk ?? chunk.risk, text: chunk.text ?? "", acts: [], highlights: [] };
      turns.push(turn);
    }
    turn.to = risk = chunk.risk;
    turn.at = chunk.end_ms ?? chunk.start_ms ?? turn.at;
    turn.acts.push(...(chunk.acts ?? []));
    turn.highlights.push(...(chunk.highlights ?? []));
  }
  return turns;
}

function nameOf({ speaker, acts, highlights, text }) {
  const act = acts.toSorted((a, b) => (b.probability ?? 0) - (a.probability ?? 0))[0];
  if (act) return `${speaker} ${act.label ?? act.act}`;
  if (highlights.length) return `${speaker}: ${words(highlights[0].why)}`;
  const first = text.split(/\s+/).slice(0, WORDS).join(" ");
  return `${speaker}: “${first}${first.length < text.length ? " …" : ""}”`;
}
