// Saying what an event was: one key for each answer, then the next one plays; and taking it back.

import { getPage, post, Refused, say, t, telling } from "./talk.js";

export const KEYS = { a: "anomaly", n: "no_anomaly", u: "unsure" };
const AHEAD = "wheeltapper-go-on";

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

export function bindLabels(main, { go, signal }) {
  const form = main.querySelector("form.labelling");
  if (form === null) return { keys: [] };
  const desk = new LabelDesk(main, form, go);
  for (const button of form.querySelectorAll("[data-rating]")) {
    button.addEventListener("click", () => desk.label(button.dataset.rating), { signal });
  }
  form.addEventListener("submit", (event) => event.preventDefault(), { signal });
  form.querySelector("[data-do=undo]").addEventListener("click", () => desk.undo(), { signal });
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

class LabelDesk {
  constructor(main, form, go) {
    this.main = main;
    this.form = form;
    this.go = go;
    this.eventId = form.dataset.event;
    this.ahead = form.elements.ahead;
    this.busy = false;
  }

  get history() {
    return this.main.querySelector("[data-history]");
  }

  /** The rating of this event that counts; empty: not reviewed. */
  get counting() {
    return this.history.querySelector("[data-counts]").dataset.counts;
  }

  async label(rating) {
    if (this.busy) return;
    this.busy = true;
    const { fault_code: fault, note } = this.form.elements;
    const said = { rating, fault_code: fault.value.trim() || null, note: note.value.trim() || null };
    const done = await telling(() => order(`/api/v1/events/${encodeURIComponent(this.eventId)}/labels`, said));
    this.busy = false;
    if (done === undefined) return;
    last = { eventId: this.eventId, title: this.form.dataset.title, page: location.pathname + location.search };
    const next = this.form.dataset.next;
    const goesOn = this.ahead.checked && next !== "";
    if (goesOn) await this.go(next, { playing: true });
    else await this.refresh();
    const news = t("{title}: {rating}.", { title: last.title, rating: ratingText(rating) });
    const end = this.ahead.checked && next === "" ? ` ${t("That was the last unreviewed one.")}` : "";
    const action = { text: `${t("Undo")} (Z)`, run: () => this.undo() };
    say(news + end, { action });
  }

  /** Take back what was said of this event; if nothing was, the last label of this visit, wherever it was. */
  async undo() {
    if (this.busy) return;
    const own = { eventId: this.eventId, title: this.form.dataset.title, page: null };
    const of = this.counting === "" ? last : own;
    if (of === null) {
      say(t("There is nothing to take back."));
      return;
    }
    this.busy = true;
    const done = await telling(() => order(`/api/v1/events/${encodeURIComponent(of.eventId)}/labels/undo`, {}));
    this.busy = false;
    if (done === undefined) return;
    last = null;
    if (of.page !== null && of.eventId !== document.querySelector("form.labelling")?.dataset.event) {
      await this.go(of.page, { playing: false });
    } else await this.refresh();
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
