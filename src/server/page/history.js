// What has happened to an alert, and what is recommended.
import { el } from "./dom.js";
import { capital, clock, orDash, words } from "./format.js";

const MORE = ["to", "outcome", "reason", "level", "tier"];

export function history(alert) {
  return alert.history?.length ? el("ol", { class: "history" }, ...alert.history.map(step)) : null;
}

function step(entry) {
  const more = MORE.filter((key) => entry[key] !== undefined && entry[key] !== null).map((key) => `${key} ${words(entry[key])}`);
  return el("li", {}, el("time", { datetime: entry.at ?? null }, clock(entry.at)),
    ` ${words(entry.state)} by ${orDash(entry.by)}`, more.length ? ` (${more.join(", ")})` : "", entry.note ? el("q", {}, entry.note) : null);
}

/** "Resolve: a promise was missed, …" or "Escalate: …" */
export function recommendation({ recommendation }) {
  if (!recommendation?.do) return null;
  const because = recommendation.because ? `, because ${words(recommendation.because)}` : "";
  return el("p", { class: "recommendation" }, el("b", {}, capital(words(recommendation.do))), because);
}
