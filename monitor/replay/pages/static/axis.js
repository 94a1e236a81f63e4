// Axes: where a time or a frequency lies, and which round numbers to write beside it. No DOM here.

/** The part of a clip that is shown: seconds from its start, and mel bands counted from the lowest. */
export class View {
  constructor(durationS, bandEdgesHz) {
    this.durationS = durationS;
    this.edgesHz = bandEdgesHz;
    this.bands = bandEdgesHz.length - 1;
    this.fit();
  }

  fit() {
    [this.fromS, this.toS, this.low, this.high] = [0, this.durationS, 0, this.bands];
  }

  get spanS() {
    return this.toS - this.fromS;
  }

  get isWhole() {
    return this.spanS > this.durationS - 1e-6 && this.high - this.low > this.bands - 1e-6;
  }

  /** Show 1/factor of the time shown now; what lies at `aroundS` stays where it is. */
  zoomTime(factor, aroundS) {
    const spanS = clamp(this.spanS / factor, Math.min(0.05, this.durationS), this.durationS);
    const share = (clamp(aroundS, this.fromS, this.toS) - this.fromS) / this.spanS;
    this.moveTo(aroundS - share * spanS, spanS);
  }

  moveTo(fromS, spanS = this.spanS) {
    this.fromS = clamp(fromS, 0, this.durationS - spanS);
    this.toS = this.fromS + spanS;
  }

  zoomFrequency(factor, aroundBand = (this.low + this.high) / 2) {
    const span = clamp((this.high - this.low) / factor, Math.min(4, this.bands), this.bands);
    const share = (aroundBand - this.low) / (this.high - this.low);
    this.low = clamp(aroundBand - share * span, 0, this.bands - span);
    this.high = this.low + span;
  }

  /** Show this box with some air around it. */
  frame(fromS, toS, lowHz, highHz) {
    const air = Math.max(0.3, 0.35 * (toS - fromS));
    this.fromS = clamp(fromS - air, 0, this.durationS);
    this.toS = clamp(toS + air, this.fromS + 0.05, this.durationS);
    const [low, high] = [this.bandOf(lowHz), this.bandOf(highHz)];
    const margin = Math.max(4, 0.35 * (high - low));
    this.low = clamp(low - margin, 0, this.bands);
    this.high = clamp(high + margin, this.low + 1, this.bands);
  }

  bandOf(hz) {
    const edges = this.edgesHz;
    if (hz <= edges[0]) return 0;
    const above = edges.findIndex((edge) => edge > hz);
    if (above < 0) return this.bands;
    return above - 1 + (hz - edges[above - 1]) / (edges[above] - edges[above - 1]);
  }

  hzOf(band) {
    const below = clamp(Math.floor(band), 0, this.bands - 1);
    return this.edgesHz[below] + (band - below) * (this.edgesHz[below + 1] - this.edgesHz[below]);
  }

  /** Share of the width, 0 to 1 inside the view. */
  xOf(seconds) {
    return (seconds - this.fromS) / this.spanS;
  }

  secondsAt(x) {
    return this.fromS + x * this.spanS;
  }

  /** Share of the height from the top. */
  yOf(hz) {
    return (this.high - this.bandOf(hz)) / (this.high - this.low);
  }

  hzAt(y) {
    return this.hzOf(this.high - y * (this.high - this.low));
  }
}

export function clamp(value, least, most) {
  return Math.max(least, Math.min(most, value));
}

/** Round numbers between two, about `count` of them, and how many digits they need. */
export function ticks(from, to, count) {
  const rough = (to - from) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= rough) * power;
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const values = [];
  for (let n = Math.ceil(from / step - 1e-9); n * step <= to + 1e-9; n += 1) values.push(n * step);
  return { values, digits };
}

const ROUND_HZ = [20, 30, 50, 70, 100, 150, 200, 300, 400, 500, 600, 700, 800, 900, 1000, 1500, 2000, 2500, 3000, 3500,
  4000, 5000, 6000, 7000, 8000, 10000, 12000, 15000, 20000];
// where two collide the rounder one stays
const WEIGHT = (hz) => [1000, 4000, 500, 2000, 8000, 250, 100].findIndex((round) => hz % round === 0 && hz >= round) >>> 0;

/** Round frequencies in the view that stand at least `apart` of its height from each other. */
export function frequencyTicks(view, apart) {
  const [lowHz, highHz] = [view.hzOf(view.low), view.hzOf(view.high)];
  const inside = ROUND_HZ.filter((hz) => hz >= lowHz && hz <= highHz).sort((a, b) => WEIGHT(a) - WEIGHT(b));
  const kept = [];
  for (const hz of inside) {
    if (kept.every((other) => Math.abs(view.yOf(other) - view.yOf(hz)) >= apart)) kept.push(hz);
  }
  if (kept.length < 2) return ticks(lowHz, highHz, Math.min(5, 1 / apart)).values;
  return kept;
}
