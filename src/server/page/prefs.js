// What this browser keeps for its person: name, view, filters, alarms, look. Knows no page.

const KEY = "forewarn";
const DEFAULTS = {
  user: "", view: "supervisor", agent: "", // who I am, and for whom the page is laid out
  queue: "", team: "", // filters of the board and the inbox
  theme: "auto", text: 100, keys: true, snooze_s: 300, listen: "",
  sound: false, desktop: false, levels: ["critical"], queues: [], whose: "any", // alarms
};

function stored() {
  try {
    return JSON.parse(localStorage.getItem(KEY)) ?? {};
  } catch {
    return {}; // forbidden, or written by something else
  }
}

/** Only what has the type of its default: the store is not ours alone. */
function checked(values) {
  const same = (a, b) => typeof a === typeof b && Array.isArray(a) === Array.isArray(b);
  return Object.fromEntries(Object.entries(DEFAULTS).map(([name, value]) => [name, same(values?.[name], value) ? values[name] : value]));
}

/** `?view=agent&agent=a17` wins over what is kept: one browser may show several panels. */
function fromAddress() {
  const asked = new URLSearchParams(location.search);
  const view = asked.get("view");
  const agent = asked.get("agent");
  return { ...(view === "agent" || view === "supervisor" ? { view } : {}), ...(agent ? { agent } : {}) };
}

const given = fromAddress();
const listeners = [];
let kept = checked(stored());

export const prefs = {
  get: (name) => given[name] ?? kept[name],

  /** Whether the address says it, so that it cannot be changed here. */
  isGiven: (name) => name in given,

  /** Keeps the changes and tells who listens. */
  set(changes) {
    kept = { ...kept, ...Object.fromEntries(Object.entries(changes).filter(([name]) => !(name in given))) };
    try {
      localStorage.setItem(KEY, JSON.stringify(kept));
    } catch {
      // Kept until the page is closed.
    }
    tell();
  },

  onChange: (listener) => listeners.push(listener),
};

function tell() {
  for (const listener of listeners) listener();
}

// Another tab of this browser has saved.
window.addEventListener("storage", (event) => {
  if (event.key !== KEY) return;
  kept = checked(stored());
  tell();
});

let token = null;

/** The token lives as long as the tab. */
export const secret = {
  get() {
    try {
      return token ?? sessionStorage.getItem("forewarn.token") ?? "";
    } catch {
      return token ?? "";
    }
  },
  set(value) {
    token = value;
    try {
      sessionStorage.setItem("forewarn.token", value);
    } catch {
      // Kept until the page is closed.
    }
  },
};

/** The name others see: what was entered, or in a panel the agent. */
export const userName = () => prefs.get("user") || (prefs.get("view") === "agent" ? prefs.get("agent") : "");
