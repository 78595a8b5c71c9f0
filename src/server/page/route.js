// What the address after # asks for: `#/`, `#/call/ID/SEQ`, `#/search?…`, `#/shift?…`.

/** `{ view, id, seq, params }`; what cannot be read is the board. */
export function route(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
  const [view, id, seq] = path.split("/");
  if (view === "call" && id) return { view, id: decode(id), seq: /^\d+$/.test(seq ?? "") ? Number(seq) : null };
  if (view === "search" || view === "shift") return { view, params: new URLSearchParams(query) };
  return { view: "board" };
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
