// The keyboard: one table of keys, from which both the actions and the help are made.

import { t } from "./talk.js";

const STORED = "wheeltapper-single-keys";
const SLIDER_KEYS = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "PageUp", "PageDown"];
let table = [];

/** Replace the keys of the page: a list of {keys, text, run}. `keys` are values of KeyboardEvent.key. */
export function bindKeys(rows) {
  table = [{ keys: ["?"], text: t("Show the keys"), run: showKeys }, ...rows];
}

export function singleKeysAreOn() {
  return localStorage.getItem(STORED) !== "off";
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  const target = event.target;
  if (event.key === "Escape" && target.matches("input, textarea, select")) {
    target.blur();
    return;
  }
  if (target.isContentEditable || target.matches("input:not([type=checkbox], [type=range]), textarea, select")) return;
  if (target.matches("[type=range]") && SLIDER_KEYS.includes(event.key)) return;
  if (document.querySelector("dialog[open]") || !singleKeysAreOn()) return;
  if (event.key === " " && target.matches("button, a, summary, [type=checkbox]")) return;
  const row = table.find((one) => one.keys.includes(event.key) || one.keys.includes(event.key.toLowerCase()));
  if (row === undefined || (event.repeat && !row.repeats)) return;
  event.preventDefault();
  row.run(event);
});

// a slider or a choice that was set with the mouse gives the keys back; whoever came to it by keys stays there
let pointed = null;
const early = { capture: true };
document.addEventListener("pointerdown", ({ target }) => (pointed = target), early);
document.addEventListener("focusout", () => (pointed = null), early);
document.addEventListener("change", ({ target }) => {
  if (target === pointed && target.matches("[type=range], select")) target.blur();
}, early);

export function showKeys() {
  const dialog = document.getElementById("keys");
  const list = dialog.querySelector("dl");
  list.replaceChildren();
  for (const row of table) {
    const term = document.createElement("dt");
    for (const key of row.keys.filter((one) => one.length > 1 || one === one.toLowerCase())) {
      const cap = document.createElement("kbd");
      cap.textContent = NAMES[key] ?? key.toUpperCase();
      term.append(cap, " ");
    }
    const meaning = document.createElement("dd");
    meaning.textContent = row.text;
    list.append(term, meaning);
  }
  const choice = dialog.querySelector("input[type=checkbox]");
  choice.checked = singleKeysAreOn();
  choice.onchange = () => localStorage.setItem(STORED, choice.checked ? "on" : "off");
  dialog.showModal();
}

const NAMES = { " ": t("Space"), ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓" };

document.addEventListener("click", ({ target }) => {
  if (target.closest("[data-show-keys]") !== null) showKeys();
});
