// The console: one connection, one fold over its messages, three views that draw what changed.
import { Inbox } from "./alerts.js";
import { Board } from "./board.js";
import { CallView } from "./call.js";
import { headline, levelOf } from "./card.js";
import { byId, show } from "./dom.js";
import { consoleAddress, protocols, refused, rest, settingsDialog } from "./settings.js";
import { Link } from "./socket.js";
import { State } from "./state.js";
import { Announcer, StatusBar } from "./status.js";

const DRAW_MS = 200;

const state = new State();
const link = new Link({ address: consoleAddress, protocols, refused, since: () => state.since(), onStatus, onMessage });
const desk = { send: (command) => link.command(command), user: () => state.user, call: (id) => state.calls.get(id), live: () => link.live, rest };

const status = new StatusBar(state, () => link.connect());
const board = new Board(state);
const inbox = new Inbox(state, desk);
const call = new CallView(state, desk, (alertId) => {
  pane("alerts");
  inbox.reveal(alertId);
});
const announcer = new Announcer((alert) => `${levelOf(alert)}, ${headline(alert)}, call ${alert.call_id}`);
state.onAlert = (alert, before) => announcer.alert(alert, before);

function onMessage(message) {
  state.apply(message);
  if (message.type === "chunk") call.chunk(message);
  draw();
}

function onStatus(now) {
  status.link(now);
  inbox.enable();
  if (now.phase === "live") call.watch();
  draw();
}

/** At once when it is quiet, a few times a second when much comes in: each drawing paints the page anew. */
let drawing = false;
let drawnAt = 0;
function draw() {
  if (drawing) return;
  drawing = true;
  setTimeout(() => requestAnimationFrame(drawNow), Math.max(0, drawnAt + DRAW_MS - performance.now()));
}

function drawNow() {
  drawing = false;
  drawnAt = performance.now();
  const changes = state.take();
  board.render(changes);
  inbox.render(changes);
  if (changes.whole || changes.alerts.size || changes.calls.has(call.id)) call.render();
  status.count();
}

setInterval(() => {
  board.tick();
  inbox.tick();
  call.tick();
  status.tick();
  status.count();
}, 1000);

/** `#/call/ID` or `#/call/ID/SEQ`; anything else is the board. */
function route() {
  const found = /^#\/call\/([^/]+)(?:\/(\d+))?$/.exec(location.hash);
  const left = call.id;
  if (found) {
    show(byId("board"), false);
    show(byId("call"), true);
    pane("calls");
    return call.open(decode(found[1]), found[2] === undefined ? null : Number(found[2]));
  }
  call.close();
  show(byId("call"), false);
  show(byId("board"), true);
  if (left) board.focus(left);
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function pane(name) {
  byId("desk").dataset.pane = name;
  for (const each of ["calls", "alerts"]) byId(`pane-${each}`).setAttribute("aria-pressed", String(each === name));
}

byId("pane-calls").addEventListener("click", () => pane("calls"));
byId("pane-alerts").addEventListener("click", () => pane("alerts"));
for (const [skip, name] of [["skip-calls", "calls"], ["skip-alerts", "alerts"]]) {
  byId(skip).addEventListener("click", (event) => {
    event.preventDefault();
    pane(name);
    byId(name === "calls" && call.id ? "call-title" : `${name}-title`).focus();
  });
}
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && call.id && !event.target.closest("dialog, form")) location.hash = "#/";
});
document.addEventListener("click", (event) => {
  const link = event.target.closest?.('a[href^="#/call/"]');
  if (link && link.hash === location.hash) route(); // the same words again
});
window.addEventListener("hashchange", route);

settingsDialog(() => {
  link.drop();
  state.reset(); // another name or token may see other calls
  link.connect();
});

link.connect();
route();
