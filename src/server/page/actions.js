// What one may do with an alert: acknowledge, snooze, assign, resolve. Refusals are shown where the button is.
import { el, setText, show } from "./dom.js";
import { refusal } from "./format.js";
import { AssignForm, ResolveForm } from "./forms.js";
import { prefs } from "./prefs.js";
import { isOpen } from "./state.js";

/** `desk`: { send(command) → reply, user(), live(), people() } */
export class Actions {
  constructor(alertId, desk) {
    this.id = alertId;
    this.desk = desk;
    this.acknowledge = this.button("Acknowledge", "a", () => this.run({ type: "acknowledge" }), "primary");
    this.snooze = this.button("", "s", () => this.run({ type: "snooze", for_s: prefs.get("snooze_s") }));
    this.assign = this.button("Assign…", "n", () => this.toggle(this.assignForm));
    this.resolve = this.button("Resolve…", "r", () => this.toggle(this.resolveForm));
    this.assignForm = new AssignForm(desk, (to) => this.run({ type: "assign", to, from: this.alert.owner }), () => this.toggle(null));
    this.resolveForm = new ResolveForm((outcome, note) => this.run({ type: "resolve", outcome, ...(note ? { note } : {}) }), () => this.toggle(null));
    this.forms = new Map([[this.assignForm, this.assign], [this.resolveForm, this.resolve]]);
    this.buttons = el("div", { class: "buttons" }, this.acknowledge, this.assign, this.snooze, this.resolve);
    this.result = el("p", { class: "result", role: "status" });
    this.node = el("div", { class: "actions" }, this.buttons, this.assignForm.node, this.resolveForm.node, this.result);
    for (const button of this.forms.values()) button.setAttribute("aria-expanded", "false");
  }

  update(alert) {
    const { state } = alert;
    this.alert = alert;
    show(this.acknowledge, state === "raised" || state === "snoozed");
    show(this.snooze, state === "raised" || state === "acknowledged");
    setText(this.snooze.firstChild, `Snooze ${prefs.get("snooze_s") / 60}\u202fmin`);
    show(this.assign, isOpen(alert));
    show(this.resolve, isOpen(alert));
    if (!isOpen(alert)) this.close();
    if (this.refused) setText(this.result, refusal(this.refused, alert));
    this.enable();
  }

  enable() {
    const usable = this.desk.live() && !this.busy;
    for (const button of this.node.querySelectorAll("button")) if (button.disabled === usable) button.disabled = !usable;
  }

  /** By its key: "a", "n", "s" or "r". False when this cannot be done with the alert now. */
  press(key) {
    const button = { a: this.acknowledge, n: this.assign, s: this.snooze, r: this.resolve }[key];
    if (!button || button.hidden || button.disabled) return false;
    button.click();
    return true;
  }

  async run(command) {
    const before = document.activeElement;
    this.busy = true;
    this.refused = null;
    setText(this.result, "");
    this.enable();
    const reply = await this.desk.send({ ...command, alert_id: this.id });
    this.busy = false;
    this.enable();
    if (reply.ok === true) this.close();
    else {
      this.refused = reply;
      setText(this.result, refusal(reply, this.alert));
    }
    // The button pressed may be gone or was disabled meanwhile: keep the keyboard at this card.
    if (document.activeElement === document.body && before?.isConnected && before !== document.body) {
      if (before.offsetParent && !before.disabled) before.focus();
      else this.node.closest("article")?.focus({ preventScroll: true });
    }
    return reply;
  }

  /** Opens one form and closes the other; the open one closes. */
  toggle(wanted) {
    for (const [form, button] of this.forms) {
      const open = form === wanted && form.node.hidden;
      if (!open && form.node.contains(document.activeElement)) button.focus();
      show(form.node, open);
      button.setAttribute("aria-expanded", String(open));
      if (open) form.start();
    }
  }

  close() {
    if ([...this.forms.keys()].some((form) => !form.node.hidden)) this.toggle(null);
  }

  button(label, key, run, kind = null) {
    return el("button", { type: "button", class: kind, "aria-keyshortcuts": key, on: { click: run } }, label, el("kbd", { "aria-hidden": "true" }, key));
  }
}
