// What this console may see. The server sends what leaves filter or scope once more; it is dropped here.

const FIELDS = { queue: "queue", team: "team", agent: "agent_id", call: "call_id" };
const LISTS = { queues: "queue", teams: "team", agents: "agent_id", calls: "call_id" };

/** `item` is a call or an alert. A scope of a kind not known here hides nothing. */
export function visible(item, filter = {}, scopes = []) {
  for (const [list, field] of Object.entries(LISTS)) {
    if (filter[list]?.length && !filter[list].includes(item[field])) return false;
  }
  const named = {}; // of each kind that is named, the item must have one
  for (const scope of Array.isArray(scopes) ? scopes : []) {
    const cut = String(scope).indexOf(":");
    const field = FIELDS[String(scope).slice(0, cut)];
    if (field) (named[field] ??= []).push(String(scope).slice(cut + 1));
  }
  return Object.entries(named).every(([field, names]) => names.includes(item[field]));
}
