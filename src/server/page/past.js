// The risk of calls before this page was opened, for the rows on screen: a few questions at a time, one a call.

const AT_ONCE = 3;
const YOUNG_MS = 10_000; // a curve that begins so early is whole

export class Past {
  /** `ask(path)` by REST; `known(id)` when samples were added. */
  constructor(ask, known) {
    this.ask = ask;
    this.known = known;
    this.asked = new WeakSet(); // samples
    this.busy = 0;
  }

  /** `calls` that are on screen now. */
  fill(calls) {
    for (const { call_id, samples } of calls) {
      if (this.busy >= AT_ONCE) return;
      if (!samples || this.asked.has(samples) || !(samples.points[0]?.at > YOUNG_MS)) continue;
      this.asked.add(samples);
      this.fetch(call_id, samples);
    }
  }

  async fetch(id, samples) {
    this.busy++;
    const { body } = await this.ask(`/v1/calls/${encodeURIComponent(id)}`);
    this.busy--;
    for (const chunk of body?.transcript ?? []) samples.add(chunk.end_ms ?? chunk.start_ms, chunk.risk);
    if (body) this.known(id);
  }
}
