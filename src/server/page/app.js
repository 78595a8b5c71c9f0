// The console: one connection, one fold over its messages, views that draw what changed.
import { Alarm } from "./alarm.js";
import { Inbox } from "./alerts.js";
import { Board } from "./board.js";
import { CallView } from "./call.js";
import { headline, levelOf } from "./card.js";
import { byId } from "./dom.js";
import { onKeys } from "./keys.js";
import { applyLook } from "./look.js";
import { Login } from "./login.js";
import { Panel } from "./panel.js";
import { prefs } from "./prefs.js";
import { ask, consoleAddress, protocols, refused, setClock } from "./rest.js";
import { callHref } from "./row.js";
import { Search } from "./search.js";
import { Settings } from "./settings.js";
import { Shift } from "./shift.js";
import { Link } from "./socket.js";
import { State } from "./state.js";
import { StatusBar } from "./status.js";
import { Views } from "./views.js";

const DRAW_MS = 200;

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

const login = new Login(anew);
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
  if (now.asksToken) login.ask();
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

const views = new Views({ board, call, inbox, search, shift });
document.addEventListener("visibilitychange", () => document.hidden || board.tick());

const goTo = (hash) => () => void (location.hash = hash);
const supervisor = {
  a: () => inbox.press("a"),
  n: () => inbox.press("n"),
  s: () => inbox.press("s"),
  r: () => inbox.press("r"),
  j: () => step(1),
  k: () => step(-1),
  i: () => toInbox(0),
  b: () => views.now === "board" && (views.half("main"), board.window.step(0)),
  o: () => inbox.chosen && goTo(callHref(inbox.chosen.call_id))(),
  l: () => views.now === "call" && !call.listen.hidden && call.listen.click(),
  1: goTo("#/"),
  2: goTo("#/search"),
  3: goTo("#/shift"),
  "/": () => views.find(),
  "?": () => byId("keys").showModal(),
  Escape: () => views.back(),
};
const agent = { h: () => panel.reach(), "?": supervisor["?"] };
onKeys(() => (panel.on ? agent : supervisor));

/** In the list where the keyboard stands; else among the alerts. */
function step(by) {
  if (byId("rows").contains(document.activeElement)) board.window.step(by);
  else toInbox(by);
}

function toInbox(by) {
  views.half("alerts");
  inbox.step(by);
}

new Settings(anew);

/** Another name or token may see other calls. */
function anew() {
  link.drop();
  state.reset();
  link.connect();
}

prefs.onChange(() => {
  applyLook();
  state.changes.whole = true;
  draw();
});

link.connect();
views.go();
