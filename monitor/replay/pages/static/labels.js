// Saying what an event was: one key for each answer, then the next one plays; and taking it back.

import { getPage, post, Refused, say, t, telling } from "./talk.js";

export const KEYS = { a: "anomaly", n: "no_anomaly", u: "unsure" };
export const PATIENCE_MS = 120_000; // a promotion scores sound and opens an engine first
const AHEAD = "wheeltapper-go-on";
const QUIET_MS = 700; // after the page went on: the second tap of a double tap was not meant for the next event
const MINE_MS = 15_000; // so long after a label Z takes that one back, wherever the page has gone since

/** The words of the three answers; the templates say the same through the same texts. */
export function ratingText(rating) {
  return { anomaly: t("Anomaly"), no_anomaly: t("No anomaly"), unsure: t("Unsure") }[rating];
}

/** Send something that the daemon carries out; its refusal is told like any other. */
export async function order(path, document_) {
  const reply = await post(path, document_);
  if (reply?.result === "refused") throw new Refused(reply.reason, 409);
  return reply;
}

/** The same for what may take long: asked for again with the same id, which is done once, until it is answered. */
export async function orderAndWait(path, command, { forMs = PATIENCE_MS } = {}) {
  const endMs = performance.now() + forMs;
  const asked = { ...command, id: crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}` };
  for (;;) {
    try {
      return await order(path, asked);
    } catch (error) {
      if (!(error instanceof Refused) || error.againMs === null || performance.now() > endMs) throw error;
      await new Promise((resolve) => setTimeout(resolve, error.againMs));
    }
  }
}

export function bindLabels(main, { go, signal }) {
  const form = main.querySelector("form.labelling");
  if (form === null) return { keys: [] };
  const desk = new LabelDesk(main, form, go);
  shown = desk;
  for (const button of form.querySelectorAll("[data-rating]")) {
    button.addEventListener("click", () => desk.label(button.dataset.rating), { signal });
  }
  form.addEventListener("submit", (event) => event.preventDefault(), { signal });
  form.querySelector("[data-do=undo]").addEventListener("click", () => desk.takeBack(desk.own), { signal });
  desk.ahead.checked = localStorage.getItem(AHEAD) !== "off";
  desk.ahead.addEventListener("change", () => localStorage.setItem(AHEAD, desk.ahead.checked ? "on" : "off"), { signal });
  const watch = setInterval(() => desk.refresh(), 10_000);
  signal.addEventListener("abort", () => clearInterval(watch));
  const keys = Object.entries(KEYS).map(([key, rating]) => ({
    keys: [key],
    text: `${ratingText(rating)}${desk.ahead.checked ? ` – ${t("and on to the next")}` : ""}`,
    run: () => desk.label(rating),
  }));
  return {
    keys: [
      ...keys,
      { keys: ["z"], text: t("Take back the last label"), run: () => desk.undo() },
      { keys: ["f"], text: t("Choose the fault code"), run: () => form.elements.fault_code.focus() },
      { keys: ["m"], text: t("Write a note (Esc ends)"), run: () => form.elements.note.focus() },
    ],
  };
}

// what was labelled last on this visit, so that it can be taken back after the page has gone on
let last = null;
let quietUntilMs = 0;
let shown = null;

class LabelDesk {
  constructor(main, form, go) {
    this.main = main;
    this.form = form;
    this.go = go;
    this.eventId = form.dataset.event;
    this.ahead = form.elements.ahead;
    this.busy = false;
    this.showUndo();
  }

  /** Offer to take back only what somebody has said. */
  showUndo() {
    this.form.querySelector("[data-do=undo]").hidden = this.counting === "";
  }

  get history() {
    return this.main.querySelector("[data-history]");
  }

  /** The rating of this event that counts; empty: not reviewed. */
  get counting() {
    return this.history.querySelector("[data-counts]").dataset.counts;
  }

  /** This event, as something whose label can be taken back. */
  get own() {
    return { eventId: this.eventId, title: this.form.dataset.title, history: this.history.dataset.history, page: null };
  }

  /** Do one thing at a time: what is asked for meanwhile was meant for what is still shown. */
  async alone(work) {
    if (this.busy) return;
    this.busy = true;
    try {
      await work();
    } finally {
      this.busy = false;
    }
  }

  label(rating) {
    if (performance.now() < quietUntilMs) return;
    this.alone(() => this.sendLabel(rating));
  }

  async sendLabel(rating) {
    const { fault_code: fault, note } = this.form.elements;
    const said = { rating, fault_code: fault.value.trim() || null, note: note.value.trim() || null };
    const done = await telling(() => order(`/api/v1/events/${encodeURIComponent(this.eventId)}/labels`, said));
    if (done === undefined) return;
    const mine = { ...this.own, page: location.pathname + location.search, atMs: performance.now() };
    last = mine;
    const next = this.form.dataset.next;
    const goesOn = this.ahead.checked && next !== "";
    if (goesOn) {
      await this.go(next, { playing: true });
      quietUntilMs = performance.now() + QUIET_MS;
    } else await this.refresh();
    const news = t("{title}: {rating}.", { title: mine.title, rating: ratingText(rating) });
    const end = this.ahead.checked && next === "" ? ` ${t("That was the last unreviewed one.")}` : "";
    const action = { text: `${t("Undo")} (Z)`, run: () => this.takeBack(mine) };
    say(news + end, { action });
  }

  /** Take back one's own label of a moment ago; else what counts of this event, else the last of this visit. */
  undo() {
    const isFresh = last !== null && performance.now() - last.atMs < MINE_MS;
    this.takeBack(isFresh || this.counting === "" ? last : this.own);
  }

  /** Take back what counts of an event; who did not say it is asked first. */
  takeBack(of, { asked = false } = {}) {
    return this.alone(async () => {
      const counts = of === null ? null : await telling(() => whatCounts(of.history));
      if (counts === undefined) return;
      if (counts === null) say(t("There is nothing to take back."));
      else if (!asked && counts.who !== this.form.dataset.user) {
        const action = { text: t("Take it back"), run: () => this.takeBack(of, { asked: true }) };
        say(t("{title} was labelled by {who}.", { title: of.title, who: counts.who }), { action, seconds: 30 });
      } else await this.sendUndo(of);
    });
  }

  async sendUndo(of) {
    const done = await telling(() => order(`/api/v1/events/${encodeURIComponent(of.eventId)}/labels/undo`, {}));
    if (done === undefined) return;
    last = null;
    if (of.page !== null && of.eventId !== document.querySelector("form.labelling")?.dataset.event) {
      await this.go(of.page, { playing: false });
    } else await shown.refresh();
    say(t("{title}: the label was taken back.", { title: of.title }));
  }

  /** Show what is known of this event now: somebody else may label it too. */
  async refresh() {
    const place = this.history;
    // a broken line is told when something is to be changed, not every ten seconds
    const got = await getPage(place.dataset.history, undefined, { byItself: true }).catch(() => null);
    if (got === null || got.left || !place.isConnected) return;
    const before = place.querySelectorAll("[data-who]").length;
    place.replaceChildren(...got.tree.body.childNodes);
    this.showUndo();
    const newest = place.querySelector("[data-who]");
    for (const button of this.form.querySelectorAll("[data-rating]")) {
      button.setAttribute("aria-pressed", String(button.dataset.rating === this.counting));
    }
    const more = place.querySelectorAll("[data-who]").length > before;
    if (more && newest.dataset.who !== this.form.dataset.user) {
      say(t("{who} has just labelled this event too; the latest label counts.", { who: newest.dataset.who }));
    }
  }
}

/** The label that counts now, {who}; null: none does. */
async function whatCounts(history) {
  const { tree, left } = await getPage(history);
  if (left) throw new Refused(t("You were signed out. Sign in and do it again."), 401);
  if (tree.querySelector("[data-counts]").dataset.counts === "") return null;
  return { who: tree.querySelector("[data-who]").dataset.who };
}
