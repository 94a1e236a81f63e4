// The page of a source's normal sound: accepts the limit that is shown, and no other, or takes the last one back.

import { orderAndWait } from "./labels.js";
import { say, t, telling } from "./talk.js";

export function startDrift(main, { go }) {
  const ended = new AbortController();
  for (const button of main.querySelectorAll("[data-accept]")) {
    button.addEventListener("click", () => accept(button, go), { signal: ended.signal });
  }
  return () => ended.abort();
}

async function accept(button, go) {
  const { accept: proposal, source } = button.dataset;
  const why = button.parentElement.querySelector("input");
  const said = why.value.trim() || null;
  const isDespite = why.dataset.despite !== undefined;
  if (isDespite && !why.reportValidity()) return;
  button.disabled = true;
  const command = { action: "recalibrate", proposal, note: isDespite ? null : said, despite: isDespite ? said : null };
  say(t("One moment: it is opened first."), { seconds: 120 });
  const reply = await telling(() => orderAndWait(`/api/v1/sources/${encodeURIComponent(source)}/commands`, command));
  button.disabled = false;
  // refused, perhaps because somebody else was first: what is so now is shown beside the reason
  await go(location.href, { remember: false });
  if (reply !== undefined) say(t("{source}: the new limit judges from the next window on.", { source }));
}
