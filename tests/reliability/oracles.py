"""What must hold whatever breaks. Each function returns sentences about what did not; none is best.

They look from the plant's side: at what SCADA was told and when, and at the store that is left behind.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scada import Belief, Told

FOLLOWS_S = 2.0
"""Between a score at the limit and its alarm, which are sent on different topics."""


@dataclass(frozen=True, slots=True)
class Blind:
    """A time in which a source was not heard, or nobody could be told what was heard."""

    source: str
    from_s: float
    """The fault was made then, and its stated time to be told is over. Monotonic."""
    to_s: float
    """Its end began."""
    why: str
    """The faults."""


def wrong_normals(beliefs: Iterable[Belief], blind: Sequence[Blind]) -> list[str]:
    """A source that is not heard is never shown as normal."""
    found = []
    for source in {one.source for one in blind}:
        steps = [belief for belief in beliefs if belief.source == source]
        ends_s = [later.at_s for later in steps[1:]] + [float("inf")]
        for belief, until_s in zip(steps, ends_s, strict=True):
            for one in blind:
                overlaps = belief.at_s < one.to_s and until_s > one.from_s
                if one.source == source and belief.word == "normal" and overlaps:
                    shown_s = min(until_s, one.to_s) - max(belief.at_s, one.from_s)
                    found.append(f"{source} was shown as normal for {shown_s:.1f} s during {one.why}")
    return found


def silent_alarms(told: Sequence[Told], beliefs: Sequence[Belief]) -> list[str]:
    """A live score at the limit is never left without an alarm."""
    found = []
    for score in told:
        source, _, kind = score.topic.partition("/")
        document = score.document
        if kind != "score" or document["historical"] or (document["value"] or 0.0) < 1.0:
            continue
        words = _words(beliefs, source, score.at_s, score.at_s + FOLLOWS_S)
        if words <= {"normal", "uncertain"}:
            found.append(f"{source} scored {document['value']} and was shown as {', '.join(sorted(words))}")
    return found


def unjudged_values(told: Iterable[Told]) -> list[str]:
    """A window whose input is bad has no value, and one with a value has good input."""
    return [
        f"{one.topic}: quality {one.document['quality']} with value {one.document['value']}"
        for one in told
        if one.topic.endswith("/score")
        and (one.document["value"] is not None) != (one.document["quality"] == "ok")
    ]


def two_stories(told: Iterable[Told]) -> list[str]:
    """A record that comes twice says the same twice."""
    first: dict[tuple[str, object], Mapping[str, Any]] = {}
    found = []
    for one in told:
        if one.topic.endswith("/event"):
            known = first.setdefault((one.topic, one.document["seq"]), one.document)
            if known != one.document:
                found.append(f"{one.topic}: seq {one.document['seq']} tells two stories")
    return found


@dataclass(frozen=True, slots=True)
class Kept:
    """What the store has at the end."""

    transitions: Mapping[int, Mapping[str, Any]]
    """By seq."""
    replies: frozenset[str]
    """Ids of the commands that were answered."""
    integrity: str
    """`ok`, or what SQLite says."""


def kept_in(state_dir: Path) -> Kept:
    """Read the store without the daemon's own code; one that cannot be read has nothing, and says why."""
    try:
        with closing(sqlite3.connect(f"file:{state_dir}/store.sqlite?mode=ro", uri=True)) as store:
            (integrity,) = store.execute("PRAGMA integrity_check").fetchone()
            rows = store.execute("SELECT seq, body FROM transitions").fetchall()
            replies = store.execute("SELECT command_id FROM replies").fetchall()
    except (sqlite3.Error, UnicodeDecodeError) as error:
        return Kept({}, frozenset(), f"it cannot be read ({error})")
    return Kept({seq: json.loads(body) for seq, body in rows}, frozenset(r[0] for r in replies), integrity)


def lost_records(told: Sequence[Told], kept: Kept, since_s: float) -> list[str]:
    """What was told, or answered, since a moment is in the store that is left."""
    if kept.integrity != "ok":
        return [f"the store is damaged at the end: {kept.integrity}"]
    found: list[str] = []
    for one in told:
        if one.at_s < since_s:
            continue
        if one.topic.endswith("/event"):
            row = kept.transitions.get(one.document["seq"])
            if row is None:
                found.append(f"{one.topic} seq {one.document['seq']} ({one.document['reason']}) is not kept")
            elif row["event_id"] != one.document["event_id"]:
                found.append(f"{one.topic} seq {one.document['seq']} is kept as another event")
        elif one.topic.endswith("/reply") and one.document.get("id") not in kept.replies:
            found.append(f"the command {one.document.get('id')} was answered and is not kept")
    return found


def untold_records(told: Sequence[Told], kept: Kept) -> list[str]:
    """What the store has, the broker was told: only where SCADA was there all the time."""
    heard = {one.document["seq"] for one in told if one.topic.endswith("/event")}
    return [f"seq {seq} is kept and was never told" for seq in sorted(set(kept.transitions) - heard)]


def open_ledgers(status: Mapping[str, Any]) -> list[str]:
    """Every sample is windowed, skipped or lost, of every source."""
    found = []
    for source in status["sources"]:
        ledger = source["ledger"]
        into, out = ("received", "lost"), ("windowed", "skipped", "pending")
        if sum(ledger[key] for key in into) != sum(ledger[key] for key in out):
            found.append(f"the ledger of {source['capture']['source_id']} does not balance: {ledger}")
    return found


def _words(beliefs: Sequence[Belief], source: str, from_s: float, to_s: float) -> set[str]:
    """Return what was shown of a source at some moment between the two."""
    words, before = set(), "unknown"
    for belief in beliefs:
        if belief.source != source or belief.at_s > to_s:
            continue
        if belief.at_s <= from_s:
            before = belief.word
        else:
            words.add(belief.word)
    return words | {before}
