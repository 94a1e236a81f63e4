// The sound of a clip: play, seek, speed, only a band of it, and beside it the last normal sound (A/B).
//
// One <audio> element for the whole visit: tablets let an element play by itself only after a touch has made it
// play once, and so the next event may begin by itself.

import { clamp } from "./axis.js";

const SPEEDS = [0.25, 0.5, 0.75, 1, 1.5, 2];

export class Player {
  /** `track`: {urlOf(band), durationS} of the clip; `reference`: {urlOf(band), fromS, toS, sameClip} or null. */
  constructor(audio, track, reference) {
    this.audio = audio;
    this.track = track;
    this.reference = reference;
    this.band = null;
    this.side = "A";
    this.keptS = 0;
    this.speed = 1;
    this.onTime = () => {};
    this.onState = () => {};
    this.onError = () => {};
    this.frame = null;
    this.abort = new AbortController();
    const when = { signal: this.abort.signal };
    for (const name of ["play", "pause", "ended", "waiting", "playing", "ratechange"]) {
      audio.addEventListener(name, () => this.stateChanged(), when);
    }
    audio.addEventListener("error", () => {
      this.stateChanged();
      this.onError(audio.currentSrc);
    }, when);
    for (const name of ["seeking", "seeked", "loadedmetadata"]) audio.addEventListener(name, () => this.tell(), when);
    this.open(0, false);
  }

  /** Let go of the element, so that another event can have it. */
  end() {
    this.abort.abort();
    cancelAnimationFrame(this.frame);
    this.audio.pause();
  }

  get playing() {
    return !this.audio.paused && !this.audio.ended;
  }

  /** Where in the clip the sound is; null while something else is heard. */
  get clipS() {
    if (this.side === "B" && !this.reference.sameClip) return null;
    return this.loading ?? this.audio.currentTime;
  }

  /** Load what is to be heard now and go to a time of it. */
  open(atS, playing) {
    const source = this.side === "A" ? this.track : this.reference;
    const address = source.urlOf(this.band);
    this.loading = atS;
    this.audio.src = address;
    this.audio.defaultPlaybackRate = this.speed;
    this.audio.playbackRate = this.speed;
    this.turn = (this.turn ?? 0) + 1;
    const turn = this.turn;
    const loaded = () => {
      if (turn !== this.turn) return;
      this.audio.currentTime = this.loading;
      this.loading = null;
      this.tell();
    };
    this.audio.addEventListener("loadedmetadata", loaded, { once: true, signal: this.abort.signal });
    if (playing) this.start();
  }

  async start() {
    try {
      await this.audio.play();
    } catch (error) {
      // without a touch first the browser may refuse to begin; opening something else interrupts
      if (error.name !== "NotAllowedError" && error.name !== "AbortError" && error.name !== "NotSupportedError") throw error;
      this.stateChanged();
    }
  }

  toggle() {
    if (this.playing) {
      this.audio.pause();
      return;
    }
    if (this.side === "A" && this.audio.ended) this.audio.currentTime = 0;
    this.start();
  }

  seek(seconds) {
    const playing = this.playing;
    const to = clamp(seconds, 0, Math.max(0, this.track.durationS - 0.01));
    if (this.side === "B") {
      this.side = "A";
      this.open(to, playing);
      this.stateChanged();
    } else if (this.loading === null) this.audio.currentTime = to;
    else this.loading = to;
    this.tell();
  }

  nudge(seconds) {
    this.seek((this.side === "A" ? (this.clipS ?? 0) : this.keptS) + seconds);
  }

  setSpeed(speed) {
    this.speed = speed;
    this.audio.playbackRate = speed;
  }

  changeSpeed(steps) {
    const index = SPEEDS.indexOf(this.speed) + steps;
    this.setSpeed(SPEEDS[clamp(index, 0, SPEEDS.length - 1)]);
  }

  /** Hear only this band, {lowHz, highHz}, or all (null), from where the sound is. */
  setBand(band) {
    const [atS, playing] = [this.loading ?? this.audio.currentTime, this.playing];
    this.band = band;
    this.open(atS, playing);
    this.stateChanged();
  }

  /** Change between the event (A) and the last normal sound (B); A goes on where it was left. */
  compare() {
    if (this.reference === null) return;
    if (this.side === "A") {
      this.keptS = this.loading ?? this.audio.currentTime;
      this.side = "B";
      this.open(this.reference.fromS, true);
    } else {
      this.side = "A";
      this.open(this.keptS, true);
    }
    this.stateChanged();
  }

  stateChanged() {
    this.onState(this);
    this.tell();
    cancelAnimationFrame(this.frame);
    if (this.playing) this.frame = requestAnimationFrame(() => this.tick());
  }

  tick() {
    if (this.side === "B" && this.loading === null && this.audio.currentTime >= this.reference.toS) {
      this.audio.currentTime = this.reference.fromS;
    }
    this.tell();
    if (this.playing) this.frame = requestAnimationFrame(() => this.tick());
  }

  tell() {
    this.onTime(this.clipS);
  }
}
