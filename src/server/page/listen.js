// The platform's own page to listen in or barge in, from a template such as https://pbx.example/listen/{call_id}.
import { prefs } from "./prefs.js";

const FIELDS = ["call_id", "agent_id", "queue", "team"];

/** The address of a template that only http and https may have, or null. */
export function filled(template, call) {
  const text = FIELDS.reduce((sum, name) => sum.replaceAll(`{${name}}`, encodeURIComponent(call[name] ?? "")), template);
  try {
    const url = new URL(text);
    return ["http:", "https:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

export const listenAddress = (call) => (prefs.get("listen") ? filled(prefs.get("listen"), call) : null);
