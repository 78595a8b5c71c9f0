// The live transcript of one call: finals in the order of seq, partials greyed until their final comes.
import { el, setAttr, setText, show } from "./dom.js";
import { isNumber, orDash, percent, signed, span } from "./format.js";
import { effect, marked } from "./highlight.js";
import { balance } from "./spark.js";
import { Tip } from "./tip.js";

const NEAR_END = 48;

/** What the speaker does in this turn, as far as it has been said. */
function tag({ act, label, probability }) {
  const title = isNumber(probability) ? `${Math.round(100 * probability)} % sure, by the words alone` : null;
  return el("span", { class: "act", "data-act": act, title }, label ?? act);
}

export class Transcript {
  constructor() {
    this.lines = new Map(); // segment, or seq where there is none → line
    this.list = el("ol", { class: "lines" });
    this.latest = el("button", { type: "button", class: "latest", hidden: true, on: { click: () => this.toEnd() } }, "Newest words");
    this.empty = el("p", { class: "empty" }, "No words yet.");
    this.quotes = new Map(); // seq → what alerts quote of it
    this.node = el("div", { class: "transcript", tabindex: 0, role: "region", "aria-label": "Transcript, arrow keys go through it" }, this.empty, this.list);
    this.tip = new Tip(this.node, (target) => this.explain(target));
    this.node.append(this.tip.node);
    this.node.addEventListener("scroll", () => this.atEnd && show(this.latest, false), { passive: true });
    this.node.addEventListener("keydown", (event) => this.step(event));
  }

  get atEnd() {
    return this.node.scrollHeight - this.node.scrollTop - this.node.clientHeight < NEAR_END;
  }

  get size() {
    return this.lines.size;
  }

  /** Final chunks in order. */
  said() {
    return [...this.lines.values()].filter((line) => line.final).map((line) => line.chunk).sort((a, b) => a.seq - b.seq);
  }

  /** Marks what the alerts of the call quote. */
  quote(quotes) {
    const before = this.quotes;
    this.quotes = quotes;
    for (const line of this.lines.values()) {
      const [a, b] = [before.get(line.seq), quotes.get(line.seq)];
      if (line.final && JSON.stringify(a) !== JSON.stringify(b)) line.text.replaceChildren(...marked(line.chunk.text, this.highlights(line)));
    }
  }

  highlights(line) {
    return [...(line.chunk.highlights ?? []), ...(line.final ? this.quotes.get(line.seq) ?? [] : [])];
  }

  /** A mark says what it counted for; a line what all of it came to. */
  explain(target) {
    if (target.matches("mark")) return target.dataset.why.split("\n");
    const line = target.line;
    if (!line) return null;
    const text = Array.from(line.chunk.text ?? "");
    const parts = this.highlights(line).map((h) => `“${text.slice(h.start, h.end).join("")}” ${effect(h)}`);
    return [...(isNumber(line.chunk.risk) ? [`risk after this ${percent(line.chunk.risk)}`] : []), ...parts];
  }

  /** Up and down go from line to line, so that the keyboard reads what the pointer does. */
  step(event) {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!by || !this.list.children.length) return;
    event.preventDefault();
    const lines = [...this.list.children].filter((node) => !node.hidden);
    const at = lines.indexOf(document.activeElement);
    const next = at < 0 ? lines.at(-1) : lines[Math.min(lines.length - 1, Math.max(0, at + by))];
    next?.scrollIntoView({ block: "nearest" });
    next?.focus({ preventScroll: true });
  }

  add(chunk) {
    const stick = this.atEnd;
    const key = chunk.segment_id ?? `seq ${chunk.seq}`;
    let line = this.lines.get(key);
    if (line?.final && chunk.final === false) return; // a late partial
    if (!line) {
      line = this.line();
      this.lines.set(key, line);
    }
    this.write(line, chunk);
    this.put(line);
    show(this.empty, false);
    if (stick) this.follow();
    else if (!chunk.past) show(this.latest, true);
  }

  line() {
    const parts = { time: el("span", { class: "time" }), who: el("span", { class: "who" }), text: el("p", { class: "text" }), acts: el("span", { class: "acts" }), mood: el("span", { class: "mood" }) };
    const node = el("li", { class: "said", tabindex: -1 }, parts.time, parts.who, el("div", { class: "words" }, parts.text, parts.acts), parts.mood);
    return { node, ...parts };
  }

  write(line, chunk) {
    line.final = chunk.final !== false;
    line.seq = line.final || line.seq === undefined ? (chunk.seq ?? Infinity) : line.seq; // a partial stays where it first stood
    line.speaker = chunk.speaker;
    line.chunk = chunk;
    setAttr(line.node, "data-partial", line.final ? null : "yes");
    setAttr(line.node, "data-speaker", chunk.speaker ?? "other");
    setAttr(line.node, "data-seq", chunk.seq ?? null);
    show(line.node, Boolean(chunk.text));
    setText(line.time, isNumber(chunk.start_ms) ? span(chunk.start_ms) : "");
    setText(line.who, orDash(chunk.speaker));
    line.text.replaceChildren(...marked(chunk.text, this.highlights(line)));
    line.acts.replaceChildren(...(chunk.acts ?? []).map(tag));
    line.mood.replaceChildren();
    if (isNumber(chunk.sentiment)) {
      const bar = balance("sentiment", 32);
      bar.draw(chunk.sentiment);
      line.mood.append(bar.node, el("span", { class: "num" }, signed(chunk.sentiment)));
      line.mood.title = "sentiment of these words, coming after what was said";
    }
  }

  put(line) {
    line.node.line = line;
    let after = line.node.parentNode ? line.node.previousElementSibling : this.list.lastElementChild;
    const moved = !line.node.parentNode || (after && after.line.seq > line.seq) || line.node.nextElementSibling?.line.seq < line.seq;
    if (moved) {
      line.node.remove();
      after = this.list.lastElementChild;
      while (after && after.line.seq > line.seq) after = after.previousElementSibling;
      if (after) after.after(line.node);
      else this.list.prepend(line.node);
    }
    for (const node of [line.node, line.node.nextElementSibling]) {
      if (node) setAttr(node, "data-same", node.previousElementSibling?.line.speaker === node.line.speaker ? "yes" : null);
    }
  }

  follow() {
    if (this.following) return;
    this.following = requestAnimationFrame(() => {
      this.following = null;
      this.node.scrollTop = this.node.scrollHeight;
    });
  }

  toEnd() {
    show(this.latest, false);
    this.node.scrollTop = this.node.scrollHeight;
  }

  /** Shows the words with this seq; false while they are not here yet. */
  reveal(seq) {
    const node = [...this.list.children].find((child) => child.line.final && child.line.seq === seq);
    if (!node) return false;
    cancelAnimationFrame(this.following);
    this.following = null;
    node.scrollIntoView({ block: "center" });
    for (const other of this.list.querySelectorAll("[data-shown]")) delete other.dataset.shown;
    node.dataset.shown = "yes";
    return true;
  }
}
