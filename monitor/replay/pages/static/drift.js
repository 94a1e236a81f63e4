// The page of a source's normal sound: accepts or declines the limit that is shown, and no other, or takes the last
// one back.

import { orderAndWait } from "./labels.js";
import { say, t, telling } from "./talk.js";

export function startDrift(main, { go }) {
  const ended = new AbortController();
  const { signal } = ended;
  for (const button of main.querySelectorAll("[data-accept]")) {
    button.addEventListener("click", () => accept(button, go), { signal });
  }
  for (const button of main.querySelectorAll("[data-decline]")) {
    button.addEventListener("click", () => decline(button, go), { signal });
  }
  return () => ended.abort();
}

async function accept(button, go) {
  const { accept: proposal, source } = button.dataset;
  const why = button.parentElement.querySelector("input");
  const said = why.value.trim() || null;
  const isDespite = why.dataset.despite !== undefined;
  if (isDespite && !why.reportValidity()) return;
  const command = { action: "recalibrate", proposal, note: isDespite ? null : said, despite: isDespite ? said : null };
  say(t("One moment: it is opened first."), { seconds: 120 });
  const text = t("{source}: the new limit judges from the next window on.", { source });
  await ordered(button, go, command, text);
}

async function decline(button, go) {
  const { decline: proposal, source } = button.dataset;
  const why = button.parentElement.querySelector("input");
  if (why.value.trim() === "") why.value = ""; // blanks are no reason; whatever a script writes is never too short
  if (!why.reportValidity()) return;
  const command = { action: "decline", proposal, note: why.value.trim() };
  await ordered(button, go, command, t("{source}: declined, and the limit stays as it is.", { source }));
}

/** Send a command and show what is so then; `text` when it was done. */
async function ordered(button, go, command, text) {
  button.disabled = true;
  const path = `/api/v1/sources/${encodeURIComponent(button.dataset.source)}/commands`;
  const reply = await telling(() => orderAndWait(path, command));
  button.disabled = false;
  // refused, perhaps because somebody else was first: what is so now is shown beside the reason
  await go(location.href, { remember: false });
  if (reply !== undefined) say(text);
}
