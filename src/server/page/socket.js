// The one connection to /v1/console: opens it, resumes, tries again, and matches replies to commands.
import { backoff, verdict } from "./closing.js";

const OPEN_MS = 15_000; // for the handshake
const QUIET_MS = 30_000; // without a message before asking whether the server is still there
const REPLY_MS = 10_000;

/**
 * `status.phase` is connecting, loading (waiting for the picture), live, waiting or stopped.
 * `how`: { address(), protocols(), since(), filter(), refused(), onStatus(status), onMessage(message) }
 */
export class Link {
  constructor(how) {
    this.how = how;
    this.socket = null;
    this.attempt = 0;
    this.lastId = 0;
    this.pending = new Map();
    this.status = { phase: "connecting" };
    setInterval(() => this.listen(), 5000);
    window.addEventListener("online", () => this.status.phase === "waiting" && this.connect());
  }

  get live() {
    return this.status.phase === "live";
  }

  connect() {
    this.drop();
    this.say({ phase: "connecting" });
    const socket = new WebSocket(this.how.address(), this.how.protocols());
    this.socket = socket;
    this.opened = false;
    this.openTimer = setTimeout(() => this.closed(0), OPEN_MS);
    socket.onopen = () => {
      clearTimeout(this.openTimer);
      this.opened = true;
      this.heard = Date.now();
      this.subscribe();
    };
    socket.onmessage = (event) => this.receive(event.data);
    socket.onclose = (event) => this.closed(event.code);
  }

  subscribe() {
    this.subscription = this.nextId();
    const since = this.how.since();
    this.say({ phase: "loading" });
    this.write({ type: "subscribe", id: this.subscription, filter: this.how.filter(), ...(since ? { since } : {}) });
  }

  /** Sends a command; the promise always settles with a reply, also when the connection breaks. */
  command(body) {
    if (!this.live) return Promise.resolve({ ok: false, code: "disconnected" });
    const id = this.nextId();
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.settle(id, { ok: false, code: "timeout" }), REPLY_MS);
      this.pending.set(id, { resolve, timer });
      this.write({ ...body, id });
    });
  }

  receive(data) {
    this.heard = Date.now();
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      return;
    }
    if (message === null || typeof message !== "object") return;
    if (message.type === "reply") return this.reply(message);
    if (message.type === "snapshot" && message.id !== undefined && message.id !== null && message.id !== this.subscription) return;
    this.how.onMessage(message);
    if (message.type === "snapshot" && (message.recovered === true || message.last !== false)) {
      this.attempt = 0;
      this.say({ phase: "live", resumed: message.recovered === true });
    }
  }

  reply(message) {
    if (message.id === this.subscription && message.ok === false) {
      return this.stop(`The server refused the subscription: ${message.message ?? message.code ?? "no reason given"}.`);
    }
    this.settle(message.id, message);
  }

  settle(id, reply) {
    const waiting = this.pending.get(id);
    if (!waiting) return;
    this.pending.delete(id);
    clearTimeout(waiting.timer);
    waiting.resolve(reply);
  }

  /** A dead line looks open to a browser. After silence, a harmless command must bring an answer. */
  async listen() {
    if (!this.live || this.probing || Date.now() - this.heard < QUIET_MS) return;
    const socket = this.socket;
    this.probing = true;
    const reply = await this.command({ type: "unwatch", call_id: "" });
    this.probing = false;
    if (reply.code === "timeout" && this.socket === socket && Date.now() - this.heard > REPLY_MS) this.closed(0);
  }

  async closed(code) {
    const opened = this.opened;
    this.drop();
    if (!opened && (await this.how.refused())) code = 4401; // a browser hides the 401 of a handshake
    if (this.socket) return; // somebody has connected meanwhile
    const { stop, why, floor } = verdict(code);
    if (stop) return this.stop(why, code === 4401);
    const wait = backoff(this.attempt++, floor);
    this.say({ phase: "waiting", why, until: Date.now() + wait });
    this.retryTimer = setTimeout(() => this.connect(), wait);
  }

  stop(why, asksToken = false) {
    this.drop();
    this.say({ phase: "stopped", why, asksToken });
  }

  drop() {
    clearTimeout(this.openTimer);
    clearTimeout(this.retryTimer);
    if (this.socket) {
      this.socket.onopen = this.socket.onmessage = this.socket.onclose = null;
      this.socket.close();
      this.socket = null;
    }
    for (const id of [...this.pending.keys()]) this.settle(id, { ok: false, code: "disconnected" });
  }

  say(status) {
    this.status = status;
    this.how.onStatus(status);
  }

  nextId() {
    return String(++this.lastId);
  }

  write(body) {
    this.socket.send(JSON.stringify(body));
  }
}
