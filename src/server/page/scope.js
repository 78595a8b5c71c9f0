// What this console may see. The server sends what leaves filter or scope once more; it is dropped here.

const FIELDS = { queue: "queue", team: "team", agent: "agent_id", call: "call_id" };
const LISTS = { queues: "queue", teams: "team", agents: "agent_id", calls: "call_id" };

/** `item` is a call or an alert. A scope of a kind not known here hides nothing. */
export function visible(item, filter = {}, scopes = []) {
  for (const [list, field] of Object.entries(LISTS)) {
    if (filter[list]?.length && !filter[list].includes(item[field])) return false;
  }
  if (!Array.isArray(scopes) || scopes.length === 0) return true;
  return scopes.some((scope) => {
    const cut = String(scope).indexOf(":");
    const field = FIELDS[String(scope).slice(0, cut)];
    return !field || item[field] === String(scope).slice(cut + 1);
  });
}
