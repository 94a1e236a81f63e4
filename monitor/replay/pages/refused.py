"""Why something was not done, in the reader's language.

The daemon and this page raise refusals in English (monitor.worded); `said_in` looks the same English up in
the page's catalogues. What has no words of its own there, a damaged file or a library's complaint, is told by
what it is about, with the English behind it as a detail.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from monitor.replay.pages.learn_words import ADVICE
from monitor.replay.pages.words import DEFAULT, Tongue, marked
from monitor.worded import BETWEEN, DETAIL, Fact, Worded

WRITTEN = re.compile(r"-?[0-9]+\.[0-9]+")
"""A number that was written to so many digits."""
NAMES = frozenset({"device", "devices", "named", "owner", "sent_to", "source", "sources", "who"})
"""Facts that are none, whatever they look like: a source may be called `2.1`."""
ABOUT: Mapping[str, str] = {
    "body": marked("what was sent makes no sense: {detail}"),
    "bundle": marked("the bundle cannot be used: {detail}"),
    "bundle-damaged": marked("a file of the bundle is missing or damaged: {detail}"),
    "bundle-library": marked("the versions of the bundle cannot be read or changed: {detail}"),
    "bundle-mismatch": marked("the bundle was made for other software: {detail}"),
    "bundle-untrusted": marked("the bundle has no signature that is trusted here: {detail}"),
    "calibration": marked("the alarm limit cannot be used: {detail}"),
    "calibration-mismatch": marked("the alarm limit belongs to another bundle: {detail}"),
    "comparison": marked("they could not be compared: {detail}"),
    "config": marked("the configuration cannot be used: {detail}"),
    "control": marked("the daemon does not answer: {detail}"),
    "engine": marked("the model cannot be opened or computed: {detail}"),
    "extra-missing": marked("a package is missing on this box: {detail}"),
    "file-gone": marked("it is not there any more: {detail}"),
    "frontend": marked("the model cannot take this sound: {detail}"),
    "no-command": marked("the daemon does not understand the command: {detail}"),
    "query": marked("what was asked for makes no sense: {detail}"),
    "record": marked("it cannot be recorded: {detail}"),
    "signing-key": marked("a key cannot be used: {detail}"),
    "source": marked("the source cannot be heard: {detail}"),
    "speech-check": marked("it cannot be checked for speech: {detail}"),
    "store": marked("the store does not take or give it: {detail}"),
    "store-full": marked("the disk is full: {detail}"),
    "unknown-id": marked("there is nothing of this name: {detail}"),
}
"""Code of an error without words of its own -> what it is about; so are codes that begin with it."""


def said_in(tongue: Tongue, sentence: str) -> str:
    """Return a refusal in a language; in English where it has no words in that one."""
    if tongue.language == DEFAULT or not isinstance(sentence, Worded):
        return str(sentence)
    advice = ADVICE.get(sentence.code.removeprefix("advice-"))
    if advice is not None and sentence.code.startswith("advice-"):
        return tongue(advice).rstrip(".")
    text = about(sentence.code) if sentence.text == DETAIL else sentence.text
    if text is None:
        return str(sentence)
    try:
        facts = {name: _said_fact(tongue, name, fact) for name, fact in sentence.facts.items()}
        return tongue(text).format(**facts)
    except (LookupError, ValueError):  # it comes from a daemon of another version
        return str(sentence)


def about(code: str) -> str | None:
    """Return what an error of this code is about, with {detail} in it; None: nobody knows."""
    known = [one for one in ABOUT if code == one or code.startswith(f"{one}-")]
    return ABOUT[max(known, key=len)] if known else None


def _said_fact(tongue: Tongue, name: str, fact: Fact) -> str:
    if isinstance(fact, str) and (name in NAMES or WRITTEN.fullmatch(fact) is None):
        return said_in(tongue, fact)
    if isinstance(fact, Sequence) and not isinstance(fact, str):
        return BETWEEN.join(said_in(tongue, one) for one in fact)
    written = f"{fact:g}" if isinstance(fact, float) else str(fact)
    return written.replace(".", tongue.decimal_point)
