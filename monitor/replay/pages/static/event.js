// The page of one event: its sound and pictures, its labels, its keys, and the way to the next one.

import { loadAxes } from "./clip.js";
import { ListeningDesk } from "./desk.js";
import { bindKeys } from "./keys.js";
import { bindLabels } from "./labels.js";
import { getPage, say, t, telling } from "./talk.js";

/** Start the page in `main`; returns what ends it. `go` opens another page of ours in place. */
export function startEvent(main, { go, playing }) {
  const facts = JSON.parse(main.querySelector("[data-facts]").textContent);
  const ended = new AbortController();
  const labels = bindLabels(main, { go, signal: ended.signal });
  const moves = [
    { keys: ["j"], text: t("Next event that nobody has reviewed"), run: () => follow(main, "next", go) },
    { keys: ["k"], text: t("Back to the page before"), run: () => history.back() },
    { keys: ["e"], text: t("Back to the list"), run: () => follow(main, "list", go) },
  ];
  bindKeys([...labels.keys, ...moves]);
  let desk = null;
  if (facts.clip !== null) {
    telling(async () => {
      const axes = await loadAxes(facts.clip.id, ended.signal);
      if (ended.signal.aborted) return;
      desk = new ListeningDesk(main, facts, axes, playing);
      bindKeys([...desk.keys, ...labels.keys, ...moves]);
    });
  }
  for (const place of main.querySelectorAll("[data-fragment]")) fill(place, ended.signal);
  return () => {
    ended.abort();
    desk?.end();
  };
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
