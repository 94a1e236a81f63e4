// Starts the page that the server sent, and opens further ones in place: so the sound element stays the same, and
// a tablet that was allowed to play goes on playing.

import { startCompare } from "./compare.js";
import { startDrift } from "./drift.js";
import { startEvent } from "./event.js";
import { startEvents } from "./events.js";
import { bindKeys } from "./keys.js";
import { startLearn, startLearning } from "./learn.js";
import { startNow } from "./now.js";
import { getPage, telling } from "./talk.js";

const STARTS = { compare: startCompare, drift: startDrift, now: startNow, events: startEvents, event: startEvent, learn: startLearn, learning: startLearning };
let end = () => {};
let asked = null;
let shown = "";

function start(playing) {
  const main = document.getElementById("main");
  const begin = STARTS[main.dataset.page];
  shown = location.pathname + location.search;
  bindKeys([]);
  end = begin?.(main, { go, playing }) ?? (() => {});
  document.documentElement.dataset.started = main.dataset.page;
}

/** Open another page of ours in place. */
async function go(address, { playing = false, focus = null, remember = true } = {}) {
  asked?.abort();
  asked = new AbortController();
  const got = await telling(() => getPage(address, asked.signal));
  if (got === undefined) return;
  const fresh = got.tree;
  const main = fresh.getElementById("main");
  // in another language, which was chosen elsewhere in this browser, the scripts have other texts
  const isOther = fresh.documentElement.lang !== document.documentElement.lang;
  if (STARTS[main?.dataset.page] === undefined || isOther) {
    location.assign(address);
    return;
  }
  end();
  if (remember) history.pushState({}, "", got.url);
  document.title = fresh.title;
  document.getElementById("main").replaceWith(main);
  // who is logged in may have changed, and with them what the server lets pass
  for (const part of [".top .pages", ".top .languages", ".top .who", 'meta[name="csrf-token"]']) {
    document.querySelector(part).replaceWith(fresh.querySelector(part));
  }
  scrollTo(0, 0);
  start(playing);
  const wanted = focus === null ? null : main.querySelector(`[name="${CSS.escape(focus)}"]`);
  (wanted ?? main.querySelector("h1"))?.focus();
}

addEventListener("popstate", () => {
  // a jump within the page is none of ours
  if (location.pathname + location.search !== shown) go(location.href, { remember: false });
});
addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-go]");
  if (link === null || link === undefined || event.defaultPrevented || event.button !== 0) return;
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  go(link.href);
});
start(false);
