// The page of a candidate: listen to where the two disagree, say what it was with one key, and let it judge.

import { bindKeys } from "./keys.js";
import { KEYS, order, orderAndWait, PATIENCE_MS, ratingText } from "./labels.js";
import { lookForNews, renewPart } from "./news.js";
import { getPage, Refused, say, t, telling } from "./talk.js";

const COMPARED_MS = 600_000; // others may be compared before

export function startCompare(main, { go }) {
  const ended = new AbortController();
  const { signal } = ended;
  const desk = new DisputeDesk(main, go, signal);
  main.addEventListener("click", (event) => desk.click(event), { signal });
  const letters = Object.entries(KEYS).map(([key, rating]) => ({
    keys: [key], text: ratingText(rating), run: () => desk.label(desk.row, rating),
  }));
  bindKeys([
    ...letters,
    { keys: [" "], text: t("Play"), run: () => desk.play(desk.row) },
    { keys: ["j"], text: t("Next disagreement"), run: () => desk.move(1) },
    { keys: ["k"], text: t("Disagreement before"), run: () => desk.move(-1) },
  ]);
  return () => {
    ended.abort();
    desk.sound.pause();
  };
}

class DisputeDesk {
  constructor(main, go, signal) {
    this.main = main;
    this.go = go;
    this.signal = signal;
    this.sound = document.getElementById("sound");
    this.rows = [...main.querySelectorAll(".disputes tbody tr")];
    this.choose(this.rows.find((row) => row.dataset.rating === "") ?? this.rows[0] ?? null);
    if (this.isUnderWay) this.follow();
    if (this.main.querySelector("[data-due]") !== null) lookForNews(() => this.lookForSounds(), signal);
  }

  get comparing() {
    return this.main.querySelector("[data-part=comparing]");
  }

  /** Whether both were being compared when the page was looked at last. */
  get isUnderWay() {
    return this.comparing?.dataset.underWay !== undefined;
  }

  /** Look how far a comparison is, until it is over: whoever asked for it. */
  follow() {
    if (this.isFollowing) return;
    this.isFollowing = true;
    lookForNews(() => this.lookAfterComparison(), this.signal);
  }

  async lookAfterComparison() {
    const wasUnderWay = this.isUnderWay;
    const got = await telling(() => getPage(location.href, this.signal, { byItself: true }));
    if (got?.left) {
      say(t("You were signed out. What you see here is old: sign in again."), { bad: true });
      return true;
    }
    const fresh = got?.tree.querySelector("[data-part=comparing]");
    if (fresh === null || fresh === undefined) return false;
    renewPart(this.comparing, fresh);
    this.comparing.toggleAttribute("data-under-way", fresh.dataset.underWay !== undefined);
    if (this.isUnderWay || !wasUnderWay) return false;
    await this.showAnew();
    return true;
  }

  /** Put in the sound that has come since; true when none is still being recorded. */
  async lookForSounds() {
    const got = await getPage(location.href, this.signal, { byItself: true }).catch(() => null);
    if (got === null || got.left || this.signal.aborted) return false;
    for (const row of this.rows) {
      const fresh = got.tree.querySelector(`.disputes tr[data-label="${CSS.escape(row.dataset.label)}"]`);
      if (fresh === null || row.querySelector("[data-due]") === null) continue;
      renewPart(row.querySelector("[data-part=sound]"), fresh.querySelector("[data-part=sound]"));
      if (fresh.dataset.clip !== undefined) row.dataset.clip = fresh.dataset.clip;
    }
    return this.main.querySelector("[data-due]") === null;
  }

  /** Show the page as it is now; what somebody is writing stays. */
  async showAnew() {
    const written = this.why?.value ?? "";
    await this.go(location.href, { remember: false });
    const why = document.querySelector('#main [name="why"]');
    if (why !== null) why.value = written;
  }

  get why() {
    return this.main.querySelector('[name="why"]');
  }

  async compare(button) {
    button.disabled = true;
    const path = `/api/v1/sources/${encodeURIComponent(button.dataset.source)}/commands`;
    this.follow();
    const reply = await telling(() => orderAndWait(path, { action: "compare" }, { forMs: COMPARED_MS }));
    button.disabled = false;
    if (reply === undefined || this.signal.aborted) return;
    await this.showAnew();
    say(t("Compared: the page shows what was found."));
  }

  choose(row) {
    this.row?.removeAttribute("aria-current");
    this.row = row;
    row?.setAttribute("aria-current", "true");
  }

  click(event) {
    const button = event.target.closest("button");
    const row = event.target.closest(".disputes tbody tr");
    if (row !== null) this.choose(row);
    if (button === null) return;
    if (button.dataset.play !== undefined) this.play(row);
    else if (button.dataset.rate !== undefined) this.label(row, button.dataset.rate);
    else if (button.dataset.compare !== undefined) this.compare(button);
    else if (button.dataset.swap === "rollback") this.askBack(button);
    else if (button.dataset.swap !== undefined) this.swap(button);
  }

  move(by) {
    const next = this.rows[this.rows.indexOf(this.row) + by];
    if (next === undefined) say(t("There is none."));
    else {
      this.choose(next);
      next.scrollIntoView({ block: "nearest" });
    }
  }

  play(row) {
    const clip = row?.dataset.clip;
    if (clip === undefined) {
      const isComing = row !== null && row.querySelector("[data-due]") !== null;
      say(isComing ? t("Its sound is still being recorded.") : t("No sound of it was kept."));
      return;
    }
    const address = `/api/v1/clips/${encodeURIComponent(clip)}/audio`;
    if (this.sound.src.endsWith(address) && !this.sound.paused) this.sound.pause();
    else {
      this.sound.src = address;
      telling(() => this.sound.play().catch(() => { throw new Refused(t("No sound of it was kept."), 0); }));
    }
  }

  async label(row, rating) {
    if (row === null || this.busy) return;
    this.busy = true;
    const path = `/api/v1/events/${encodeURIComponent(row.dataset.label)}/labels`;
    const done = await telling(() => order(path, { rating }));
    this.busy = false;
    if (done === undefined) return;
    row.dataset.rating = rating;
    for (const button of row.querySelectorAll("[data-rate]")) {
      button.setAttribute("aria-pressed", String(button.dataset.rate === rating));
    }
    const time = row.querySelector("time").textContent;
    say(t("{title}: {rating}.", { title: time, rating: ratingText(rating) }));
    const next = this.rows.slice(this.rows.indexOf(row) + 1).find((one) => one.dataset.rating === "");
    if (next !== undefined) {
      this.choose(next);
      if (next.dataset.clip !== undefined) this.play(next);
    }
  }

  /** Go back only when somebody is sure: what judges now has no role then. */
  askBack(button) {
    const question = t("Go back to {version}? What judges now is a candidate again only when it is installed again. Write above why.", { version: button.dataset.version });
    say(question, { seconds: 30, action: { text: t("Yes"), run: () => this.swap(button) } });
  }

  async swap(button) {
    const place = button.closest("[data-source]");
    const action = button.dataset.swap;
    const { why } = this;
    if (action === "promote" && !why.reportValidity()) return;
    const said = why?.value.trim() || null;
    const isDespite = action === "promote" && why.dataset.despite !== undefined;
    const command = { action, note: isDespite ? null : said, despite: isDespite ? said : null };
    const path = `/api/v1/sources/${encodeURIComponent(place.dataset.source)}/commands`;
    button.disabled = true;
    say(action === "promote" ? t("One moment: both are compared first.") : t("One moment: it is opened first."), { seconds: PATIENCE_MS / 1000 });
    const reply = await telling(() => orderAndWait(path, command));
    button.disabled = false;
    if (reply === undefined) {
      await this.showAnew(); // perhaps somebody else was first: what is so now is shown beside the reason
      return;
    }
    await this.go(location.href, { remember: false });
    const version = document.querySelector("#main .keyfacts dd")?.textContent ?? "";
    const isManaged = place.dataset.managed !== undefined;
    say(isManaged
      ? t("{version} judges from the next window on.", { version })
      : t("{version} is the live version; it judges as soon as the configuration says bundle: managed.", { version }), { seconds: 60 });
  }
}
