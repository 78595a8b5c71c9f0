// Which calls and alerts the person wants to see: queue and team everywhere, a search word on the board.
import { byId, el, show } from "./dom.js";
import { prefs } from "./prefs.js";

/** True for a call or an alert of the chosen queue and team. */
export function chosen(item) {
  const [queue, team] = [prefs.get("queue"), prefs.get("team")];
  return (!queue || item.queue === queue) && (!team || item.team === team);
}

/** The rest is found by words: call, agent, owner, queue, level, attributes; all of them must occur. */
export function matches(call, owner, words) {
  if (!words.length) return true;
  const values = [call.call_id, call.agent_id, call.queue, call.team, call.level, owner, ...Object.values(call.attributes ?? {})];
  const text = values.join(" ").toLowerCase();
  return words.every((word) => text.includes(word));
}

export class Filters {
  constructor(state, changed) {
    this.state = state;
    this.changed = changed;
    this.word = byId("filter-word");
    this.selects = { queue: byId("filter-queue"), team: byId("filter-team") };
    for (const [name, select] of Object.entries(this.selects)) select.addEventListener("change", () => prefs.set({ [name]: select.value }));
    this.word.addEventListener("input", () => this.changed());
    this.word.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !this.word.value) return;
      event.stopPropagation();
      this.word.value = "";
      this.changed();
    });
    byId("filters").addEventListener("submit", (event) => event.preventDefault());
    byId("filter-clear").addEventListener("click", () => this.clear());
    prefs.onChange(changed);
  }

  get words() {
    return this.word.value.toLowerCase().split(/\s+/).filter(Boolean);
  }

  get active() {
    return Boolean(prefs.get("queue") || prefs.get("team") || this.words.length);
  }

  clear() {
    this.word.value = "";
    prefs.set({ queue: "", team: "" });
    this.word.focus();
  }

  /** The queues and teams there are; one that is chosen stays, though nobody calls it now. */
  draw() {
    show(byId("filter-clear"), this.active);
    for (const [name, select] of Object.entries(this.selects)) {
      const kept = prefs.get(name);
      const values = new Set([...this.state.calls.values()].map((call) => call[name]).filter(Boolean));
      if (kept) values.add(kept);
      const wanted = [...values].sort();
      if (wanted.join("\n") !== select.dataset.known) {
        select.dataset.known = wanted.join("\n");
        select.replaceChildren(select.options[0], ...wanted.map((value) => el("option", { value }, value)));
      }
      if (select.value !== kept) select.value = kept;
    }
  }
}
