// One key for what is done all day. Off while one types, in a dialog, with a modifier, or by the settings.
import { byId } from "./dom.js";
import { prefs } from "./prefs.js";

const TYPING = "input:not([type=radio], [type=checkbox]), textarea, select, [contenteditable]";

/** `actions()`: key → what to do; one that gives false leaves the key to the browser. */
export function onKeys(actions) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented || event.repeat) return;
    if (document.querySelector("dialog[open]") || event.target.closest?.(TYPING)) return;
    const run = event.key === "Escape" || prefs.get("keys") ? actions()[event.key] : null;
    if (run && run(event) !== false) event.preventDefault();
  });
  byId("keys-open").addEventListener("click", () => byId("keys").showModal());
}
