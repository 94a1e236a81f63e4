"""Sounds that came on top of the normal one: knocks, rhythms, tones, hiss, and a rise of everything."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from monitor.describe.bands import Float64, runs
from monitor.describe.candidates import (
    RISE_DB,
    Candidate,
    added_db,
    finding_of,
    mean_profile,
    risen_profile,
    times_of_course,
    weight_of,
)
from monitor.describe.portrait import MOST, STEP_DB, Portrait
from monitor.describe.rhythm import FLUTTER, Course, course_of_levels, loud_level, period_frames
from monitor.explanation import SoundKind

SOUNDS_MAX = 3
"""Sounds looked at in one event beside its tones, ..."""
FAINTEST = 0.01
"""... where the course of a group holds at least this share of the strongest one's energy."""
TOGETHER = 0.5
"""A group belongs to its neighbour's sound when it sounds in such a share of the neighbour's frames."""
TONAL = 0.35
"""A tone has a narrow, lasting peak in such a share of the frames in which it sounds."""
NARROW_BANDS, NARROW_DB = 5, 8.0
"""What lasts in no more bands, and has risen at least so far, is a tone too, if an unsteady one."""
PEAK_SHARE = 0.02
"""Bands belong to a tone that hold its peak in such a share of the frames, gaps of two bands apart."""
HARMONIC, OVERTONES = 0.04, 5
"""Overtones are whole multiples, to this share and up to this one, and are not told."""
HUM_BINS = 4
"""Below so many bins of the spectrum a frame is shorter than three cycles: its level beats with the phase."""
WHOLE = 0.8
"""A rise of everything concerns such a share of all bands."""
EVEN_DB = 4.0
"""... and differs between them by no more (half the distance between the quartiles)."""
HUM_DB = 3.0
"""The band of such a hum is where it is at most so much weaker than where it is strongest."""
NEARLY_DB = 10.0
"""The band of a sound is where it is at most so much weaker than where it is strongest, ..."""
FAINT_DB = 15.0
"""... or so much if there it has risen at least half as far as the most risen; ..."""
HOLE = 6
"""... gaps of so many bands belong to it."""
KNOCK_HOLE = 20
"""... and so many to a knock, which rings at several places at once."""
FEWEST_FRAMES = 2
"""A sound is heard in so many frames at least."""


def risen_candidates(portrait: Portrait) -> list[Candidate]:
    """Return what an event's portrait holds of sounds above normal."""
    everything = _level_rise(portrait)
    if everything is not None:
        return [everything]
    profile = risen_profile(portrait)
    tones, of_tones = _tones(portrait, profile)
    # what normal sound does by itself within seconds or hours is no news
    rest = np.where(of_tones, 0.0, profile)
    return [*tones, *_sounds(portrait, rest, of_tones)]


def _level_rise(portrait: Portrait) -> Candidate | None:
    mean = mean_profile(portrait)
    if np.count_nonzero(mean >= RISE_DB) < WHOLE * len(mean):
        return None
    ordered = np.sort(mean)
    if (ordered[len(mean) * 3 // 4] - ordered[len(mean) // 4]) / 2 > EVEN_DB:
        return None
    course = course_of_levels(portrait.course.mean(axis=0) * STEP_DB, RISE_DB)
    if course is None or not course.lasts:
        return None
    whole = (0, portrait.bands.count - 1)
    heard_s = times_of_course(portrait, course, whole)
    finding = finding_of(portrait, SoundKind.LEVEL_RISE, whole, risen_profile(portrait), heard_s)
    return Candidate(finding, weight_of(portrait, mean, 0, course.sounding))


def _tones(portrait: Portrait, profile: Float64) -> tuple[list[Candidate], NDArray[np.bool_]]:
    """Return the tones, overtones left out, and the bands that they and the overtones take up."""
    bands, sums = portrait.bands, portrait.sums
    taken = np.zeros(bands.count, bool)
    found: list[Candidate] = []
    heard: list[tuple[float, float]] = []
    added = added_db(portrait, profile)
    unusual = min(sums.unusual, MOST)  # as far as peaks are counted
    for first, last in runs(sums.peaks >= max(PEAK_SHARE * unusual, 1.0), gap=2):
        groups = slice(int(bands.group_of[first]), int(bands.group_of[last]) + 1)
        frames = float(min(sums.marked[groups].sum(), unusual))
        held = np.cumsum(sums.peaks[first : last + 1].astype(np.float64))
        if frames < FEWEST_FRAMES or held[-1] < TONAL * frames:
            continue
        course = course_of_levels(portrait.course[groups].max(axis=0) * STEP_DB, RISE_DB)
        if course is None or not course.lasts:
            continue
        low, high = np.searchsorted(held, [0.05 * held[-1], 0.95 * held[-1]])
        band = max(first + int(low) - 1, 0), min(first + int(high) + 1, bands.count - 1)
        weight = weight_of(portrait, profile[band[0] : band[1] + 1], band[0], course.sounding)
        if bands.cells_hz[band[1] + 1] < HUM_BINS * bands.bin_hz:
            band = _hum_band(portrait, profile, band)
        taken[max(band[0] - 2, 0) : band[1] + 3] = True
        one = float(np.mean(bands.hz_of(*band))), float(added[band[0] : band[1] + 1].max())
        if any(_is_overtone(one, other) for other in heard):
            continue
        heard.append(one)
        heard_s = times_of_course(portrait, course, band)
        finding = finding_of(portrait, SoundKind.TONE, band, profile, heard_s)
        found.append(Candidate(finding, weight))
    return found, taken


def _is_overtone(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """Say whether a tone, (Hz, dB), is a multiple of a lower one that is at least as loud."""
    ratio = one[0] / other[0]
    multiple = round(ratio)
    return 2 <= multiple <= OVERTONES and abs(ratio / multiple - 1.0) < HARMONIC and one[1] <= other[1]


def _sounds(portrait: Portrait, profile: Float64, of_tones: NDArray[np.bool_]) -> list[Candidate]:
    """Return what sounds beside the tones, one candidate for neighbouring groups that sound together."""
    level_db = (portrait.course * STEP_DB).astype(np.float64)
    left = portrait.sums.marked >= FEWEST_FRAMES
    for group in range(portrait.bands.groups):
        own = slice(int(portrait.bands.group_starts[group]), int(portrait.bands.group_starts[group + 1]))
        if of_tones[own].any() and np.mean(profile[own]) < RISE_DB:
            left[group] = False
    strength = np.square(level_db).sum(axis=1)
    on = _on(level_db)
    enough = FAINTEST * strength.max()
    found: list[Candidate] = []
    for _ in range(SOUNDS_MAX):
        seed = int(np.argmax(np.where(left, strength, -1.0)))
        if not left[seed] or strength[seed] < enough:
            break
        first, last = _together(on, seed, left)
        left[first : last + 1] = False
        candidate = _sound(portrait, profile, (first, last))
        if candidate is not None:
            found.append(candidate)
    return found


def _on(level_db: Float64) -> NDArray[np.bool_]:
    """Return where levels of shape (groups, frames) are high: risen, and at least half their loud frames."""
    loud = loud_level(level_db)
    return np.asarray(level_db >= np.maximum(RISE_DB, 0.5 * loud)[:, None])


def _together(on: NDArray[np.bool_], seed: int, left: NDArray[np.bool_]) -> tuple[int, int]:
    """Return the first and last of the groups around `seed` that sound when it does."""
    needed = TOGETHER * max(int(on[seed].sum()), 1)
    first = last = seed
    while first > 0 and left[first - 1] and (on[first - 1] & on[seed]).sum() >= needed:
        first -= 1
    while last < len(on) - 1 and left[last + 1] and (on[last + 1] & on[seed]).sum() >= needed:
        last += 1
    return first, last


def _sound(portrait: Portrait, profile: Float64, groups: tuple[int, int]) -> Candidate | None:
    level_db = portrait.course[groups[0] : groups[1] + 1].mean(axis=0) * STEP_DB
    course = course_of_levels(level_db, RISE_DB)
    if course is None:
        return None
    kind, period = _kind_of_course(course)
    starts = portrait.bands.group_starts
    within = int(starts[groups[0]]), int(starts[groups[1] + 1])
    band = _band(portrait, profile, within, HOLE)
    if band is None:
        return None
    part = profile[band[0] : band[1] + 1]
    weight = weight_of(portrait, part, band[0], course.sounding)
    if portrait.bands.cells_hz[band[1] + 1] < HUM_BINS * portrait.bands.bin_hz:
        kind, period, band = SoundKind.TONE, None, _hum_band(portrait, profile, band)
    elif kind is not SoundKind.HISS:
        band = _band(portrait, profile, within, KNOCK_HOLE) or band
    if kind is SoundKind.HISS and len(part) <= NARROW_BANDS and part.max() >= NARROW_DB:
        kind = SoundKind.TONE
    finding = finding_of(portrait, kind, band, profile, times_of_course(portrait, course, band))
    finding = replace(finding, period_s=None if period is None else period * portrait.hop_s)
    return Candidate(finding, weight)


def _kind_of_course(course: Course) -> tuple[SoundKind, float | None]:
    """Return what a sound that is no tone is called by its course in time, and its period in frames."""
    if course.lasts:
        return SoundKind.HISS, None
    period = period_frames(course.level_db)
    if period is not None:
        return SoundKind.RHYTHM, period
    flutters = course.long and course.stays_above(FLUTTER)
    return (SoundKind.HISS if flutters else SoundKind.KNOCK), None


def _band(portrait: Portrait, profile: Float64, within: tuple[int, int], hole: int) -> tuple[int, int] | None:
    """Return the bands around the strongest that hold what is nearly as strong; None: nothing has risen."""
    start, end = within
    added, part = added_db(portrait, profile)[start:end], profile[start:end]
    top = int(np.argmax(added))
    if not np.isfinite(added[top]):
        return None
    strong = added >= added[top] - NEARLY_DB
    strong |= (added >= added[top] - FAINT_DB) & (part >= 0.5 * part[strong].max())
    for first, last in runs(strong, gap=hole):
        if first <= top <= last:
            return start + first, start + last
    return None


def _hum_band(portrait: Portrait, profile: Float64, band: tuple[int, int]) -> tuple[int, int]:
    """Return the bands of a hum, whose smear over the lowest bins is as wide as itself."""
    added = added_db(portrait, profile)[band[0] : band[1] + 1]
    at = np.flatnonzero(added >= added.max() - HUM_DB)
    return band[0] + int(at[0]), band[0] + int(at[-1])
