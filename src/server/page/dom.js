// Building the page. Text from the wire reaches the document only as text nodes.

const SVG = "http://www.w3.org/2000/svg";

/** An element: `el("p", { class: "muted", on: { click } }, "text", child)`. */
export function el(tag, props = {}, ...children) {
  return fill(document.createElement(tag), props, children);
}

export function svg(tag, props = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children);
}

function fill(node, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") for (const [event, run] of Object.entries(value)) node.addEventListener(event, run);
    else if (name === "data") Object.assign(node.dataset, value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export const byId = (id) => document.getElementById(id);

/** Writes only what changed: a thousand rows a second cost nothing when nothing moved. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function setAttr(node, name, value) {
  if (value === null || value === undefined) {
    if (node.hasAttribute(name)) node.removeAttribute(name);
  } else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

export function show(node, yes) {
  if (node.hidden === yes) node.hidden = !yes;
}

/** A word for screen readers only. */
export const hidden = (text) => el("span", { class: "hidden" }, text);

/**
 * Puts `nodes` into `list` in this order, moving as few as it can and never the one
 * that holds the focus (a moved element loses it). Others are removed.
 */
export function place(list, nodes) {
  const keep = new Set(nodes);
  for (const child of [...list.children]) if (!keep.has(child)) child.remove();
  const focused = nodes.findIndex((node) => node.parentNode === list && node.contains(document.activeElement));
  const pivot = Math.max(focused, 0);
  if (nodes.length && nodes[pivot].parentNode !== list) list.prepend(nodes[pivot]);
  for (let i = pivot - 1; i >= 0; i--) {
    if (nodes[i].nextSibling !== nodes[i + 1] || nodes[i].parentNode !== list) list.insertBefore(nodes[i], nodes[i + 1]);
  }
  for (let i = pivot + 1; i < nodes.length; i++) {
    if (nodes[i].previousSibling !== nodes[i - 1] || nodes[i].parentNode !== list) nodes[i - 1].after(nodes[i]);
  }
}
