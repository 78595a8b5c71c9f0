// Asks for a token when the server wants one, once for each time the server turns the page away.
import { byId, setText } from "./dom.js";
import { secret } from "./prefs.js";

export class Login {
  /** `connect` runs when a token was entered. */
  constructor(connect) {
    this.dialog = byId("login");
    this.form = byId("login-form");
    this.dialog.addEventListener("close", () => {
      const { token } = this.form.elements;
      const entered = token.value.trim();
      token.value = "";
      if (this.dialog.returnValue !== "enter" || !entered) return;
      secret.set(entered);
      connect();
    });
  }

  ask() {
    if (document.querySelector("dialog[open]")) return; // somebody is at the settings, where a token can be entered
    setText(byId("login-why"), secret.get() ? "The server does not know this token any more, or never did." : "The server asks who you are.");
    this.dialog.returnValue = "cancel";
    this.dialog.showModal();
  }
}
