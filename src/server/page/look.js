// Theme and size of the text, as chosen.
import { setAttr } from "./dom.js";
import { prefs } from "./prefs.js";

export function applyLook() {
  const root = document.documentElement;
  const theme = prefs.get("theme");
  setAttr(root, "data-theme", theme === "auto" ? null : theme);
  root.style.fontSize = prefs.get("text") === 100 ? "" : `${prefs.get("text")}%`;
  setAttr(document.body, "data-view", prefs.get("view"));
  setAttr(document.body, "data-keys", prefs.get("keys") ? "yes" : null);
}
