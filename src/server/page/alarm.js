// Sound and desktop notification, only for what the person chose; spoken lines for screen readers.
import { byId, el, show } from "./dom.js";
import { rank } from "./format.js";
import { prefs } from "./prefs.js";
import { isOpen } from "./state.js";

const SPEAK_MS = 1500;
const QUIET_MS = 3000; // between two sounds
const TONES = { warning: [[660, 0]], critical: [[880, 0], [660, 0.18], [880, 0.36]] }; // Hz, s

/** New, risen to critical, released from the budget, or back from a snooze. Held ones never are. */
export function isNews(alert, before) {
  if (!isOpen(alert) || alert.held || alert.state === "snoozed") return false;
  if (!before) return alert.state === "raised";
  const risen = rank(alert.level) > rank(before.level) && alert.level === "critical";
  return risen || (before.held && !alert.held) || (before.state === "snoozed" && alert.state === "raised");
}

/** Whether the person asked to be told of such an alert. `whose`: any, free (nobody's or mine), mine. */
export function isWanted(alert, user) {
  if (!prefs.get("levels").includes(alert.level)) return false;
  const queues = prefs.get("queues");
  if (queues.length && !queues.includes(alert.queue)) return false;
  const owner = alert.owner ?? null;
  return { any: true, free: owner === null || owner === user, mine: owner === user }[prefs.get("whose")] ?? true;
}

export class Alarm {
  /** `describe(alert)` in a line; `open(alert)` shows it. */
  constructor(describe, open) {
    this.describe = describe;
    this.open = open;
    this.waiting = new Map(); // to be spoken
    this.soundedAt = -Infinity;
    // A browser plays nothing before the first click on the page.
    for (const name of ["pointerdown", "keydown"]) document.addEventListener(name, () => this.wake());
    prefs.onChange(() => this.wake());
  }

  alert(alert, before, user) {
    const news = isNews(alert, before);
    const nextTier = before && isOpen(alert) && !alert.held && alert.state === "raised" && alert.tier > before.tier;
    if (news && rank(alert.level) >= rank("warning")) this.speakSoon(alert);
    if ((news || nextTier) && isWanted(alert, user)) {
      if (prefs.get("sound")) this.sound(alert.level);
      if (prefs.get("desktop")) this.notify(alert);
    }
  }

  wake() {
    if (prefs.get("sound") && navigator.userActivation?.hasBeenActive !== false) {
      this.audio ??= new AudioContext();
      if (this.audio.state === "suspended") this.audio.resume();
    }
    this.tell();
  }

  /** Says so when sound was chosen and the browser still waits for a click. */
  tell() {
    show(byId("sound-waits"), prefs.get("sound") && this.audio?.state !== "running" && navigator.userActivation?.hasBeenActive === false);
  }

  sound(level) {
    const { audio } = this;
    if (audio?.state !== "running" || performance.now() - this.soundedAt < QUIET_MS) return;
    this.soundedAt = performance.now();
    for (const [pitch, after] of TONES[level] ?? TONES.warning) {
      const from = audio.currentTime + after;
      const [tone, loud] = [audio.createOscillator(), audio.createGain()];
      tone.frequency.value = pitch;
      loud.gain.setValueAtTime(0, from);
      loud.gain.linearRampToValueAtTime(0.15, from + 0.02);
      loud.gain.exponentialRampToValueAtTime(0.001, from + 0.3);
      tone.connect(loud).connect(audio.destination);
      tone.start(from);
      tone.stop(from + 0.32);
    }
  }

  notify(alert) {
    if (!("Notification" in window) || Notification.permission !== "granted") return;
    const note = new Notification(this.describe(alert), { tag: alert.alert_id, body: alert.guidance?.[0]?.title ?? "" });
    note.onclick = () => {
      window.focus();
      this.open(alert);
      note.close();
    };
  }

  /** Gathered, so that a burst is one line: "Warning, 63 % likely to escalate, call c-7". */
  speakSoon(alert) {
    this.waiting.set(alert.alert_id, alert);
    this.timer ??= setTimeout(() => this.speak(), SPEAK_MS);
  }

  speak() {
    const alerts = [...this.waiting.values()];
    this.waiting.clear();
    this.timer = null;
    const critical = alerts.filter((alert) => alert.level === "critical").length;
    const text = alerts.length === 1 ? `New alert: ${this.describe(alerts[0])}` : `${alerts.length} new alerts, ${critical} critical`;
    byId("announce").replaceChildren(el("span", {}, text));
  }
}
