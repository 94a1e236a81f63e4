"""Fits a calibration to the scores of normal sound: peaks over threshold.

    recordings -> judged windows -> threshold -> stretches above it -> generalised Pareto -> Calibration

Refuses what no honest limit can be fitted to: too little sound, scores that do not vary, sound that is
not normal throughout.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.calibration.clusters import Clusters, Series, clusters_above, series_of_recordings
from monitor.calibration.contamination import Stretches, outlying, sentence_about, windows_of
from monitor.calibration.record import Calibration
from monitor.calibration.tail import Excesses, Tail, posterior_of_excesses
from monitor.errors import (
    CalibrationError,
    ContaminatedScoresError,
    DegenerateScoresError,
    TooFewScoresError,
)

Scores = NDArray[np.floating] | Sequence[NDArray[np.floating]] | Mapping[str, NDArray[np.floating]]
"""Raw scores of consecutive windows, NaN where not judged: one recording, several, or several by name."""
MACHINE_PRECISION = 1e-6
"""Least relative spread; the models compute in float32, whose step is 1.2e-7."""
LOWEST_QUANTILE = 0.7
"""A threshold is never set lower than this: below it there is no tail."""
BELOW_LEVELS = 64
ROUNDS = 5


@dataclass(frozen=True, slots=True)
class FitSettings:
    """How a calibration is fitted."""

    min_windows: int = 300
    """Fewer judged windows are refused."""
    min_clusters: int = 30
    """The threshold is lowered until so many separate stretches reach it."""
    least_clusters: int = 12
    """Fewer than this at the lowest threshold are refused."""
    gap_s: float = 5.0
    """High windows closer than this are one stretch; the default of the alarm's off-delay."""
    set_aside: bool = False
    """Leave out stretches that do not belong, and count them, instead of refusing."""
    draws: int = 200
    """How many equally probable tails are kept to state the uncertainty."""
    seed: int = 0
    """Of the draws: same scores, same calibration."""


def fit_calibration(
    scores: Scores,
    *,
    hop_s: float,
    bundle_id: str,
    fitted_utc_s: float,
    source: str = "",
    settings: FitSettings | None = None,
) -> Calibration:
    """Fit the tail of normal scores; the same scores always give the same calibration.

    Raises:
        TooFewScoresError: Too few judged windows, or too few separate stretches of high ones.
        DegenerateScoresError: The scores do not vary.
        ContaminatedScoresError: Some stretches do not belong to the rest; the text lists them.
        CalibrationError: A score is infinite.
    """
    settings = settings or FitSettings()
    gap_windows = max(1, round(settings.gap_s / hop_s))
    names, recordings = _named(scores)
    series = series_of_recordings(recordings, gap_windows)
    _check_varied(series, hop_s, settings)
    whole = len(series.scores)
    for _ in range(ROUNDS):
        clusters, threshold = _tail_clusters(series, gap_windows, settings)
        strange = outlying(clusters.peaks - threshold, settings.seed)
        if not strange.any():
            break
        if not settings.set_aside:
            raise ContaminatedScoresError(sentence_about(Stretches(series, clusters, names, hop_s), strange))
        series = series.without(windows_of(series, clusters, strange))
        _check_varied(series, hop_s, settings)
    else:
        raise ContaminatedScoresError(
            f"after {ROUNDS} rounds of setting stretches aside there still are some that do not belong to "
            "the rest; record the machine anew while it surely runs normally"
        )
    return _calibration(
        series,
        _Threshold(threshold, clusters, gap_windows),
        _Facts(hop_s, bundle_id, fitted_utc_s, source, settings, whole - len(series.scores)),
    )


@dataclass(frozen=True, slots=True)
class _Threshold:
    raw: float
    """Raw score from which on the tail is fitted."""
    clusters: Clusters
    """The stretches of the series above it."""
    gap_windows: int
    """High windows with so many others between them are two stretches."""


@dataclass(frozen=True, slots=True)
class _Facts:
    hop_s: float
    """From one window to the next."""
    bundle_id: str
    """The bundle whose scores these are."""
    fitted_utc_s: float
    """When the fit was made."""
    source: str
    """Where the normal sound came from, for people."""
    settings: FitSettings
    """As they were used, gap and draws included."""
    set_aside_windows: int
    """Judged windows that were left out of the series, because they do not belong to the rest."""


def _named(scores: Scores) -> tuple[list[str], list[NDArray[np.float64]]]:
    """Return the recordings and what to call them."""
    if isinstance(scores, Mapping):
        names, recordings = list(scores), list(scores.values())
    else:
        recordings = [scores] if isinstance(scores, np.ndarray) else list(scores)
        names = [f"recording {index}" for index in range(len(recordings))]
    return names, [np.asarray(recording, dtype=np.float64) for recording in recordings]


def _check_varied(series: Series, hop_s: float, settings: FitSettings) -> None:
    judged = series.scores
    if not np.isfinite(judged).all():
        raise CalibrationError("a score is infinite; export the bundle anew, its model is not usable")
    if len(judged) < settings.min_windows:
        missing_min = (settings.min_windows - len(judged)) * hop_s / 60.0
        raise TooFewScoresError(
            f"{len(judged)} judged windows of normal sound are too few to fit an alarm limit, at least "
            f"{settings.min_windows} are needed: record {max(missing_min, 0.1):.1f} minutes more"
        )
    low, high = np.quantile(judged, [0.5, 0.95])
    if high - low <= MACHINE_PRECISION * max(abs(low), abs(high)):
        raise DegenerateScoresError(
            f"the scores do not vary (median {low:.6g}, 95 % quantile {high:.6g} of {len(judged)} windows), "
            "so that no limit can be set; check that the microphone hears the machine and not silence"
        )


def _tail_clusters(series: Series, gap_windows: int, settings: FitSettings) -> tuple[Clusters, float]:
    """Return the stretches above the highest threshold that leaves enough of them, or else the most.

    About 2 sqrt(n) high windows is where a tail is usually taken to begin; lower thresholds are tried for
    little sound. Too low a threshold gives fewer stretches, because they merge.
    """
    highest = max(min(0.99, 1.0 - 2.0 / math.sqrt(len(series.scores))), LOWEST_QUANTILE)
    threshold = float(np.quantile(series.scores, highest))
    clusters = clusters_above(series, threshold, gap_windows)
    for quantile in np.arange(highest - 0.03, LOWEST_QUANTILE, -0.03):
        if len(clusters.peaks) >= settings.min_clusters:
            break
        lower = float(np.quantile(series.scores, quantile))
        found = clusters_above(series, lower, gap_windows)
        if len(found.peaks) > len(clusters.peaks):
            clusters, threshold = found, lower
    if len(clusters.peaks) < settings.least_clusters:
        raise TooFewScoresError(
            f"the highest scores lie in only {len(clusters.peaks)} separate stretches, at least "
            f"{settings.least_clusters} are needed to say how high normal sound reaches; record longer, and "
            "at several times of the day"
        )
    return clusters, threshold


def _calibration(series: Series, threshold: _Threshold, facts: _Facts) -> Calibration:
    """Put together what was found."""
    settings, clusters = facts.settings, threshold.clusters
    exposure_days = len(series.scores) * facts.hop_s / 86400.0
    best, draws = tails_of_peaks(clusters.peaks, threshold.raw, exposure_days, settings)
    levels, per_day = _below(series, threshold, exposure_days)
    return Calibration(
        bundle_id=facts.bundle_id,
        fitted_utc_s=facts.fitted_utc_s,
        source=facts.source,
        hop_s=facts.hop_s,
        gap_s=settings.gap_s,
        windows=len(series.scores),
        set_aside_windows=facts.set_aside_windows,
        clusters=len(clusters.peaks),
        centre=levels[0],
        largest=float(series.scores.max()),
        tail=best,
        draws=draws,
        below_levels=levels,
        below_per_day=per_day,
    )


def tails_of_peaks(
    peaks: NDArray[np.float64],
    threshold_raw: float,
    exposure_days: float,
    settings: FitSettings,
    *,
    dispersion: float = 1.0,
) -> tuple[Tail, tuple[Tail, ...]]:
    """Return the best tail above a threshold, and equally probable ones, from the peaks of its stretches.

    The best estimate is the mode of the posterior: maximum likelihood with the prior as its penalty.
    `dispersion`: how many times the number of stretches varies more from day to day than by chance alone.
    """
    count = len(peaks)
    posterior = posterior_of_excesses(Excesses(peaks - threshold_raw))
    scale, shape = posterior.best()
    rng = np.random.default_rng(settings.seed)
    scales, shapes = posterior.draw(settings.draws, rng)
    # number of stretches: Poisson, with Jeffreys' prior on its rate
    rates = rng.gamma(count / dispersion + 0.5, dispersion / exposure_days, settings.draws)
    draws = tuple(
        Tail(threshold_raw, float(a), float(b), float(c))
        for a, b, c in zip(scales, shapes, rates, strict=True)
    )
    return Tail(threshold_raw, scale, shape, count / exposure_days), draws


def levels_and_shares(calibration: Calibration) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return raw levels from the median up, and the share of the windows that lay below each.

    The levels are the calibration's own, which `_below` lays at even shares.
    """
    levels = np.array(calibration.below_levels[:-1])
    return levels, 0.5 + np.arange(len(levels)) * 4 * 0.5 / (4 * BELOW_LEVELS - 1)


def _below(
    series: Series, threshold: _Threshold, exposure_days: float
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return levels from the centre to the threshold, and how many stretches a day reached each.

    Near the centre stretches merge and there are fewer of them; a lower limit is promised no fewer
    alarms than a higher one, so the rate is the highest at or above the level.
    """
    quantiles = np.quantile(series.scores, np.linspace(0.5, 1.0, 4 * BELOW_LEVELS))
    inner = np.unique(quantiles[quantiles < threshold.raw])[::4]
    levels = np.concatenate([inner, [threshold.raw]])
    counts = [len(clusters_above(series, float(x), threshold.gap_windows).peaks) for x in inner]
    rates = np.array([*counts, len(threshold.clusters.peaks)]) / exposure_days
    falling = np.maximum.accumulate(rates[::-1])[::-1]
    return tuple(levels.tolist()), tuple(falling.tolist())
