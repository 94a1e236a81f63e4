// The list of events: filters that apply at once, keys to walk it, and labels for many events together.

import { bindKeys } from "./keys.js";
import { KEYS, order, ratingText } from "./labels.js";
import { say, t, telling } from "./talk.js";

export function startEvents(main, { go }) {
  const ended = new AbortController();
  const { signal } = ended;
  bindFilter(main, go, signal);
  const bulk = bindBulk(main, go, signal);
  const links = [...main.querySelectorAll(".event h2 a")];
  for (const link of links) link.addEventListener("click", (event) => openInPlace(event, link, go), { signal });
  const step = (by) => () => {
    const at = links.indexOf(document.activeElement?.closest(".event")?.querySelector("h2 a"));
    const to = at < 0 ? (by > 0 ? 0 : links.length - 1) : at + by;
    links[Math.max(0, Math.min(links.length - 1, to))]?.focus();
  };
  const page = (name) => () => main.querySelector(`.pages a[data-go=${name}]`)?.click();
  bindKeys([
    { keys: ["j", "ArrowDown"], text: t("Next event in the list"), run: step(1), repeats: true },
    { keys: ["k", "ArrowUp"], text: t("Event before"), run: step(-1), repeats: true },
    { keys: ["o"], text: t("Open and play"), run: () => openPicked(links, go) },
    { keys: ["."], text: t("Next page"), run: page("next") },
    { keys: [","], text: t("First page"), run: page("first") },
    ...bulk,
  ]);
  return () => ended.abort();
}

function openInPlace(event, link, go) {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  go(link.href, { playing: false });
}

function openPicked(links, go) {
  const link = document.activeElement?.closest(".event")?.querySelector("h2 a") ?? links[0];
  if (link !== undefined) go(link.href, { playing: true });
}

function bindFilter(main, go, signal) {
  const fold = main.querySelector(".filter");
  const form = fold.querySelector("form");
  // on a phone the list comes first
  fold.open = !matchMedia("(max-width: 40rem)").matches || new URL(location.href).search.length > 1;
  const apply = () => {
    const said = new FormData(form);
    const query = new URLSearchParams([...said].filter(([, value]) => value !== ""));
    go(`${form.getAttribute("action")}?${query}`, { playing: false, focus: document.activeElement?.name });
  };
  form.addEventListener("change", apply, { signal });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    apply();
  }, { signal });
}

function bindBulk(main, go, signal) {
  const bar = main.querySelector(".bulk");
  if (bar === null) return [];
  bar.hidden = false;
  const boxes = [...main.querySelectorAll(".pick input")];
  for (const box of boxes) box.closest(".pick").hidden = false;
  const all = bar.querySelector("input[type=checkbox]");
  const picked = () => boxes.filter((box) => box.checked).map((box) => box.value);
  const show = () => {
    const count = picked().length;
    bar.classList.toggle("on", count > 0);
    bar.querySelector("[data-with]").hidden = count === 0;
    bar.querySelector("[data-count]").textContent = t("{count} selected", { count });
    all.checked = count > 0 && count === boxes.length;
    all.indeterminate = count > 0 && count < boxes.length;
  };
  for (const box of boxes) box.addEventListener("change", show, { signal });
  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
    show();
  }, { signal });
  for (const button of bar.querySelectorAll("[data-rating]")) {
    button.addEventListener("click", () => labelAll(bar, picked(), button.dataset.rating, go), { signal });
  }
  show();
  const pick = () => {
    const box = document.activeElement?.closest(".event")?.querySelector(".pick input");
    box?.click();
  };
  const label = (rating) => () => (picked().length > 0 ? labelAll(bar, picked(), rating, go) : say(t("Select events first: X.")));
  return [
    { keys: ["x"], text: t("Select this event for a label"), run: pick },
    ...Object.entries(KEYS).map(([key, rating]) => ({
      keys: [key],
      text: t("Label what is selected: {rating}", { rating: ratingText(rating) }),
      run: label(rating),
    })),
  ];
}

async function labelAll(bar, ids, rating, go) {
  const fault = bar.querySelector("[name=fault_code]").value.trim() || null;
  const said = { event_ids: ids, rating, fault_code: fault, note: null };
  const done = await telling(() => order("/api/v1/labels", said));
  if (done === undefined) return;
  const refused = done.results.filter((one) => one.result !== "done");
  await go(location.href, { playing: false });
  const count = ids.length - refused.length;
  const news = t("{count} events: {rating}.", { count, rating: ratingText(rating) });
  if (refused.length === 0) say(news);
  else say(`${news} ${t("{count} were refused: {reason}", { count: refused.length, reason: refused[0].told ?? refused[0].reason })}`, { bad: true });
}
