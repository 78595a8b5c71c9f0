// The console: one connection, one fold over its messages, views that draw what changed.
import { Alarm } from "./alarm.js";
import { Inbox } from "./alerts.js";
import { Board } from "./board.js";
import { CallView } from "./call.js";
import { headline, levelOf } from "./card.js";
import { byId, setAttr, show } from "./dom.js";
import { onKeys } from "./keys.js";
import { applyLook } from "./look.js";
import { Panel } from "./panel.js";
import { prefs } from "./prefs.js";
import { ask, consoleAddress, protocols, refused, setClock } from "./rest.js";
import { route } from "./route.js";
import { callHref } from "./row.js";
import { Search } from "./search.js";
import { Settings } from "./settings.js";
import { Shift } from "./shift.js";
import { Link } from "./socket.js";
import { State } from "./state.js";
import { StatusBar } from "./status.js";

const DRAW_MS = 200;
const TITLES = { board: "Live calls", search: "Ended calls", shift: "Shift" };

applyLook();
const state = new State();
const link = new Link({ address: consoleAddress, protocols, refused, since: () => state.since(), filter: () => panel.filter(), onStatus, onMessage });
const desk = {
  ask,
  send: (command) => link.command(command),
  user: () => state.user,
  call: (id) => state.calls.get(id),
  live: () => link.live,
  people: () => state.people(),
};

const status = new StatusBar(state, () => link.connect());
const panel = new Panel(state, desk);
const board = new Board(state);
const inbox = new Inbox(state, desk);
const search = new Search(desk);
const shift = new Shift(desk);
const call = new CallView(state, desk, (id, alerts) => inbox.open(id, alerts));
const alarm = new Alarm(
  (alert) => `${levelOf(alert)}, ${headline(alert)}, call ${alert.call_id}`,
  (alert) => (location.hash = callHref(alert.call_id, alert.seq)),
);
state.onAlert = (alert, before) => alarm.alert(alert, before, state.user);

function onMessage(message) {
  state.apply(message);
  if (message.type === "chunk") {
    call.chunk(message);
    panel.chunk(message);
  }
  draw();
}

function onStatus(now) {
  status.link(now);
  inbox.enable();
  panel.tick();
  if (now.phase === "live") {
    call.watch();
    panel.watch(true);
    setClock();
  }
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

/** In a hidden tab this waits until somebody looks, then draws all that came meanwhile. */
function drawNow() {
  drawing = false;
  drawnAt = performance.now();
  const changes = state.take();
  if (panel.on) panel.render();
  else {
    board.render(changes);
    inbox.render(changes);
    if (changes.whole || changes.alerts.size || changes.calls.has(call.id)) call.render();
  }
  status.count();
}

setInterval(() => {
  if (panel.on) panel.tick();
  else {
    board.tick();
    inbox.tick();
    call.tick();
  }
  status.tick();
  status.count();
}, 1000);

/** Shows what the address asks for; remembers the way back out of a call. */
let way = { href: "#/", text: TITLES.board };
let view = null;
function go() {
  const to = route(location.hash);
  const left = call.id;
  view = to.view;
  for (const name of ["board", "call", "search", "shift"]) show(byId(name), name === to.view);
  for (const tab of byId("views").children) setAttr(tab, "aria-current", tab.dataset.for === to.view ? "page" : null);
  byId("pane-main").firstChild.data = `${to.view === "call" ? "Call" : TITLES[to.view]} `;
  if (to.view === "call") {
    pane("main");
    call.open(to.id, to.seq, way);
    if (left !== to.id) {
      byId("main").scrollTo({ top: 0 });
      inbox.open(to.id);
    }
    return;
  }
  way = { href: location.hash || "#/", text: TITLES[to.view] };
  call.close();
  if (left) inbox.open(null);
  if (to.view === "search") search.open(to.params);
  if (to.view === "shift") shift.open(to.params);
  if (to.view === "board") {
    board.arrange();
    if (left) board.focus(left);
  }
}

/** On narrow screens one of the two is seen. */
function pane(name) {
  byId("desk").dataset.pane = name;
  for (const each of ["main", "alerts"]) byId(`pane-${each}`).setAttribute("aria-pressed", String(each === name));
  if (name === "main") board.window.later();
}

for (const name of ["main", "alerts"]) byId(`pane-${name}`).addEventListener("click", () => pane(name));
for (const [skip, name] of [["skip-calls", "main"], ["skip-alerts", "alerts"]]) {
  byId(skip).addEventListener("click", (event) => {
    event.preventDefault();
    pane(name);
    const title = { board: "calls-title", call: "call-title", search: "search-title", shift: "shift-title" }[view];
    byId(name === "main" ? title : "alerts-title").focus();
  });
}
document.addEventListener("click", (event) => {
  const link = event.target.closest?.('a[href^="#/call/"]');
  if (link && link.hash === location.hash) go(); // the same words again
});
document.addEventListener("visibilitychange", () => document.hidden || board.tick());
window.addEventListener("hashchange", go);

const act = (key) => () => !panel.on && inbox.press(key);
const step = (by) => () => (panel.on ? false : byId("rows").contains(document.activeElement) ? board.window.step(by) : (pane("alerts"), inbox.step(by)));
const show_ = (hash) => () => (panel.on ? false : void (location.hash = hash));
onKeys({
  a: act("a"), n: act("n"), s: act("s"), r: act("r"),
  j: step(1), k: step(-1),
  1: show_("#/"), 2: show_("#/search"), 3: show_("#/shift"),
  b: () => !panel.on && view === "board" && (pane("main"), board.window.step(0)),
  i: () => !panel.on && (pane("alerts"), inbox.step(0)),
  o: () => !panel.on && inbox.cards.get(inbox.current) && void (location.hash = callHref(inbox.cards.get(inbox.current).alert.call_id)),
  l: () => !panel.on && view === "call" && !call.listen.hidden && call.listen.click(),
  h: () => panel.reach(),
  "/": () => !panel.on && (view === "search" ? byId("search-q") : view === "board" ? byId("filter-word") : null)?.focus(),
  "?": () => byId("keys").showModal(),
  Escape: () => view === "call" && void (location.hash = way.href),
});

new Settings(() => {
  link.drop();
  state.reset(); // another name or token may see other calls
  link.connect();
});
prefs.onChange(() => {
  applyLook();
  state.changes.whole = true;
  draw();
});

link.connect();
go();
