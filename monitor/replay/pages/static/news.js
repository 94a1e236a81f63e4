// Looking for news, and putting it into a page without touching what stayed the same.

const EVERY_MS = 2000;
const SHARE = 0.1; // of the time may be spent on waiting for the server: what is slow is asked less often

/** Run `look` again and again while the page is seen, until it returns true or `signal` ends it. */
export function lookForNews(look, signal) {
  let timer = setTimeout(again, EVERY_MS);
  signal.addEventListener("abort", () => clearTimeout(timer));

  async function again() {
    const beganMs = performance.now();
    let isOver = false;
    try {
      isOver = !document.hidden && (await look()) === true;
    } finally {
      const waitMs = Math.max(EVERY_MS, (performance.now() - beganMs) / SHARE);
      if (!isOver && !signal.aborted) timer = setTimeout(again, waitMs);
    }
  }
}

// what was put in last: what is in the page may have been marked since
const known = new WeakMap();

/** Make `part`, one element marked with data-part, look like `news`, the same of a fresh page. */
export function renewPart(part, news) {
  part.hidden = news.hidden;
  const markup = news.innerHTML;
  if ((known.get(part) ?? part.innerHTML) === markup) return;
  known.set(part, markup);
  const at = [...part.querySelectorAll("a, button")].indexOf(document.activeElement);
  part.replaceChildren(...news.childNodes);
  if (at >= 0) part.querySelectorAll("a, button")[at]?.focus();
}
