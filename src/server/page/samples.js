// The risk of one call over its time, kept small: when full, every second old point goes.

const MOST = 240;

export class Samples {
  constructor() {
    this.points = []; // { at: ms of call time, risk, prior }
  }

  add(at, risk, prior = false) {
    if (!Number.isFinite(at) || !Number.isFinite(risk)) return;
    const { points } = this;
    let i = points.length;
    while (i > 0 && points[i - 1].at > at) i--;
    if (i > 0 && points[i - 1].at === at) points[i - 1] = { at, risk, prior };
    else points.splice(i, 0, { at, risk, prior });
    if (points.length > MOST) this.points = points.filter((_, n) => n % 2 === 0 || n > MOST * 0.75);
  }

  get highest() {
    return this.points.reduce((best, point) => (best && best.risk >= point.risk ? best : point), null);
  }
}
