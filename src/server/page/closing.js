// What each close code asks of the console, and how long to wait before trying again.

const STOP = {
  4400: "The server did not understand this page. Reload it; if that does not help, page and server are of different versions.",
  4401: "The server asks for a token, or does not know the one given. Enter one here or in the settings.",
  4403: "Your token is good, but does not open the console. Ask for one with the role supervisor or agent.",
  4409: "This console was taken over by another connection.",
};

const AGAIN = {
  1012: "The server restarts.",
  1013: "The server is overloaded.",
  4008: "This page fell behind.",
  4408: "The server heard nothing from this page.",
  4429: "This page sent too many commands.",
};

/** Least wait in milliseconds before the first new attempt. */
const FLOOR = { 1013: 2000, 4429: 5000 };

export function verdict(code) {
  if (STOP[code]) return { stop: true, why: STOP[code], floor: 0 };
  return { stop: false, why: AGAIN[code] ?? "Connection lost.", floor: FLOOR[code] ?? 0 };
}

/** Doubling from one second to thirty, jittered so that a thousand consoles do not return as one. */
export function backoff(attempt, floor = 0, random = Math.random) {
  const ceiling = Math.min(30_000, 1000 * 2 ** attempt);
  return floor + ceiling * (0.25 + 0.75 * random());
}
