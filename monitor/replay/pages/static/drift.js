// The page of a source's normal sound: accepts the limit that is shown, and no other.

import { orderAndWait } from "./labels.js";
import { say, t, telling } from "./talk.js";

export function startDrift(main, { go }) {
  const button = main.querySelector("[data-accept]");
  const ended = new AbortController();
  button?.addEventListener("click", () => accept(main, button, go), { signal: ended.signal });
  return () => ended.abort();
}

async function accept(main, button, go) {
  const { accept: proposal, source } = button.dataset;
  const why = main.querySelector('[name="note"]');
  const said = why.value.trim() || null;
  const isDespite = why.dataset.despite !== undefined;
  if (isDespite && !why.reportValidity()) return;
  button.disabled = true;
  const command = { action: "recalibrate", proposal, note: isDespite ? null : said, despite: isDespite ? said : null };
  say(t("One moment: it is opened first."), { seconds: 120 });
  const reply = await telling(() => orderAndWait(`/api/v1/sources/${encodeURIComponent(source)}/commands`, command));
  button.disabled = false;
  if (reply === undefined) return;
  say(t("{source}: the new limit judges from the next window on.", { source }));
  go(location.href, { remember: false });
}
