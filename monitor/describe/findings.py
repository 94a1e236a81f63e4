"""From an event's portrait to what a person would say of it, most telling first."""

from __future__ import annotations

import numpy as np

from monitor.describe.candidates import Candidate
from monitor.describe.fallen import fallen_candidates
from monitor.describe.portrait import Portrait
from monitor.describe.risen import risen_candidates
from monitor.explanation import Finding, SoundKind

FINDINGS_MAX = 3
WEAKEST = 0.4
"""A finding that counts for less than this share of the first is not told."""
SAME_PERIOD = 0.1
"""What repeats at the same pace, to this share, is one rhythm wherever it is heard."""
MOST_TELLING = 1e9
"""Where most windows could not be judged, that is said first, whatever the others sounded like."""


def findings_of(portrait: Portrait) -> tuple[Finding, ...]:
    """Return the findings of an event, most telling first; at least one, at most three."""
    found = [*risen_candidates(portrait), *fallen_candidates(portrait)]
    highest = max((one.weight for one in found), default=1.0)
    found += _unheard(portrait, highest)
    found.sort(key=lambda one: -one.weight)
    told: list[Finding] = []
    for one in found:
        weak = one.weight < WEAKEST * highest
        if not weak and not any(_same(one.finding, finding) for finding in told):
            told.append(one.finding)
    return tuple(told[:FINDINGS_MAX]) or (_other(portrait),)


def _same(one: Finding, other: Finding) -> bool:
    """Say whether two findings are one: of a kind in one band, or with one period."""
    if one.period_s is not None and other.period_s is not None:
        return abs(one.period_s / other.period_s - 1.0) < SAME_PERIOD
    return one.kind is other.kind and one.low_hz < other.high_hz and other.low_hz < one.high_hz


def _unheard(portrait: Portrait, highest: float) -> list[Candidate]:
    unheard = portrait.unheard
    low_hz, high_hz = portrait.bands.hz_of(0, portrait.bands.count - 1)
    found = []
    for kind, stretch in ((SoundKind.DROPOUT, unheard.breaks), (SoundKind.CLIPPING, unheard.clipped)):
        if not stretch.windows:
            continue
        normal_dbfs = portrait.reference.level_dbfs
        change_db = 0.0 if np.isnan(normal_dbfs) else stretch.level_dbfs - normal_dbfs
        start = min(max(stretch.start_utc_s, portrait.start_utc_s), portrait.end_utc_s)
        end = min(max(stretch.end_utc_s, start), portrait.end_utc_s)
        first = stretch.windows * 2 >= portrait.windows
        weight = MOST_TELLING if first else WEAKEST * highest
        found.append(Candidate(Finding(kind, low_hz, high_hz, start, end, change_db), weight))
    return found


def _other(portrait: Portrait) -> Finding:
    """Return what is left to say when nothing stands out: where the model's error was greatest."""
    group = int(np.argmax(portrait.errors))
    starts = portrait.bands.group_starts
    low_hz, high_hz = portrait.bands.hz_of(int(starts[group]), int(starts[group + 1]) - 1)
    return Finding(SoundKind.OTHER, low_hz, high_hz, portrait.start_utc_s, portrait.end_utc_s, 0.0)
