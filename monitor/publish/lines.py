"""One line of text for each document, two for an alarm that can be explained, for a person at a terminal.

Documents come from a broker that anyone may write to: whatever is missing or strange is shown as `?`, and
nothing in them reaches the terminal as a control character.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise

BLOCKS = "▁▂▃▄▅▆▇█"
BAR_CELLS = 20
BAR_LIMITS = 2.0
"""The bar ends at so many alarm limits; its middle is the limit."""
PROFILE_CELLS = 32
INDENT = 27
"""Where what is said about a source begins."""
SENTENCE_LETTERS = 500
SOURCES_REMEMBERED = 10_000
"""Whoever writes to the broker may invent any number of them."""
PEAK_DECAY = 0.995
"""Per window: how fast the scale of the profile forgets its highest error."""

COLOURS = {
    "unacknowledged": "1;31",
    "acknowledged": "33",
    "returned": "35",
    "normal": "32",
    "shelved": "36",
    "out_of_service": "36",
    "suppressed": "36",
    "online": "32",
    "offline": "1;31",
    "stopped": "33",
    "healthy": "32",
    "alarmed": "1;31",
    "recovering": "33",
    "failed": "1;31",
    "ended": "33",
    "refused": "33",
    "done": "32",
}
"""State or result -> SGR parameters of its line."""

Document = Mapping[str, object]


class LineWriter:
    """Turns documents into lines.

    Remembers each source's highest error, so that profiles compare, and what its event sounded like last.
    """

    def __init__(self, *, colours: bool) -> None:
        self._colours = colours
        self._peaks: dict[str, float] = {}
        self._heard: dict[str, tuple[str, str]] = {}

    def lines(self, kind: str, name: str, document: Document, *, retained: bool = False) -> list[str]:
        """Return the line of a document, if it needs one, and below that of an alarm what it sounded like.

        While an event lasts, the sentence is shown again when other kinds of sound make it up.
        """
        line = self.line(kind, name, document, retained=retained)
        words = _words(document) if kind in {"alarm", "event"} else None
        if words is None:
            return [] if line is None else [line]
        event, kinds = _text(document, "event_id"), _kinds(document)
        told = self._heard.get(name)
        news = told is not None and told[0] == event and told[1] != kinds
        if len(self._heard) < SOURCES_REMEMBERED:
            self._heard[name] = event, kinds
        if line is None:
            return [f"{_clock(document)}  {plain(name):<16} heard so far: {words}"] if news else []
        return [line, f"{'':{INDENT}}{words}"]

    def line(self, kind: str, name: str, document: Document, *, retained: bool = False) -> str | None:
        """Return the line of a document of `kind` about `name`, or None when it needs none.

        The retained alarm state is shown only as what a newcomer is told; afterwards events show the same.
        """
        body: str | None
        if kind == "score":
            body = self._score(name, document)
        elif kind == "alarm":
            body = self._painted(document, "state", _alarm(document)) if retained else None
        elif kind == "map":
            body = None
        else:
            body = self._other(kind, document)
        return None if body is None else f"{_clock(document)}  {plain(name):<16} {body}"

    def _other(self, kind: str, document: Document) -> str:
        if kind == "event":
            return self._painted(document, "new_state", _event(document))
        if kind == "status":
            return self._painted(document, "state", f"box {_text(document, 'state')}")
        if kind == "health":
            return self._painted(document, "state", _health(document))
        if kind == "reply":
            return self._painted(document, "result", _reply(document))
        if kind == "command":
            return f"command {_text(document, 'action')} by {_text(document, 'actor')}"
        return f"{plain(kind)}: a document of another kind"

    def _painted(self, document: Document, key: str, words: str) -> str:
        colour = COLOURS.get(str(document.get(key)))
        return f"\x1b[{colour}m{words}\x1b[0m" if self._colours and colour is not None else words

    def _score(self, name: str, document: Document) -> str:
        value = _number(document, "value")
        late = " late" if document.get("historical") is True else ""
        if value is None:
            return f"  --  {bar(None)} not judged: {_text(document, 'quality')}{late}"
        per_day = _number(document, "expected_per_day")
        rate = "?" if per_day is None else _rate(per_day)
        words = f"{value:5.2f}  {bar(value)} {rate:>10}  {_text(document, 'quality'):<8}"
        painted = f"\x1b[1;31m{words}\x1b[0m" if self._colours and value >= 1.0 else words
        return f"{painted} {self._profile(name, document.get('profile'))}{late}".rstrip()

    def _profile(self, name: str, profile: object) -> str:
        if not isinstance(profile, list) or not profile:
            return ""
        errors = [_finite(error) or 0.0 for error in profile[:4096]]
        top = max(*errors, self._peaks.get(name, 0.0) * PEAK_DECAY)
        if len(self._peaks) < SOURCES_REMEMBERED:
            self._peaks[name] = top
        return blocks(errors, top)


def bar(value: float | None) -> str:
    """Return a bar of BAR_CELLS cells from 0 to BAR_LIMITS, with a mark at the limit."""
    filled = 0 if value is None else round(min(max(value, 0.0), BAR_LIMITS) / BAR_LIMITS * BAR_CELLS)
    cells = "█" * filled + "·" * (BAR_CELLS - filled)
    middle = BAR_CELLS // 2
    return f"{cells[:middle]}│{cells[middle:]}"


def blocks(errors: Sequence[float], top: float) -> str:
    """Return `errors` as at most PROFILE_CELLS blocks, 8 levels from 0 to `top`, each its highest error."""
    count = min(len(errors), PROFILE_CELLS)
    edges = [index * len(errors) // count for index in range(count + 1)]
    highest = [max(errors[low:high]) for low, high in pairwise(edges)]
    levels = [0 if top <= 0 else math.ceil(error / top * len(BLOCKS)) - 1 for error in highest]
    return "".join(BLOCKS[min(max(level, 0), len(BLOCKS) - 1)] for level in levels)


def plain(words: str, letters: int = 200) -> str:
    """Return at most so many letters of `words`, without anything that a terminal would obey."""
    return "".join(letter if letter.isprintable() else "?" for letter in words[:letters])


def _clock(document: Document) -> str:
    try:
        moment = datetime.fromisoformat(str(document.get("time")).replace("Z", "+00:00"))
        return f"{moment.astimezone():%H:%M:%S}"
    except (ValueError, OverflowError, OSError):
        return "  --:-- "


def _rate(per_day: float) -> str:
    """Return expected false alarms, as exact as they are known."""
    if per_day < 0.01:
        return "<0.01/day"
    return f"{per_day:.0f}/day" if per_day >= 10 else f"{per_day:.2g}/day"


def _text(document: Document, key: str) -> str:
    value = document.get(key)
    return plain(value) if isinstance(value, str) else "?"


def _number(document: Document, key: str) -> float | None:
    return _finite(document.get(key))


def _finite(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if abs(value) < 1e12 else None


def _alarm(document: Document) -> str:
    return f"alarm {_text(document, 'state')}{_particulars(document)}"


def _event(document: Document) -> str:
    old, new = _text(document, "old_state"), _text(document, "new_state")
    reason = _text(document, "reason").replace("_", " ")
    if old == new:  # warnings and doubts about the input leave the state as it is
        return f"{reason}; alarm still {new}{_particulars(document)}"
    return f"ALARM {old} -> {new} ({reason}){_particulars(document)}"


def _words(document: Document) -> str | None:
    """Return the sentence of an alarm; None without one, and for what leaves the alarm as it is."""
    explanation = document.get("explanation")
    unchanged = "old_state" in document and document["old_state"] == document.get("new_state")
    if unchanged or not isinstance(explanation, Mapping):
        return None
    text = explanation.get("text")
    return plain(text, SENTENCE_LETTERS) if isinstance(text, str) else None


def _kinds(document: Document) -> str:
    """Return the kinds of sound in an alarm, most telling first."""
    explanation = document.get("explanation")
    findings = explanation.get("findings") if isinstance(explanation, Mapping) else None
    found = findings[:3] if isinstance(findings, list) else []
    return " ".join(str(finding.get("kind"))[:20] for finding in found if isinstance(finding, Mapping))


def _particulars(document: Document) -> str:
    parts = []
    peak = _number(document, "peak")
    if peak is not None:
        parts.append(f"peak {peak:.2f}")
    told = [key for key in ("event_id", "actor", "note") if isinstance(document.get(key), str)]
    parts += [f"{key.removesuffix('_id')} {_text(document, key)}" for key in told]
    if isinstance(document.get("off_reason"), str):
        parts.append(f"machine off: {_text(document, 'off_reason')}")
    if document.get("uncertain") is True:
        parts.append("input cannot be judged")
    return "".join(f", {part}" for part in parts)


def _health(document: Document) -> str:
    reason = _text(document, "reason")
    lost = _number(document, "lost_samples")
    return (
        f"capture {_text(document, 'state')}"
        + (f": {reason}" if reason not in {"", "?"} else "")
        + f"; input {_text(document, 'quality')}, lost {'?' if lost is None else int(lost)} samples, "
        + f"{_text(document, 'device')}, {_text(document, 'backend')}"
    )


def _reply(document: Document) -> str:
    reason = _text(document, "reason")
    return f"reply to {_text(document, 'id')}: {_text(document, 'action')} {_text(document, 'result')}" + (
        f": {reason}" if reason != "?" else ""
    )
