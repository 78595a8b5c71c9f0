// One small note beside what it explains: on hover at a mark, on focus at a line. Escape puts it away.
import { el, show } from "./dom.js";

const AWAY = 6;

export class Tip {
  /** `explain(node)` gives the lines of the note on a mark or a line, or nothing. */
  constructor(area, explain) {
    this.area = area;
    this.explain = explain;
    this.node = el("div", { class: "tip", role: "tooltip", id: "tip", hidden: true });
    area.addEventListener("pointerover", (event) => {
      const mark = event.target.closest("mark");
      if (mark) this.open(mark);
      else if (!this.node.contains(event.target)) this.leave();
    });
    area.addEventListener("pointerleave", () => this.leave());
    area.addEventListener("focusin", (event) => this.open(event.target));
    area.addEventListener("focusout", () => this.close());
    // Wherever the keyboard stands: a note under the pointer must go without moving the pointer.
    this.escape = (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      this.close();
    };
  }

  open(target) {
    const lines = this.explain(target);
    if (!lines?.length) return this.close();
    this.node.replaceChildren(...lines.map((line) => el("p", {}, line)));
    show(this.node, true);
    document.addEventListener("keydown", this.escape, { capture: true });
    this.owner = target;
    target.setAttribute("aria-describedby", "tip");
    const [box, area] = [target.getBoundingClientRect(), this.area.getBoundingClientRect()];
    const below = box.bottom + AWAY + this.node.offsetHeight < area.bottom;
    const top = below ? box.bottom + AWAY : box.top - AWAY - this.node.offsetHeight;
    const left = Math.min(box.left, area.right - this.node.offsetWidth - AWAY);
    this.node.style.top = `${top - area.top + this.area.scrollTop}px`;
    this.node.style.left = `${Math.max(AWAY, left - area.left)}px`;
  }

  /** The pointer takes away only what it brought. */
  leave() {
    if (this.owner?.matches("mark")) this.close();
  }

  close() {
    document.removeEventListener("keydown", this.escape, { capture: true });
    this.owner?.removeAttribute("aria-describedby");
    show(this.node, false);
  }
}
