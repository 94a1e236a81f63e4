// Guided commissioning: where every source stands, and one source from its microphone to a candidate.

import { clamp } from "./axis.js";
import { bindKeys } from "./keys.js";
import { order } from "./labels.js";
import { lookForNews, renewPart } from "./news.js";
import { colour, sized } from "./pen.js";
import { getPage, postFile, Refused, say, t, telling } from "./talk.js";

const FLOOR_DBFS = -90;
const LEVELS = 60; // seconds
const SURE = { discard: t("Remove all sound that was recorded of this source? Bundles that were learned stay."), cancel: t("End it? What was recorded stays.") };

/** The list of sources. */
export function startLearn(main) {
  const ended = new AbortController();
  lookForNews(() => renew(main, "/learn-cards", ".source", "source", ended.signal), ended.signal);
  bindKeys([]);
  return () => ended.abort();
}

/** One source. */
export function startLearning(main, { go }) {
  const desk = new LearningDesk(main, go);
  bindKeys(desk.keys);
  return () => desk.end();
}

/** Put in what has changed of every element that `selector` finds, told apart by data-`name`. */
async function renew(main, address, selector, name, signal) {
  if (signal.aborted) return;
  const old = main.querySelector("[data-stale]");
  try {
    const { tree, left } = await getPage(address, signal, { byItself: true });
    if (left) throw new Refused("", 401);
    for (const fresh of tree.querySelectorAll(selector)) {
      const known = main.querySelector(`${selector}[data-${name}="${CSS.escape(fresh.dataset[name])}"]`);
      if (known === null) continue;
      if (known.className !== fresh.className) known.className = fresh.className;
      if (known.dataset.part !== undefined) renewPart(known, fresh);
      for (const part of known.querySelectorAll("[data-part]")) {
        renewPart(part, fresh.querySelector(`[data-part="${part.dataset.part}"]`));
      }
    }
    old.hidden = true;
  } catch (error) {
    if (error.name === "AbortError") return;
    old.hidden = false;
    old.textContent = error.status === 401
      ? t("You were signed out. What you see here is old: sign in again.")
      : t("The page does not answer. What you see here is old.");
    if (!(error instanceof Refused)) throw error;
  }
}

class LearningDesk {
  constructor(main, go) {
    this.main = main;
    this.go = go;
    this.place = main.querySelector(".learning");
    this.source = this.place.dataset.source;
    this.audio = document.getElementById("sound");
    this.chosen = null;
    this.ended = new AbortController();
    const { signal } = this.ended;
    this.place.addEventListener("click", (event) => this.pressed(event.target), { signal });
    this.place.addEventListener("submit", (event) => {
      event.preventDefault();
      this.begin(event.target);
    }, { signal });
    this.main.querySelector("form.bring")?.addEventListener("submit", (event) => {
      event.preventDefault();
      this.bring(event.target);
    }, { signal });
    for (const name of ["play", "pause", "ended"]) this.audio.addEventListener(name, () => this.show(), { signal });
    this.resizes = new ResizeObserver(() => this.draw());
    this.resizes.observe(this.place);
    lookForNews(() => this.refresh(), signal);
    this.show();
  }

  end() {
    this.ended.abort();
    this.resizes.disconnect();
    this.audio.pause();
  }

  get keys() {
    return [
      { keys: [" "], text: t("Play, or stop"), run: () => this.toggle() },
      { keys: ["n"], text: t("It is normal, and on to the next"), run: () => this.judge("keep") },
      { keys: ["a"], text: t("Set it aside, and on to the next"), run: () => this.judge("set_aside") },
      { keys: ["j", "ArrowDown"], text: t("Next stretch"), run: () => this.move(1), repeats: true },
      { keys: ["k", "ArrowUp"], text: t("Stretch before"), run: () => this.move(-1), repeats: true },
    ];
  }

  get rows() {
    return [...this.place.querySelectorAll(".stretches > li")];
  }

  get row() {
    return this.rows.find((row) => row.dataset.stretch === this.chosen) ?? null;
  }

  async refresh() {
    const pressed = document.activeElement?.dataset.learn;
    await renew(this.main, `/learn-parts/${encodeURIComponent(this.source)}`, "[data-part]", "part", this.ended.signal);
    // a button that has become another one must not be pressed by the next key
    if (document.activeElement?.dataset.learn !== pressed) document.activeElement.blur();
    this.show();
  }

  pressed(target) {
    const row = target.closest("[data-stretch]");
    const [learn, judged] = [target.closest("[data-learn]"), target.closest("[data-judge]")];
    if (row !== null) this.chosen = row.dataset.stretch;
    if (target.closest("[data-play]") !== null) this.toggle(row);
    else if (judged !== null) this.judge(judged.dataset.judge);
    else if (learn !== null) this.ask(learn.dataset.learn);
    else this.show();
  }

  /** Do something that ends or removes only when somebody is sure. */
  ask(learn) {
    if (SURE[learn] === undefined) this.send({ learn });
    else say(SURE[learn], { seconds: 30, action: { text: t("Yes"), run: () => this.send({ learn }) } });
  }

  begin(form) {
    const { hours, unattended } = form.elements;
    this.send({ learn: "start", hours: Number(hours.value), unattended: unattended.checked });
  }

  /** Bring a bundle in that was learned elsewhere. */
  async bring(form) {
    const { bundle, note } = form.elements;
    const address = `/api/v1/sources/${encodeURIComponent(this.source)}/bundles?note=${encodeURIComponent(note.value)}`;
    const most = Number(form.dataset.mostBytes);
    if (bundle.files[0].size > most) { // refused while it is still being sent, a browser would not hear why
      say(t("A bundle of more than {megabytes} MB is not taken.", { megabytes: Math.floor(most / 1e6) }), { bad: true });
      return;
    }
    const button = form.querySelector("button");
    button.disabled = true;
    say(t("On its way …"), { seconds: 600 });
    const done = await telling(() => postFile(address, bundle.files[0]));
    button.disabled = false;
    if (done === undefined) return;
    form.reset();
    const there = `/compare/${encodeURIComponent(this.source)}`;
    say(done.told ?? done.detail, { seconds: 60, action: { text: t("Look at it, and let it judge"), run: () => this.go(there) } });
    await this.refresh();
  }

  async send(document_) {
    const address = `/api/v1/sources/${encodeURIComponent(this.source)}/learning/orders`;
    const done = await telling(() => order(address, document_));
    if (done === undefined) return false;
    await this.refresh();
    return true;
  }

  async judge(learn) {
    if (this.row === null || this.row.querySelector(`[data-judge="${learn}"]`) === null) return;
    const { stretch, seen } = this.row.dataset;
    if (await this.send({ learn, stretch, seen })) this.move(1, { playing: true });
    else await this.refresh(); // perhaps somebody else was first: who, stands beside it
  }

  move(steps, { playing = !this.audio.paused } = {}) {
    const { rows } = this;
    if (rows.length === 0) return;
    const at = rows.indexOf(this.row);
    const next = rows[clamp(at + steps, 0, rows.length - 1)];
    if (next === this.row) return;
    this.chosen = next.dataset.stretch;
    if (playing) this.play(next);
    this.show();
    next.scrollIntoView({ block: "nearest" });
  }

  toggle(row = this.row ?? this.rows[0]) {
    if (row === undefined || row === null) return;
    this.chosen = row.dataset.stretch;
    if (this.isHeard(row) && !this.audio.paused) this.audio.pause();
    else this.play(row);
  }

  isHeard(row) {
    return this.audio.src.endsWith(this.addressOf(row));
  }

  addressOf(row) {
    return `/api/v1/sources/${encodeURIComponent(this.source)}/learning/stretches/${row.dataset.number}/audio`;
  }

  async play(row) {
    if (row.querySelector("[data-play]") === null) return; // who may not hear it has no button
    if (!this.isHeard(row)) this.audio.src = this.addressOf(row);
    this.audio.playbackRate = 1;
    try {
      await this.audio.play();
    } catch (error) {
      if (!["NotAllowedError", "AbortError", "NotSupportedError"].includes(error.name)) throw error;
      if (error.name === "NotSupportedError") say(t("This sound cannot be heard: the recording is not there any more."), { bad: true });
    }
    this.show();
  }

  /** Mark what is chosen and heard, and draw the levels. */
  show() {
    for (const row of this.rows) {
      row.toggleAttribute("aria-current", row.dataset.stretch === this.chosen);
      const button = row.querySelector("[data-play]");
      const sign = this.isHeard(row) && !this.audio.paused ? "❚❚" : "▶";
      if (button !== null && button.textContent !== sign) button.textContent = sign;
    }
    this.draw();
  }

  draw() {
    const canvas = this.place.querySelector(".levels");
    if (canvas === null || canvas.closest("[hidden]") !== null) return;
    const pen = sized(canvas);
    if (pen === null) return;
    const levels = JSON.parse(canvas.dataset.levels);
    const { width, height } = pen.canvas.size;
    const step = width / LEVELS;
    for (const dbfs of [-20, -40, -60, -80]) {
      pen.fillStyle = colour("--line");
      pen.fillRect(0, height * (dbfs / FLOOR_DBFS), width, 1);
    }
    for (const [index, level] of levels.entries()) {
      if (level === null) continue;
      const share = clamp((level - FLOOR_DBFS) / -FLOOR_DBFS, 0, 1);
      pen.fillStyle = colour(level > -3 ? "--alarm" : "--trace");
      pen.fillRect(width - (levels.length - index) * step, height * (1 - share), Math.max(1, step - 1), height * share);
    }
    this.nameLevels(pen, height);
  }

  /** Write the levels over the bars, on a ground of their own. */
  nameLevels(pen, height) {
    pen.font = "11px system-ui, sans-serif";
    for (const dbfs of [-20, -40, -60, -80]) {
      const [text, y] = [`${dbfs} dBFS`.replace("-", "−"), height * (dbfs / FLOOR_DBFS)];
      pen.fillStyle = colour("--ground");
      pen.fillRect(1, y - 13, pen.measureText(text).width + 5, 13);
      pen.fillStyle = colour("--text");
      pen.fillText(text, 3, y - 3);
    }
  }
}
