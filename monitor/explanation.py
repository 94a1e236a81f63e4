"""What an event sounded like, as values: which kind of sound, when, in which band, by how many dB.

    LogMel + Inference -> Finding -> Explanation      (monitor.describe makes them)

Like monitor.messages these flow between the stages, and hold no words: a sentence is made of them where a
person reads it (monitor.describe.sentence), in that person's language.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class SoundKind(str, enum.Enum):
    """What a person would call what was heard. The value names it on every topic and in the store."""

    KNOCK = "knock"
    """One or a few short broadband sounds."""
    RHYTHM = "rhythm"
    """Sounds that repeat at even intervals: `period_s` says which."""
    TONE = "tone"
    """A whine, whistle or hum: narrow in frequency, and lasting."""
    HISS = "hiss"
    """A broadband rise that lasts: leaking air, cavitation, friction."""
    LEVEL_RISE = "level_rise"
    """The machine's whole spectrum is louder."""
    LEVEL_DROP = "level_drop"
    """The machine's whole spectrum is softer."""
    MISSING = "missing"
    """A part of the usual spectrum is gone."""
    DROPOUT = "dropout"
    """The sound itself breaks off and comes back."""
    CLIPPING = "clipping"
    """The input is driven beyond full scale."""
    OTHER = "other"
    """Unusual to the model, and none of these."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was wrong with a stretch of sound."""

    kind: SoundKind
    """What it would be called."""
    low_hz: float
    """Lower edge of the band in which it is strongest."""
    high_hz: float
    """Upper edge of that band."""
    start_utc_s: float
    """Where it was first heard."""
    end_utc_s: float
    """Where it was last heard."""
    change_db: float
    """Power in the band while it sounds, against normal sound there; negative: softer."""
    period_s: float | None = None
    """From one repetition to the next; None: nothing repeats evenly."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is known of an event so far; grows with it."""

    findings: tuple[Finding, ...]
    """Most telling first, at most three, no two of a kind that overlap in band; never empty."""
    start_utc_s: float
    """Start of the first window it was made from."""
    end_utc_s: float
    """End of the last one."""
    windows: int
    """So many flagged windows."""
