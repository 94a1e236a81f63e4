"""What is gone from the normal sound: a part of its spectrum, or some of all of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monitor.describe.bands import Float64, runs
from monitor.describe.candidates import (
    RISE_DB,
    Candidate,
    finding_of,
    mean_profile,
    times_of_groups,
    weight_of,
)
from monitor.describe.portrait import Portrait
from monitor.explanation import SoundKind

FALL_DB = 5.0
"""A band has fallen by so much."""
WHOLE = 0.8
"""A drop of everything concerns such a share of all bands, by at least RISE_DB."""
HOLE = 2
"""Gaps of so many bands belong to a part that is missing."""
FEWEST_FRAMES = 12
"""A fall is heard in so many frames at least, 0.4 s."""


def fallen_candidates(portrait: Portrait) -> list[Candidate]:
    """Return what an event's portrait lacks of normal sound: at most one candidate."""
    sums, bands = portrait.sums, portrait.bands
    profile = mean_profile(portrait)
    low = profile <= -FALL_DB
    if sums.lowered.max() < FEWEST_FRAMES or not low.any():
        return []
    kind, band = SoundKind.MISSING, _deepest_run(profile, low)
    if (profile <= -RISE_DB).mean() >= WHOLE:
        kind, band = SoundKind.LEVEL_DROP, (0, bands.count - 1)
    part = -profile[band[0] : band[1] + 1]
    frames = float(sums.lowered[bands.group_of[band[0]] : bands.group_of[band[1]] + 1].max())
    weight = weight_of(portrait, part, band[0], frames)
    heard_s = times_of_groups(portrait, portrait.fallen, band)
    return [Candidate(finding_of(portrait, kind, band, profile, heard_s), weight)]


def _deepest_run(profile: Float64, low: NDArray[np.bool_]) -> tuple[int, int]:
    """Return the run of fallen bands that fell most in all, with its holes of up to two bands."""
    return min(runs(low, gap=HOLE), key=lambda run: float(profile[run[0] : run[1] + 1].sum()))
