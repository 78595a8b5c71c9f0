// The live transcript of one call: finals in the order of seq, partials greyed until their final comes.
import { el, setAttr, setText, show } from "./dom.js";
import { isNumber, orDash, signed, span } from "./format.js";
import { marked } from "./highlight.js";
import { balance } from "./spark.js";

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
    this.node = el("div", { class: "transcript", tabindex: 0, role: "region", "aria-label": "Transcript" }, this.empty, this.list);
    this.node.addEventListener("scroll", () => this.atEnd && show(this.latest, false), { passive: true });
  }

  get atEnd() {
    return this.node.scrollHeight - this.node.scrollTop - this.node.clientHeight < NEAR_END;
  }

  get size() {
    return this.lines.size;
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
    const node = el("li", { class: "said" }, parts.time, parts.who, el("div", { class: "words" }, parts.text, parts.acts), parts.mood);
    return { node, ...parts };
  }

  write(line, chunk) {
    line.final = chunk.final !== false;
    line.seq = line.final || line.seq === undefined ? (chunk.seq ?? Infinity) : line.seq; // a partial stays where it first stood
    line.speaker = chunk.speaker;
    setAttr(line.node, "data-partial", line.final ? null : "yes");
    setAttr(line.node, "data-speaker", chunk.speaker ?? "other");
    setAttr(line.node, "data-seq", chunk.seq ?? null);
    show(line.node, Boolean(chunk.text));
    setText(line.time, isNumber(chunk.start_ms) ? span(chunk.start_ms) : "");
    setText(line.who, orDash(chunk.speaker));
    line.text.replaceChildren(...marked(chunk.text, chunk.highlights));
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
