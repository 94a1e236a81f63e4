// Keeping an event's sound and pictures for good, and no longer.

import { order } from "./labels.js";
import { renewPart } from "./news.js";
import { getPage, say, t, telling } from "./talk.js";

export function bindLock(main, signal) {
  main.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-lock]");
    if (button !== null && !button.disabled) telling(() => lock(main, button, signal));
  }, { signal });
}

async function lock(main, button, signal) {
  const wanted = button.dataset.lock;
  const eventId = main.querySelector("[data-event]").dataset.event;
  button.disabled = true; // a second tap would be refused: it is done already
  try {
    await order(`/api/v1/events/${encodeURIComponent(eventId)}/${wanted}`, {});
    say(wanted === "lock" ? t("Locked: nothing of this event is removed.") : t("Unlocked."));
  } finally {
    button.disabled = false;
    // refused too: somebody else may have been quicker
    const got = await getPage(location.href, signal, { byItself: true }).catch(() => null);
    const news = got === null || got.left ? null : got.tree.querySelector("[data-part=lock]");
    const part = main.querySelector("[data-part=lock]");
    if (news !== null && part !== null) renewPart(part, news);
  }
}
