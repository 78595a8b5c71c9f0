// What to do or say now. The agent reads what to say, the supervisor what to do.
import { el } from "./dom.js";
import { orDash, words } from "./format.js";
import { prefs } from "./prefs.js";

const MOST = 2;

/** `heading`: the level at which the titles stand where this is put. */
export function guidance(alert, heading) {
  const shown = (alert.guidance ?? []).slice(0, MOST);
  if (!shown.length) return null;
  return el("div", { class: "guidance" }, ...shown.map((entry) => advice(entry, alert.reasons ?? [], heading)));
}

function advice(entry, reasons, heading) {
  const supervisor = prefs.get("view") === "supervisor" && entry.supervisor;
  const because = reasons.find((reason) => reason.feature === entry.because)?.label ?? words(entry.because);
  const line = (key, text, kind) => (text ? el("p", { class: kind }, el("span", { class: "key" }, key), " ", text) : null);
  return el("div", { class: "advice" },
    el(heading, { class: "advice-title" }, orDash(entry.title)),
    supervisor ? line("You", entry.supervisor, "do") : null,
    line(prefs.get("view") === "agent" ? "Say" : "Agent says", entry.say, "say"),
    line("Avoid", entry.avoid, "avoid"),
    entry.because ? el("p", { class: "muted" }, `because ${because}`) : null);
}
