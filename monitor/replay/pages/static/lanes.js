// The pictures of a clip, one under the other on one time axis, and the cursor that crosses them all.
//
// The server's PNGs are drawn into canvases, so that a zoom is a crop and costs no request. The cursor is one
// element above them that is only moved: following the sound redraws nothing.

import { clamp, frequencyTicks, ticks, View } from "./axis.js";
import { caption, colour, FONT, label, sized } from "./pen.js";
import { hertz, number, t } from "./talk.js";

const PICTURES = ["waveform", "logmel", "reconstruction", "error_map", "difference"];
const MARK_COLOURS = ["#000000", "#ffffff"];

export class Lanes {
  /** `axes`: as `axes` of a clip in the JSON API; `finding`: {fromS, toS, lowHz, highHz} or null. */
  constructor(root, axes, finding) {
    this.root = root;
    this.axes = axes;
    this.view = new View(axes.durationS, axes.edgesHz);
    this.finding = finding;
    this.band = finding === null ? null : { lowHz: finding.lowHz, highHz: finding.highHz };
    this.images = new Map();
    this.cursor = root.querySelector(".cursor");
    this.lanes = [...root.querySelectorAll(".lane")].map((lane) => ({
      name: lane.dataset.lane,
      isMap: lane.classList.contains("map"),
      face: lane.querySelector(".face"),
      axis: lane.querySelector(".axis"),
    }));
    this.onView = () => {};
    this.width = 0;
    this.seconds = 0;
    this.sayScales();
    this.resizes = new ResizeObserver(() => this.draw());
    this.resizes.observe(root);
    this.scheme = matchMedia("(prefers-color-scheme: dark)");
    this.redraw = () => this.draw();
    this.scheme.addEventListener("change", this.redraw);
  }

  /** Write beside each picture what its colours mean. */
  sayScales() {
    for (const { name, face } of this.lanes) {
      const scale = this.axes.scales[name];
      const place = face.closest(".lane").querySelector(".scale");
      if (place === null) continue;
      place.classList.toggle("swatch", scale?.unit === "dB" || scale?.unit === "sd");
      place.textContent = scale ? scaleText(scale) : "";
    }
  }

  end() {
    this.resizes.disconnect();
    this.scheme.removeEventListener("change", this.redraw);
  }

  /** Load every picture; a lane whose picture is not to be had says so. Draws as they come. */
  async load(urlOf) {
    const loads = PICTURES.map(async (name) => {
      const image = new Image();
      image.src = urlOf(name);
      try {
        await image.decode();
        this.images.set(name, image);
      } catch {
        this.images.set(name, null);
      }
      this.drawLane(this.lanes.find((lane) => lane.name === name));
    });
    await Promise.all(loads);
    this.root.dataset.loaded = "yes";
  }

  draw() {
    this.width = this.lanes[0].face.getBoundingClientRect().width;
    for (const lane of this.lanes) this.drawLane(lane);
    this.place(this.seconds);
    this.onView(this.view);
  }

  /** Move the cursor to this time of the clip; null hides it, because something else is heard. */
  place(seconds) {
    this.cursor.hidden = seconds === null;
    if (seconds === null) return;
    this.seconds = seconds;
    const x = this.view.xOf(seconds);
    this.cursor.hidden = x < -0.001 || x > 1.001;
    this.cursor.style.transform = `translateX(${x * this.width}px)`;
  }

  /** While sound plays and the cursor runs out of a zoomed view, turn the page. */
  follow(seconds) {
    const { fromS, toS, spanS, durationS } = this.view;
    if (seconds >= fromS && seconds <= toS) return;
    if (spanS >= durationS - 1e-6) return;
    this.view.moveTo(seconds - 0.1 * spanS);
    this.draw();
  }

  drawLane(lane) {
    if (lane === undefined) return;
    const pen = sized(lane.face);
    if (pen === null) return;
    if (lane.name === "windows") this.drawWindows(pen);
    else if (lane.name === "time") this.drawTime(pen);
    else if (lane.name === "profile") this.drawProfile(pen);
    else this.drawPicture(pen, lane);
    const axis = sized(lane.axis);
    if (axis === null) return;
    if (lane.isMap) this.drawFrequencies(axis);
    else if (lane.name === "profile") this.drawErrors(axis);
  }

  drawPicture(pen, lane) {
    const image = this.images.get(lane.name);
    const { width, height } = pen.canvas.size;
    if (image === undefined || image === null) {
      caption(pen, image === null ? t("This picture cannot be made") : t("Loading"));
      return;
    }
    const { fromS, toS, low, high, bands } = this.view;
    const perSecond = 1 / this.axes.secondsPerPx;
    const [top, bottom] = lane.isMap ? [1 - high / bands, 1 - low / bands] : [0, 1];
    if (lane.isMap && lane.name !== "logmel") this.drawUncovered(pen);
    pen.imageSmoothingEnabled = !lane.isMap;
    const x = clamp(fromS * perSecond, 0, image.width);
    const w = Math.min((toS - fromS) * perSecond, image.width - x);
    // the last pixel column may reach beyond the end of the clip
    const drawn = (width * w) / ((toS - fromS) * perSecond);
    pen.drawImage(image, x, top * image.height, w, (bottom - top) * image.height, 0, 0, drawn, height);
    if (lane.isMap) this.drawBand(pen);
  }

  /** Hatch what no window covers: nothing is known there, which is not the same as no error. */
  drawUncovered(pen) {
    const { width, height } = pen.canvas.size;
    pen.strokeStyle = colour("--line");
    pen.lineWidth = 1;
    for (const { fromS, toS } of this.axes.uncovered) {
      const [from, to] = [fromS, toS].map((seconds) => clamp(this.view.xOf(seconds), 0, 1) * width);
      if (to <= from) continue;
      pen.save();
      pen.beginPath();
      pen.rect(from, 0, to - from, height);
      pen.clip();
      pen.beginPath();
      for (let x = from - height; x < to; x += 9) {
        pen.moveTo(x, height);
        pen.lineTo(x + height, 0);
      }
      pen.stroke();
      pen.restore();
    }
  }

  /** Outline the band that is marked, and where the finding was heard: black in white, seen on any colour. */
  drawBand(pen) {
    if (this.band === null || !this.axes.hasFrequencies) return;
    const { width, height } = pen.canvas.size;
    const top = this.view.yOf(this.band.highHz) * height;
    const bottom = this.view.yOf(this.band.lowHz) * height;
    const from = this.finding === null ? 0 : this.view.xOf(this.finding.fromS) * width;
    const to = this.finding === null ? width : this.view.xOf(this.finding.toS) * width;
    for (const [index, colour] of MARK_COLOURS.entries()) {
      pen.strokeStyle = colour;
      pen.lineWidth = 3 - 1.7 * index;
      pen.setLineDash([]);
      pen.strokeRect(from, top, Math.max(2, to - from), Math.max(2, bottom - top));
      pen.setLineDash([5, 5]);
      for (const y of [top, bottom]) {
        pen.beginPath();
        pen.moveTo(0, y);
        pen.lineTo(width, y);
        pen.stroke();
      }
    }
    pen.setLineDash([]);
  }

  drawWindows(pen) {
    const { width, height } = pen.canvas.size;
    for (const window_ of this.axes.windows) {
      const from = this.view.xOf(window_.fromS) * width;
      const to = this.view.xOf(window_.toS) * width;
      const over = window_.value !== null && window_.value >= 1;
      pen.globalAlpha = 0.35;
      pen.fillStyle = colour(over ? "--alarm" : "--edge");
      pen.fillRect(from, 2, to - from, height - 4);
      pen.globalAlpha = 1;
      pen.fillRect(from, 2, 2, height - 4);
      pen.fillStyle = colour("--text");
      pen.font = FONT;
      pen.textBaseline = "middle";
      const said = window_.value === null ? "–" : number(window_.value, 2);
      const overlap = this.axes.windows.length > 1 ? 0.5 : 1;
      if (pen.measureText(said).width < (to - from) * overlap - 8) pen.fillText(said, from + 5, height / 2 + 1);
    }
  }

  drawTime(pen) {
    const { width } = pen.canvas.size;
    const { values, digits } = ticks(this.view.fromS, this.view.toS, width / 80);
    pen.fillStyle = colour("--text");
    pen.font = FONT;
    pen.textBaseline = "top";
    for (const value of values) {
      const x = this.view.xOf(value) * width;
      const said = `${number(value, digits)} s`;
      pen.fillRect(x, 0, 1, 5);
      pen.textAlign = x < 16 ? "left" : x > width - 20 ? "right" : "center";
      pen.fillText(said, x, 7);
    }
  }

  drawProfile(pen) {
    const { width, height } = pen.canvas.size;
    const { values, stepS, most } = this.axes.profile;
    if (!(most > 0)) {
      caption(pen, t("No error map was kept"));
      return;
    }
    pen.beginPath();
    let drawing = false;
    for (const [index, value] of values.entries()) {
      const from = this.view.xOf(index * stepS) * width;
      const to = this.view.xOf((index + 1) * stepS) * width;
      const y = value === null ? height : height - (height - 4) * (value / most);
      if (value === null && !drawing) continue;
      if (!drawing) pen.moveTo(from, height);
      drawing = value !== null;
      pen.lineTo(from, y);
      pen.lineTo(to, y);
      if (!drawing) pen.lineTo(from, height);
    }
    pen.lineTo(width, height);
    pen.globalAlpha = 0.25;
    pen.fillStyle = colour("--trace");
    pen.fill();
    pen.globalAlpha = 1;
    pen.strokeStyle = colour("--trace");
    pen.lineWidth = 1.5;
    pen.stroke();
  }

  drawErrors(pen) {
    const { most } = this.axes.profile;
    const { height } = pen.canvas.size;
    if (!(most > 0)) return;
    const { values, digits } = ticks(0, most, 2);
    label(pen, values.map((value) => [number(value, digits), height - (height - 4) * (value / most)]));
  }

  drawFrequencies(pen) {
    if (!this.axes.hasFrequencies) return;
    const { height } = pen.canvas.size;
    const marks = frequencyTicks(this.view, 17 / height);
    label(pen, marks.map((hz) => [hz < 1000 ? number(hz, 0) : `${number(hz / 1000, hz % 1000 === 0 ? 0 : 1)}k`, this.view.yOf(hz) * height]));
    if (this.band === null) return;
    const { width } = pen.canvas.size;
    const top = clamp(this.view.yOf(this.band.highHz), 0, 1) * height;
    const bottom = clamp(this.view.yOf(this.band.lowHz), 0, 1) * height;
    pen.fillStyle = colour("--accent");
    pen.fillRect(width - 4, top, 4, Math.max(2, bottom - top));
  }

  /** Where a pointer is: seconds, and Hz if it is over a picture with frequencies. */
  at(event, lane) {
    const box = (lane.face ?? lane).getBoundingClientRect();
    const seconds = clamp(this.view.secondsAt((event.clientX - box.left) / box.width), 0, this.axes.durationS);
    const hz = lane.isMap && this.axes.hasFrequencies ? this.view.hzAt(clamp((event.clientY - box.top) / box.height, 0, 1)) : null;
    return { seconds, hz };
  }

  describe({ seconds, hz }) {
    const { values, stepS } = this.axes.profile;
    const value = values[Math.floor(seconds / stepS)] ?? null;
    const parts = [`${number(seconds, 2)} s`];
    if (hz !== null) parts.push(hertz(hz));
    if (value !== null) parts.push(t("error {value}", { value: number(value, 2) }));
    return parts.join(" · ");
  }
}

function scaleText({ low, high, unit }) {
  if (unit === "fs") return `±${number(100 * high, high < 0.1 ? 1 : 0)} %`;
  const digits = high - low < 10 ? 1 : 0;
  return `${number(low, digits)} … ${number(high, digits)} ${unit === "sd" ? "σ" : unit}`;
}
