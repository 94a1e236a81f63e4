// How every source is now: the server's own cards, fetched again and again, and what is drawn in them.

import { clamp } from "./axis.js";
import { bindKeys } from "./keys.js";
import { order } from "./labels.js";
import { lookForNews, renewPart } from "./news.js";
import { colour, sized } from "./pen.js";
import { getPage, number, Refused, say, t, telling } from "./talk.js";

const FOOT_PX = 15; // below the hour, for its times
const FLOOR_DBFS = -90;
const HIGHEST = 3; // limits; what is higher reaches the top

export function startNow(main) {
  const ended = new AbortController();
  const { signal } = ended;
  const desk = new ActionDesk(document.getElementById("act"), signal, () => refresh(main, signal));
  const place = main.querySelector(".sources");
  place.addEventListener("click", (event) => {
    const button = event.target.closest("[data-action]");
    if (button !== null) desk.ask(button);
  }, { signal });
  const draw = () => place.querySelectorAll(".source").forEach(drawSource);
  const resizes = new ResizeObserver(draw);
  resizes.observe(place);
  lookForNews(() => refresh(main, signal), signal);
  bindKeys([
    { keys: ["e"], text: t("Open the events"), run: () => document.querySelector('.top a[data-page="events"]').click() },
  ]);
  return () => {
    ended.abort();
    resizes.disconnect();
  };
}

async function refresh(main, signal) {
  if (signal.aborted) return;
  const old = main.querySelector("[data-stale]");
  try {
    const { tree, left } = await getPage("/now/cards", signal, { byItself: true });
    if (left) throw new Refused("", 401);
    renewPart(main.querySelector(":scope > [data-part=box]"), tree.querySelector("[data-part=box]"));
    replaceCards(main.querySelector(".sources"), tree);
    old.hidden = true;
  } catch (error) {
    if (error.name === "AbortError") return;
    // what is shown is old, whatever the cause: say so, and let nobody take it for now
    old.hidden = false;
    old.textContent = error.status === 401
      ? t("You were signed out. What you see here is old: sign in again.")
      : error.status === 503
        ? t("The daemon does not answer. What you see here is old.")
        : t("The page does not answer. What you see here is old.");
    if (!(error instanceof Refused)) throw error;
  }
}

/** Put in what has changed, part by part, so that a focus or a press in the rest is not lost. */
function replaceCards(place, fresh) {
  const cards = [...fresh.querySelectorAll(".source")];
  const known = new Map([...place.querySelectorAll(".source")].map((card) => [card.dataset.source, card]));
  const same = cards.length === known.size && cards.every((card) => known.has(card.dataset.source));
  if (!same) place.replaceChildren(...cards);
  else for (const card of cards) renew(known.get(card.dataset.source), card);
  place.querySelectorAll(".source").forEach(drawSource);
}

function renew(card, fresh) {
  if (card.className !== fresh.className) card.className = fresh.className;
  for (const part of card.querySelectorAll("[data-part]")) {
    const news = fresh.querySelector(`[data-part="${part.dataset.part}"]`);
    if (part.dataset.trend !== undefined) {
      Object.assign(part.dataset, news.dataset);
      part.setAttribute("aria-label", news.getAttribute("aria-label"));
    } else renewPart(part, news);
  }
}

function drawSource(card) {
  const trend = card.querySelector(".trend");
  if (trend !== null) drawTrend(sized(trend), JSON.parse(trend.dataset.trend));
  const meter = card.querySelector(".meter canvas");
  if (meter !== null) drawMeter(sized(meter), meter.dataset.level);
}

function drawMeter(pen, level) {
  if (pen === null || level === "") return;
  const { width, height } = pen.canvas.size;
  const share = clamp((Number(level) - FLOOR_DBFS) / -FLOOR_DBFS, 0, 1);
  pen.fillStyle = colour(Number(level) > -3 ? "--alarm" : "--good");
  pen.fillRect(0, 0, share * width, height);
}

/** The highest score of each step against its limit; a step that could not be judged is a grey column. */
function drawTrend(pen, trend) {
  if (pen === null) return;
  const { width } = pen.canvas.size;
  const height = pen.canvas.size.height - FOOT_PX;
  const { values, judged, limit } = trend;
  const highest = Math.max(...values.map((value) => value ?? 0), 1.25 * limit);
  const most = Math.min(highest, HIGHEST * limit);
  const y = (value) => height - (height - 2) * (clamp(value, 0, most) / most);
  const step = width / Math.max(1, values.length);
  drawQuarters(pen);
  for (const [index, value] of values.entries()) {
    if (value !== null) {
      pen.fillStyle = colour(value >= limit ? "--alarm" : "--trace");
      pen.fillRect(index * step, y(value), Math.max(1, step), height - y(value));
    } else if (judged[index] === false) {
      pen.fillStyle = colour("--line");
      pen.fillRect(index * step, 0, Math.max(1, step), height);
    }
  }
  pen.strokeStyle = colour("--text");
  pen.setLineDash([4, 3]);
  pen.beginPath();
  pen.moveTo(0, y(limit));
  pen.lineTo(width, y(limit));
  pen.stroke();
  pen.setLineDash([]);
  pen.fillStyle = colour("--text");
  pen.font = "11px system-ui, sans-serif";
  pen.textBaseline = "bottom";
  pen.fillText(t("limit {value}", { value: number(limit, limit % 1 === 0 ? 0 : 2) }), 3, y(limit) - 1);
}

/** The hour before now in quarters. */
function drawQuarters(pen) {
  const { width, height } = pen.canvas.size;
  pen.font = "11px system-ui, sans-serif";
  pen.textBaseline = "bottom";
  pen.textAlign = "center";
  for (const minutes of [45, 30, 15]) {
    const x = width * (1 - minutes / 60);
    pen.fillStyle = colour("--line");
    pen.fillRect(x, 0, 1, height - FOOT_PX);
    pen.fillStyle = colour("--soft");
    pen.fillText(t("{minutes} min ago", { minutes }), x, height);
  }
  pen.textAlign = "left";
}

/** Asks what an action needs (for how long, why) before it is sent. */
class ActionDesk {
  constructor(dialog, signal, done) {
    this.dialog = dialog;
    this.form = dialog.querySelector("form");
    this.done = done;
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    }, { signal });
    dialog.querySelector("[data-cancel]").addEventListener("click", () => dialog.close(), { signal });
  }

  ask(button) {
    const { action, source, event: eventId } = button.dataset;
    this.asked = { action, source, eventId: eventId || null };
    if (action === "acknowledge") {
      this.send();
      return;
    }
    this.form.reset();
    this.dialog.querySelector("h2").textContent = `${button.textContent.trim()} ${source}`;
    this.dialog.querySelector("[data-shelve]").hidden = action !== "shelve";
    if (action === "shelve") this.offer(Number(button.dataset.mostS));
    this.dialog.showModal();
  }

  /** Offer only what the daemon takes: shelving for `mostS` at most, by itself for an hour, or the longest below. */
  offer(mostS) {
    const { until } = this.form.elements;
    for (const option of until.options) option.hidden = option.disabled = Number(option.value) > mostS;
    const times = [...until.options].filter((option) => !option.disabled && Number(option.value) <= 3600);
    until.value = times.at(-1)?.value ?? "normal";
  }

  async send() {
    const { action, source, eventId } = this.asked;
    const command = { action };
    if (this.dialog.open) command.note = this.form.elements.note.value.trim() || null;
    if (action === "acknowledge") command.event_id = eventId;
    if (action === "shelve") {
      const until = this.form.elements.until.value;
      if (until === "normal") command.one_shot = true;
      else command.duration_s = Number(until);
    }
    const reply = await telling(() => order(`/api/v1/sources/${encodeURIComponent(source)}/commands`, command));
    if (reply === undefined) return;
    if (this.dialog.open) this.dialog.close();
    say(t("{source}: done.", { source }));
    this.done();
  }
}
