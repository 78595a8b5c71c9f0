// The two things about an alert that take more than a key: to whom it goes, and how it ended.
import { el } from "./dom.js";

const OUTCOMES = [
  ["averted", "Averted", "it was about to escalate and came down"],
  ["escalated", "Escalated", "it did escalate"],
  ["false_alarm", "False alarm", "there was nothing to it"],
  ["duplicate", "Duplicate", "another alert says the same"],
];

let made = 0; // names for labels and groups of radio buttons

function buttons(label, cancel) {
  return el("div", { class: "buttons" }, el("button", { type: "submit", class: "primary" }, label),
    el("button", { type: "button", on: { click: cancel } }, "Cancel"));
}

/** Escape closes the form and nothing else. */
function escapes(form, cancel) {
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    cancel();
  });
}

export class AssignForm {
  /** `send(name)`; `desk.people()` are the names known so far. */
  constructor(desk, send, cancel) {
    this.desk = desk;
    const id = `people-${++made}`;
    this.known = el("datalist", { id });
    this.name = el("input", { list: id, maxlength: 64, required: true, autocomplete: "off", spellcheck: "false" });
    this.node = el("form", { class: "form", hidden: true },
      el("label", {}, "Assign to", this.name), this.known, buttons("Assign", cancel));
    this.node.addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.name.value.trim()) send(this.name.value.trim());
    });
    escapes(this.node, cancel);
  }

  /** My own name stands there, chosen: Enter takes it, typing replaces it. */
  start() {
    this.known.replaceChildren(...this.desk.people().map((value) => el("option", { value })));
    this.name.value = this.desk.user() ?? "";
    this.name.focus();
    this.name.select();
  }
}

export class ResolveForm {
  /** `send(outcome, note)` */
  constructor(send, cancel) {
    const name = `outcome-${++made}`;
    this.note = el("input", { maxlength: 500, autocomplete: "off", placeholder: "What helped, for the record" });
    this.node = el("form", { class: "form", hidden: true },
      el("fieldset", {}, el("legend", {}, "How did it end?"),
        ...OUTCOMES.map(([value, label, help], i) => el("label", { class: "choice" },
          el("input", { type: "radio", name, value, required: true }),
          el("kbd", { "aria-hidden": "true" }, String(i + 1)), el("span", {}, el("b", {}, label), ` – ${help}`)))),
      el("label", {}, "Note", this.note), buttons("Resolve", cancel));
    this.node.addEventListener("submit", (event) => {
      event.preventDefault();
      send(this.node.querySelector("input:checked").value, this.note.value.trim());
    });
    this.node.addEventListener("keydown", (event) => this.choose(event));
    escapes(this.node, cancel);
  }

  start() {
    this.node.querySelector("input:checked, input").focus();
  }

  /** 1 to 4 for the outcome, then the note; Enter sends. */
  choose(event) {
    const radio = event.target.type === "radio" ? this.node.querySelectorAll("input[type=radio]")[Number(event.key) - 1] : null;
    if (!radio) return;
    event.preventDefault();
    radio.checked = true;
    this.note.focus();
  }
}
