// Talking: to the server as JSON, and to the person in one line at the bottom.

const texts = JSON.parse(document.getElementById("texts").textContent);

/** The text in the page's language, with {names} put in. The keys are collected from the calls by the server. */
export function t(text, facts = {}) {
  return (texts[text] ?? text).replace(/\{(\w+)\}/g, (whole, name) => facts[name] ?? whole);
}

const language = document.documentElement.lang;
const formats = new Map();

export function number(value, digits) {
  if (!formats.has(digits)) {
    const both = { minimumFractionDigits: digits, maximumFractionDigits: digits };
    formats.set(digits, new Intl.NumberFormat(language, { ...both, useGrouping: false }));
  }
  return formats.get(digits).format(Math.abs(value) < 0.5 * 10 ** -digits ? 0 : value);
}

export function hertz(hz) {
  return hz < 1000 ? `${number(hz, 0)} Hz` : `${number(hz / 1000, hz < 9950 ? 1 : 0)} kHz`;
}

/** Say something; it stays until the next thing is said, or for `seconds`. `action` is {text, run}. */
export function say(text, { bad = false, action = null, seconds = 12 } = {}) {
  const place = document.getElementById("said");
  place.replaceChildren(text);
  place.classList.toggle("bad", bad);
  if (action !== null) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "small";
    button.textContent = action.text;
    button.addEventListener("click", action.run);
    place.append(button);
  }
  clearTimeout(say.timer);
  say.timer = setTimeout(() => place.replaceChildren(), 1000 * seconds);
}

/** A refusal or a broken line, as a sentence for the person. */
export class Refused extends Error {
  constructor(sentence, status, againMs = null) {
    super(sentence);
    this.status = status;
    this.againMs = againMs; // when the same may be asked for again; null: it was not done
  }
}

async function asked(path, options) {
  let response;
  try {
    response = await fetch(path, { credentials: "same-origin", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(t("The page cannot be reached; nothing was changed. Try again."), 0);
  }
  if (response.status === 401) throw new Refused(t("You were signed out. Sign in and do it again."), 401);
  return response;
}

export async function get(path, signal) {
  const response = await asked(path, { headers: { Accept: "application/json" }, signal });
  return answer(response);
}

// the one place where text becomes markup: pages that our own server made, whose scripts do not run here
const ours = globalThis.trustedTypes?.createPolicy("our-pages", { createHTML: (text) => text });

/** A page or a piece of one of our server, as a document.
 *  `byItself`: nobody asked for it, it only looks for news; that does not keep a session alive. */
export async function getPage(path, signal, { byItself = false } = {}) {
  const headers = byItself ? { Accept: "text/html", "X-By-Itself": "1" } : { Accept: "text/html" };
  const response = await asked(path, { headers, signal });
  if (!response.ok) throw new Refused(t("The page answered {status}.", { status: response.status }), response.status);
  const text = await response.text();
  const tree = new DOMParser().parseFromString(ours === undefined ? text : ours.createHTML(text), "text/html");
  return { tree, url: response.url, left: response.redirected && new URL(response.url).pathname === "/login" };
}

export async function post(path, document_) {
  const token = document.querySelector('meta[name="csrf-token"]').content;
  const headers = { "Content-Type": "application/json", Accept: "application/json", "X-CSRF-Token": token };
  return answer(await asked(path, { method: "POST", headers, body: JSON.stringify(document_) }));
}

/** Send a file as it is. */
export async function postFile(path, file) {
  const token = document.querySelector('meta[name="csrf-token"]').content;
  const headers = { "Content-Type": "application/x-tar", Accept: "application/json", "X-CSRF-Token": token };
  return answer(await asked(path, { method: "POST", headers, body: file }));
}

async function answer(response) {
  let tree = null;
  try {
    tree = await response.json();
  } catch {
    tree = null;
  }
  if (!response.ok) {
    const reason = tree?.told ?? tree?.error ?? tree?.reason ?? t("The page answered {status}.", { status: response.status });
    const again = response.headers.get("Retry-After");
    throw new Refused(reason, response.status, again === null ? null : 1000 * Number(again));
  }
  return tree;
}

/** Run something that may be refused, and tell the person if it is. */
export async function telling(work) {
  try {
    return await work();
  } catch (error) {
    if (error.name === "AbortError") return undefined;
    if (!(error instanceof Refused)) throw error;
    const here = encodeURIComponent(location.pathname + location.search);
    const action = { text: t("Sign in"), run: () => location.assign(`/login?next=${here}`) };
    say(error.message, { bad: true, seconds: 60, action: error.status === 401 ? action : null });
    return undefined;
  }
}
