"""From an event's portrait to what a person would say of it."""

from __future__ import annotations

import numpy as np

from monitor.describe.portrait import Portrait
from monitor.explanation import Finding, SoundKind


def findings_of(portrait: Portrait) -> tuple[Finding, ...]:
    """Return the findings of an event, most telling first; at least one, at most three."""
    sums, bands = portrait.sums, portrait.bands
    profile = 10.0 * np.log10(np.maximum(sums.power, 1e-3) / np.maximum(sums.marked[bands.group_of], 1.0))
    top = int(np.argmax(profile))
    strong = profile >= max(profile[top] - 10.0, 3.0)
    first = last = top
    while first > 0 and strong[first - 1]:
        first -= 1
    while last < bands.count - 1 and strong[last + 1]:
        last += 1
    low_hz, high_hz = bands.hz_of(first, last)
    kind = SoundKind.TONE if last - first < 6 else SoundKind.HISS
    change = float(10.0 * np.log10(np.mean(10.0 ** (profile[first : last + 1] / 10.0))))
    return (Finding(kind, low_hz, high_hz, portrait.start_utc_s, portrait.end_utc_s, change),)
