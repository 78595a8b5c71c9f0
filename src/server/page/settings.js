// The dialog of what this browser keeps.
import { byId, show } from "./dom.js";
import { filled } from "./listen.js";
import { prefs, secret } from "./prefs.js";

const FIELDS = ["user", "view", "agent", "theme", "listen", "whose"];
const CHECKS = ["keys", "sound", "desktop"];
const NUMBERS = ["text", "snooze_s"];
const WHO = ["user", "view", "agent"]; // what the server is told

export class Settings {
  /** `reconnect` runs when another name or token may see other calls. */
  constructor(reconnect) {
    this.reconnect = reconnect;
    this.dialog = byId("settings");
    this.form = byId("settings-form");
    const { elements } = this.form;
    byId("settings-open").addEventListener("click", () => this.open());
    this.dialog.addEventListener("close", () => this.dialog.returnValue === "save" && this.save());
    elements.listen.addEventListener("input", () => this.checkListen());
    elements.desktop.addEventListener("change", () => this.askPermission());
  }

  open() {
    const { elements } = this.form;
    for (const name of [...FIELDS, ...NUMBERS]) {
      elements[name].value = String(prefs.get(name));
      elements[name].disabled = prefs.isGiven(name);
    }
    for (const name of CHECKS) elements[name].checked = prefs.get(name);
    for (const box of elements.levels) box.checked = prefs.get("levels").includes(box.value);
    elements.queues.value = prefs.get("queues").join(", ");
    elements.token.value = secret.get();
    this.checkListen();
    this.permission();
    this.dialog.returnValue = "cancel";
    this.dialog.showModal();
  }

  save() {
    const { elements } = this.form;
    const changes = {
      ...Object.fromEntries(FIELDS.map((name) => [name, elements[name].value.trim()])),
      ...Object.fromEntries(CHECKS.map((name) => [name, elements[name].checked])),
      ...Object.fromEntries(NUMBERS.map((name) => [name, Number(elements[name].value)])),
      levels: [...elements.levels].filter((box) => box.checked).map((box) => box.value),
      queues: elements.queues.value.split(",").map((name) => name.trim()).filter(Boolean),
    };
    const token = elements.token.value.trim();
    elements.token.value = "";
    const other = token !== secret.get() || WHO.some((name) => prefs.get(name) !== changes[name]);
    secret.set(token);
    prefs.set(changes);
    if (other) this.reconnect();
  }

  checkListen() {
    const field = this.form.elements.listen;
    const text = field.value.trim();
    field.setCustomValidity(!text || filled(text, { call_id: "c" }) ? "" : "An address such as https://pbx.example/listen/{call_id}; only http and https are opened.");
  }

  async askPermission() {
    if (this.form.elements.desktop.checked && "Notification" in window && Notification.permission === "default") await Notification.requestPermission();
    this.permission();
  }

  permission() {
    const refused = !("Notification" in window) || Notification.permission === "denied";
    show(byId("desktop-refused"), refused && this.form.elements.desktop.checked);
  }
}
