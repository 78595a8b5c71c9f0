// Name and token. The name stays in this browser, the token only in this tab.
import { byId } from "./dom.js";

const read = (store, key) => {
  try {
    return store().getItem(key) ?? "";
  } catch {
    return ""; // storage may be forbidden
  }
};

const write = (store, key, value) => {
  try {
    if (value) store().setItem(key, value);
    else store().removeItem(key);
  } catch {
    kept.set(key, value);
  }
};

const kept = new Map();
const local = () => window.localStorage;
const session = () => window.sessionStorage;

export const settings = {
  get user() {
    return kept.get("forewarn.user") ?? read(local, "forewarn.user");
  },
  get token() {
    return kept.get("forewarn.token") ?? read(session, "forewarn.token");
  },
};

export function consoleAddress() {
  const url = new URL("/v1/console", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  if (settings.user && !settings.token) url.searchParams.set("user", settings.user);
  return url.href;
}

export function protocols() {
  return ["escalation.console.v1", ...(settings.token ? [`bearer.${settings.token}`] : [])];
}

async function get(path) {
  const headers = settings.token ? { authorization: `Bearer ${settings.token}` } : {};
  return fetch(path, { headers, cache: "no-store", signal: AbortSignal.timeout(5000) });
}

/** The JSON at `path`, or null. */
export async function rest(path) {
  try {
    const answer = await get(path);
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

/** Whether the server turns us away for want of a good token. */
export async function refused() {
  try {
    return [401, 403].includes((await get("/v1/calls?limit=1")).status);
  } catch {
    return false;
  }
}

export function settingsDialog(saved) {
  const dialog = byId("settings");
  byId("settings-open").addEventListener("click", () => {
    byId("set-user").value = settings.user;
    byId("set-token").value = settings.token;
    dialog.returnValue = "cancel";
    dialog.showModal();
  });
  dialog.addEventListener("close", () => {
    const [user, token] = [byId("set-user").value.trim(), byId("set-token").value.trim()];
    byId("set-token").value = "";
    if (dialog.returnValue !== "save") return;
    write(local, "forewarn.user", user);
    write(session, "forewarn.token", token);
    saved();
  });
}
