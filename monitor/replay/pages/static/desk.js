// Listening to an event: joins the sound, the pictures, the controls and the keys.

import { BandMark } from "./band.js";
import { pictureUrl, referenceFrom, trackFrom } from "./clip.js";
import { Lanes } from "./lanes.js";
import { Player } from "./player.js";
import { get, number, Refused, say, t, telling } from "./talk.js";

export class ListeningDesk {
  constructor(main, facts, axes, playing) {
    this.main = main;
    this.facts = facts;
    this.ended = new AbortController();
    const clip = facts.clip;
    this.lanes = new Lanes(main.querySelector(".lanes"), axes, clip.finding);
    const sound = document.getElementById("sound");
    this.player = new Player(sound, trackFrom(clip.id, axes), referenceFrom(facts.reference, clip.id));
    this.find();
    this.band = new BandMark(this.parts, this.lanes, this.player, this.ended.signal);
    this.player.onTime = (seconds) => this.showTime(seconds);
    this.player.onState = () => this.showState();
    this.player.onError = (address) => this.sayWhySilent(address);
    this.lanes.onView = (view) => this.showView(view);
    this.bindButtons();
    this.bindPointers();
    this.player.seek(clip.startS);
    this.lanes.draw();
    this.lanes.load((name) => pictureUrl(clip.id, name));
    this.showState();
    this.showNotes(axes.notes);
    if (playing) this.player.start();
    main.querySelector(".listening").dataset.ready = "yes";
  }

  end() {
    this.ended.abort();
    this.player.end();
    this.lanes.end();
  }

  find() {
    const one = (name) => this.main.querySelector(`[data-do="${name}"]`);
    const names = ["play", "compare", "band", "low", "high", "speed", "position", "in", "out", "higher", "lower"];
    this.parts = Object.fromEntries([...names, "fit", "fault", "pan"].map((name) => [name, one(name)]));
    this.clock = this.main.querySelector("[data-clock]");
    this.reads = this.main.querySelector(".reads");
    for (const part of Object.values(this.parts)) if (part !== null) part.disabled = false;
    this.parts.compare.disabled = this.player.reference === null;
  }

  get keys() {
    const seek = (seconds) => (event) => this.player.nudge(event.shiftKey ? 10 * seconds : seconds);
    return [
      { keys: [" "], text: t("Play or pause"), run: () => this.player.toggle() },
      { keys: ["ArrowLeft"], text: t("Back 0.1 s, with Shift 1 s"), run: seek(-0.1), repeats: true },
      { keys: ["ArrowRight"], text: t("Forward 0.1 s, with Shift 1 s"), run: seek(0.1), repeats: true },
      { keys: ["w"], text: t("To the worst moment"), run: () => this.player.seek(this.facts.clip.startS) },
      { keys: ["b"], text: t("Compare with normal sound, and back"), run: () => this.player.compare() },
      { keys: ["l"], text: t("Hear only the marked band, or all"), run: () => this.band.hear() },
      { keys: [","], text: t("Slower"), run: () => this.changeSpeed(-1) },
      { keys: ["."], text: t("Faster"), run: () => this.changeSpeed(1) },
      { keys: ["+", "="], text: t("Zoom in on time"), run: () => this.zoomTime(2) },
      { keys: ["-"], text: t("Zoom out of time"), run: () => this.zoomTime(0.5) },
      { keys: ["ArrowUp"], text: t("Zoom in on frequency"), run: () => this.zoomFrequency(1.5) },
      { keys: ["ArrowDown"], text: t("Zoom out of frequency"), run: () => this.zoomFrequency(1 / 1.5) },
      { keys: ["x"], text: t("Zoom to what was found"), run: () => this.frameFault() },
      { keys: ["0"], text: t("Show the whole clip"), run: () => this.fit() },
    ];
  }

  bindButtons() {
    const { parts, player } = this;
    const click = (part, run) => part?.addEventListener("click", run, { signal: this.ended.signal });
    const change = (part, kind, run) => part.addEventListener(kind, run, { signal: this.ended.signal });
    click(parts.play, () => player.toggle());
    click(parts.compare, () => player.compare());
    click(parts.in, () => this.zoomTime(2));
    click(parts.out, () => this.zoomTime(0.5));
    click(parts.higher, () => this.zoomFrequency(1.5));
    click(parts.lower, () => this.zoomFrequency(1 / 1.5));
    click(parts.fit, () => this.fit());
    click(parts.fault, () => this.frameFault());
    change(parts.speed, "change", () => player.setSpeed(Number(parts.speed.value)));
    change(parts.position, "input", () => player.seek(Number(parts.position.value)));
    change(parts.pan, "input", () => {
      this.lanes.view.moveTo(Number(parts.pan.value));
      this.lanes.draw();
    });
    // rows come and go while an event goes on
    click(this.main, (event) => {
      const row = event.target.closest("[data-seek]");
      if (row !== null) player.seek(Number(row.dataset.seek));
    });
    parts.position.max = this.lanes.axes.durationS;
  }

  bindPointers() {
    const { lanes } = this;
    const options = { signal: this.ended.signal };
    for (const lane of lanes.lanes) {
      lane.face.addEventListener("pointerdown", (event) => {
        if (event.button !== 0) return;
        lane.face.setPointerCapture(event.pointerId);
        this.player.seek(lanes.at(event, lane).seconds);
      }, options);
      lane.face.addEventListener("pointermove", (event) => {
        const there = lanes.at(event, lane);
        this.reads.textContent = lanes.describe(there);
        if (lane.face.hasPointerCapture(event.pointerId)) this.player.seek(there.seconds);
      }, options);
      lane.face.addEventListener("wheel", (event) => {
        if (!event.ctrlKey && !event.shiftKey) return;
        event.preventDefault();
        const factor = 1.2 ** -Math.sign(event.deltaY || event.deltaX);
        const there = lanes.at(event, lane);
        if (event.ctrlKey) lanes.view.zoomTime(factor, there.seconds);
        else if (there.hz !== null) lanes.view.zoomFrequency(factor, lanes.view.bandOf(there.hz));
        lanes.draw();
      }, { ...options, passive: false });
    }
  }

  changeSpeed(steps) {
    this.player.changeSpeed(steps);
    this.parts.speed.value = String(this.player.speed);
    say(t("Speed {speed}", { speed: this.parts.speed.selectedOptions[0].textContent.trim() }), { seconds: 2 });
  }

  zoomTime(factor) {
    this.lanes.view.zoomTime(factor, this.lanes.seconds);
    this.lanes.draw();
  }

  zoomFrequency(factor) {
    const { view, band } = this.lanes;
    const middle = band === null ? undefined : (view.bandOf(band.lowHz) + view.bandOf(band.highHz)) / 2;
    view.zoomFrequency(factor, middle);
    this.lanes.draw();
  }

  frameFault() {
    const found = this.facts.clip.finding;
    if (found === null) return;
    this.lanes.view.frame(found.fromS, found.toS, found.lowHz, found.highHz);
    this.lanes.draw();
  }

  fit() {
    this.lanes.view.fit();
    this.lanes.draw();
  }

  showTime(seconds) {
    this.lanes.place(seconds);
    if (seconds === null) return;
    if (this.player.playing) this.lanes.follow(seconds);
    const said = `${number(seconds, 1)} / ${number(this.lanes.axes.durationS, 1)} s`;
    if (this.clock.textContent === said) return;
    this.clock.textContent = said;
    this.parts.position.value = seconds;
    this.parts.position.setAttribute("aria-valuetext", `${number(seconds, 1)} s`);
    for (const row of this.main.querySelectorAll("tr[data-from]")) {
      const inside = seconds >= Number(row.dataset.from) && seconds < Number(row.dataset.to);
      row.toggleAttribute("aria-current", inside);
    }
  }

  showState() {
    const { parts, player } = this;
    const caption = parts.play.querySelector("[data-caption]");
    caption.textContent = player.playing ? t("Pause") : t("Play");
    parts.play.querySelector("[data-sign]").textContent = player.playing ? "❚❚" : "▶";
    parts.compare.setAttribute("aria-pressed", String(player.side === "B"));
    this.main.querySelector("[data-normal]").hidden = player.side === "A";
  }

  /** Ask the server for the reason: an <audio> does not tell it. */
  async sayWhySilent(address) {
    let reason = t("The sound cannot be played: this browser does not understand it.");
    try {
      await get(address, this.ended.signal);
    } catch (error) {
      if (error.name === "AbortError") return;
      if (!(error instanceof Refused)) throw error;
      if (error.status === 401) {
        await telling(() => Promise.reject(error)); // with the way back in
        return;
      }
      reason = error.status === 410
        ? t("The sound cannot be played: it was removed, perhaps to make room.")
        : t("The sound cannot be played: {reason}", { reason: error.message });
    }
    say(reason, { bad: true });
  }

  showNotes(notes) {
    const place = this.main.querySelector("[data-notes]");
    for (const note of notes) {
      const item = document.createElement("li");
      item.textContent = note;
      place.append(item);
    }
    place.hidden = notes.length === 0;
  }

  showView(view) {
    this.parts.pan.max = view.durationS - view.spanS;
    this.parts.pan.value = view.fromS;
    this.parts.pan.closest(".pan").hidden = view.spanS > view.durationS - 1e-6;
    this.parts.fit.disabled = view.isWhole;
  }
}
