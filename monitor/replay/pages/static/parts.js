// Putting news into a page without touching what stayed the same: a focus or a press in the rest is not lost.

/** Make `part`, one element marked with data-part, look like `news`, the same of a fresh page. */
export function renewPart(part, news) {
  part.hidden = news.hidden;
  if (part.innerHTML === news.innerHTML) return;
  const at = [...part.querySelectorAll("a, button")].indexOf(document.activeElement);
  part.replaceChildren(...news.childNodes);
  if (at >= 0) part.querySelectorAll("a, button")[at]?.focus();
}
