"""The limit that recent normal sound asks for: a calibration fitted to what was kept of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitor.calibration import Calibration, FitSettings, Tail
from monitor.calibration.contamination import outlying
from monitor.calibration.fit import BELOW_LEVELS, tails_of_peaks
from monitor.calibration.record import DAYS_PER_WEEK, INTERVAL
from monitor.drift.evidence import LEAST_PEAKS, Evidence
from monitor.drift.scale import Float64, quantile, share_above, unit_of
from monitor.errors import CalibrationError

SECONDS_A_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Expected:
    """How many false alarms a week a limit is to raise."""

    a_week: float
    """By the best estimate."""
    low: float
    """The 90 % interval ..."""
    high: float
    """... for as long as the sound stays as it was."""


def refitted(evidence: Evidence, now: Calibration, *, source_id: str, fitted_utc_s: float) -> Calibration:
    """Return a calibration of the same bundle, fitted to the evidence; same evidence, same calibration.

    Stretches that do not belong to the rest are left out, which makes the limit lower, never higher.

    Raises:
        CalibrationError: Too few stretches belong together, or the scores do not vary.
    """
    unit, settings = unit_of(now), FitSettings()
    threshold_raw = unit.raw_of(evidence.threshold)
    peaks = np.array([unit.raw_of(float(peak)) for peak in evidence.peaks])
    strange = outlying(peaks - threshold_raw, settings.seed)
    peaks = peaks[~strange]
    if len(peaks) < LEAST_PEAKS:
        raise CalibrationError("too few of its highest scores belong to the rest; listen to them first")
    exposure_days = evidence.windows * now.hop_s / SECONDS_A_DAY
    best, draws = tails_of_peaks(
        peaks, threshold_raw, exposure_days, settings, dispersion=evidence.dispersion
    )
    levels, per_day = _below(evidence, now, best)
    return Calibration(
        bundle_id=now.bundle_id,
        fitted_utc_s=fitted_utc_s,
        source=f"{len(evidence.days)} days of {source_id} as it was judged",
        hop_s=now.hop_s,
        gap_s=now.gap_s,
        windows=evidence.windows,
        set_aside_windows=int(strange.sum()),
        clusters=len(peaks),
        centre=float(levels[0]),
        largest=float(peaks.max()),
        tail=best,
        draws=draws,
        below_levels=tuple(levels.tolist()),
        below_per_day=tuple(per_day.tolist()),
    )


def _below(evidence: Evidence, now: Calibration, tail: Tail) -> tuple[Float64, Float64]:
    """Return levels from the median to the threshold, and about how many stretches a day reach each.

    Stretches below the threshold were not kept. Their number is taken to grow as that of the windows does,
    up to what the gap between two stretches leaves room for.
    """
    unit = unit_of(now)
    shares = np.linspace(0.5, 1.0, 4 * BELOW_LEVELS)[::4]
    inner = np.array([unit.raw_of(quantile(evidence.counts, float(share))) for share in shares])
    keep = np.concatenate([[True], np.diff(inner) > 0]) & (inner < tail.threshold)
    if keep.sum() < 2:
        raise CalibrationError("the scores of the last days do not vary; does it hear the machine?")
    above = 1.0 - shares[keep]
    at_threshold = max(share_above(evidence.counts, evidence.threshold), 1e-6)
    most = SECONDS_A_DAY / (2.0 * now.gap_s)
    rates = np.minimum(
        tail.rate_per_day * np.maximum(above / at_threshold, 1.0), max(most, tail.rate_per_day)
    )
    falling = np.maximum.accumulate(np.append(rates, tail.rate_per_day)[::-1])[::-1]
    return np.append(inner[keep], tail.threshold), falling


def few(number: float) -> str:
    """Write a number of alarms with the digits that count."""
    return f"{number:.0f}" if number >= 10.0 else f"{number:.2g}"


def expected_at(calibration: Calibration, raw: float) -> Expected:
    """Return how many false alarms a week a limit at `raw` is to raise, if sound goes on as it was fitted."""
    best = calibration.expected_per_day(raw)
    rates = sorted(_rate(calibration, draw, raw, best) for draw in calibration.draws)
    low, high = (rates[round(share * (len(rates) - 1))] for share in INTERVAL)
    return Expected(best * DAYS_PER_WEEK, low * DAYS_PER_WEEK, high * DAYS_PER_WEEK)


def _rate(calibration: Calibration, draw: Tail, raw: float, best: float) -> float:
    if raw >= draw.threshold:
        return draw.rate_above(raw)
    return best * draw.rate_per_day / calibration.tail.rate_per_day
