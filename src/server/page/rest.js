// Questions to the server by REST, the address of its socket, and what time it has.
import { secret, userName } from "./prefs.js";

const PATIENCE_MS = 10_000;

export function consoleAddress() {
  const url = new URL("/v1/console", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  if (userName() && !secret.get()) url.searchParams.set("user", userName());
  return url.href;
}

export function protocols() {
  return ["escalation.console.v1", ...(secret.get() ? [`bearer.${secret.get()}`] : [])];
}

async function get(path, signal) {
  const headers = secret.get() ? { authorization: `Bearer ${secret.get()}` } : {};
  const patience = AbortSignal.timeout(PATIENCE_MS);
  return fetch(path, { headers, cache: "no-store", signal: signal ? AbortSignal.any([signal, patience]) : patience });
}

/** `{ body }`, or `{ why }` it could not be had; `{ gone: true }` when `signal` called it off. */
export async function ask(path, signal) {
  try {
    const answer = await get(path, signal);
    const body = await answer.json().catch(() => null);
    if (answer.ok && body) return { body };
    return { why: body?.message ?? `The server answered ${answer.status}.`, status: answer.status };
  } catch {
    return signal?.aborted ? { gone: true } : { why: "The server did not answer." };
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

const WRONG_MS = 2000; // the server tells whole seconds
let ahead = 0;

/** Countdowns run by the server's clock: the one of this machine may be minutes off. */
export async function setClock() {
  try {
    const asked = Date.now();
    const there = Date.parse((await get("/healthz")).headers.get("date")) + 500;
    const off = there - (asked + Date.now()) / 2;
    ahead = Number.isFinite(off) && Math.abs(off) > WRONG_MS ? off : 0;
  } catch {
    // As it was.
  }
}

export const serverNow = () => Date.now() + ahead;
