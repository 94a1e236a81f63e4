// The page of one event: its sound and pictures, its labels, its keys, and the way to the next one.

import { loadAxes } from "./clip.js";
import { ListeningDesk } from "./desk.js";
import { bindKeys } from "./keys.js";
import { bindLabels } from "./labels.js";
import { bindLock } from "./lock.js";
import { lookForNews, renewPart } from "./news.js";
import { getPage, say, t, telling } from "./talk.js";

/** Start the page in `main`; returns what ends it. `go` opens another page of ours in place. */
export function startEvent(main, { go, playing }) {
  const ended = new AbortController();
  const labels = bindLabels(main, { go, signal: ended.signal });
  bindLock(main, ended.signal);
  const moves = [
    { keys: ["j"], text: t("Next event that nobody has reviewed"), run: () => follow(main, "next", go) },
    { keys: ["k"], text: t("Back to the page before"), run: () => history.back() },
    { keys: ["e"], text: t("Back to the list"), run: () => follow(main, "list", go) },
  ];
  bindKeys([...labels.keys, ...moves]);
  let desk = null;
  const listen = (facts, plays) => telling(async () => {
    const axes = await loadAxes(facts.clip.id, ended.signal);
    if (ended.signal.aborted) return;
    desk = new ListeningDesk(main, facts, axes, plays);
    bindKeys([...desk.keys, ...labels.keys, ...moves]);
  });
  const facts = factsIn(main);
  if (facts.clip !== null) listen(facts, playing);
  if (main.querySelector("[data-awaited]") !== null) {
    lookForNews(() => renewEvent(main, ended.signal, (news) => listen(news, false)), ended.signal);
  }
  for (const place of main.querySelectorAll("[data-fragment]")) fill(place, ended.signal);
  return () => {
    ended.abort();
    desk?.end();
  };
}

function factsIn(main) {
  return JSON.parse(main.querySelector("[data-facts]").textContent);
}

/** Show what has been added to an event that goes on; true when nothing more is to come. */
async function renewEvent(main, signal, onSound) {
  const known = factsIn(main);
  const address = new URL(location.href);
  // another recording may have become the worst one: the one that is heard stays
  if (known.clip !== null) address.searchParams.set("clip", known.clip.id);
  const got = await getPage(address, signal, { byItself: true }).catch(() => null);
  if (got === null || got.left || signal.aborted) return false;
  const fresh = got.tree.getElementById("main");
  const isAwaited = fresh.querySelector("[data-awaited]") !== null;
  const facts = factsIn(fresh);
  const hasCome = known.clip === null && facts.clip !== null;
  if (hasCome) {
    for (const name of [".listening", "[data-facts]"]) main.querySelector(name).replaceWith(fresh.querySelector(name));
  }
  for (const part of main.querySelectorAll("[data-part]")) {
    const news = fresh.querySelector(`[data-part="${part.dataset.part}"]`);
    if (news !== null) renewPart(part, news);
  }
  if (hasCome) onSound(facts);
  return !isAwaited;
}

function follow(main, name, go) {
  const link = main.querySelector(`a[data-go="${name}"]`);
  if (link !== null) go(link.href, { playing: name !== "list" });
  else say(t("There is none."));
}

async function fill(place, signal) {
  await telling(async () => {
    const { tree, left } = await getPage(place.dataset.fragment, signal);
    if (!left) place.replaceChildren(...tree.body.childNodes);
  });
}
