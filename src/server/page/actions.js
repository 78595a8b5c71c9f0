// What a supervisor may do with an alert: acknowledge, snooze, assign, resolve. Refusals are shown where the button is.
import { el, setText, show } from "./dom.js";
import { refusal } from "./format.js";
import { isOpen } from "./state.js";

const SNOOZE_S = 300;
const OUTCOMES = [
  ["averted", "Averted", "it was about to escalate and came down"],
  ["escalated", "Escalated", "it did escalate"],
  ["false_alarm", "False alarm", "there was nothing to it"],
  ["duplicate", "Duplicate", "another alert says the same"],
];

/** `desk`: { send(command) → reply, user() , live() } */
export class Actions {
  constructor(alertId, desk) {
    this.id = alertId;
    this.desk = desk;
    this.acknowledge = this.button("Acknowledge", () => this.run({ type: "acknowledge" }), "primary");
    this.snooze = this.button("Snooze 5 min", () => this.run({ type: "snooze", for_s: SNOOZE_S }));
    this.assign = this.button("Assign to me", () => this.run({ type: "assign", to: this.desk.user() }));
    this.resolve = this.button("Resolve…", () => this.openForm(this.form.hidden));
    this.resolve.setAttribute("aria-expanded", "false");
    this.buttons = el("div", { class: "buttons" }, this.acknowledge, this.snooze, this.assign, this.resolve);
    this.result = el("p", { class: "result", role: "status" });
    this.form = this.makeForm();
    this.node = el("div", { class: "actions" }, this.buttons, this.form, this.result);
  }

  update(alert) {
    const { state } = alert;
    this.alert = alert;
    show(this.acknowledge, state === "raised" || state === "snoozed");
    show(this.snooze, state === "raised" || state === "acknowledged");
    show(this.assign, isOpen(alert) && Boolean(this.desk.user()) && alert.owner !== this.desk.user());
    show(this.resolve, isOpen(alert));
    if (!isOpen(alert)) this.openForm(false, false);
    this.enable();
  }

  enable() {
    const usable = this.desk.live() && !this.busy;
    for (const button of this.node.querySelectorAll("button")) if (button.disabled === usable) button.disabled = !usable;
  }

  async run(command) {
    const before = document.activeElement;
    this.busy = true;
    setText(this.result, "");
    this.enable();
    const reply = await this.desk.send({ ...command, alert_id: this.id });
    this.busy = false;
    this.enable();
    this.result.dataset.ok = reply.ok === true ? "yes" : "no";
    setText(this.result, reply.ok === true ? "" : `Not done. ${refusal(reply)}.`);
    // The button pressed may be gone or was disabled meanwhile: keep the keyboard at this card.
    if (document.activeElement === document.body && before?.isConnected) {
      if (before.offsetParent && !before.disabled) before.focus();
      else this.node.closest("article")?.focus({ preventScroll: true });
    }
    return reply;
  }

  makeForm() {
    const name = `outcome-${this.id}`;
    this.note = el("textarea", { rows: 2, maxlength: 500, placeholder: "What helped, for the record" });
    const send = el("button", { type: "submit", class: "primary" }, "Resolve");
    const form = el("form", { class: "resolve", hidden: true },
      el("fieldset", {}, el("legend", {}, "How did it end?"),
        ...OUTCOMES.map(([value, label, help]) => el("label", {},
          el("input", { type: "radio", name, value, required: true }), el("span", {}, el("b", {}, label), ` – ${help}`)))),
      el("label", { class: "note" }, "Note", this.note),
      el("div", { class: "buttons" }, send, this.button("Cancel", () => this.openForm(false))));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const outcome = form.querySelector("input:checked")?.value;
      const note = this.note.value.trim();
      const reply = await this.run({ type: "resolve", outcome, ...(note ? { note } : {}) });
      if (reply.ok === true) this.openForm(false, false);
    });
    return form;
  }

  openForm(open, focus = true) {
    show(this.form, open);
    this.resolve.setAttribute("aria-expanded", String(open));
    if (focus) (open ? this.form.querySelector("input") : this.resolve).focus();
  }

  button(label, run, kind = null) {
    return el("button", { type: "button", class: kind, on: { click: run } }, label);
  }
}
