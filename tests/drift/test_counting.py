"""What is counted of windows as they are judged, and that a source's days survive folding."""

from __future__ import annotations

import json
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from drift_days import DAY_S, days_up_to, stored

from monitor.drift.period import HOUR_S, Period, body_of, merged_bodies, period_of
from monitor.drift.scale import BINS, EDGES, Unit, bin_of, counts_of, quantile, share_above
from monitor.drift.tally import BANDS_EVERY, HOURS_KEPT, Heard, Tally, group_edges_hz, groups_db
from monitor.store import open_store
from monitor.store.drift import add_periods, newest_basis, periods_of, prune_periods


def tally() -> Tally:
    return Tally("ae-1/x", Unit(1.0, 0.5), 0.5)


def heard(at_s: float, raw: float, *, normal: bool = True) -> Heard:
    return Heard(1.8e9 // HOUR_S * HOUR_S + at_s, raw, -30.0, normal)


def no_bands() -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.zeros(12)


def test_each_score_lies_in_its_bin_also_beyond_the_edges() -> None:
    rng = np.random.default_rng(0)
    scores = np.concatenate([rng.normal(0.0, 0.3, 2000), [-1e9, 1e9, EDGES[0] - 1e-9, EDGES[-1] + 1.0, 0.0]])
    one_by_one = np.bincount([bin_of(float(score)) for score in scores], minlength=BINS)
    assert counts_of(scores).tolist() == one_by_one.tolist()
    assert float(np.quantile(scores, 0.9)) == pytest.approx(quantile(counts_of(scores), 0.9), abs=0.01)
    assert 0.1 == pytest.approx(share_above(counts_of(scores), float(np.quantile(scores, 0.9))), abs=0.01)


def test_alarms_leave_their_peaks_and_nothing_else() -> None:
    counted = tally()
    for at_s, raw, normal in ((0.0, 1.0, True), (1.0, 1.3, True), (6.0, 2.5, False), (8.0, 2.2, False)):
        counted.note(heard(at_s, raw, normal=normal), no_bands)
    counted.note(heard(9.0, float("nan")), no_bands)
    (hour,) = counted.take()
    assert 2 == hour.windows
    assert {0: pytest.approx(0.6), 1: pytest.approx(3.0)} == hour.peaks
    assert (-30.0,) == hour.level.mean
    assert [] == counted.take()


def test_bands_are_looked_at_now_and_then_and_hours_do_not_pile_up() -> None:
    counted, asked = tally(), []

    def bands() -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        asked.append(1)
        return no_bands()

    for number in range(3 * BANDS_EVERY):
        counted.note(heard(number, 1.0), bands)
    assert 3 == len(asked)
    for hour in range(2 * HOURS_KEPT):
        counted.note(heard(hour * HOUR_S, 1.0), no_bands)
    assert HOURS_KEPT == len(counted.take())


@pytest.mark.parametrize("mel", [5, 12, 128])
def test_groups_of_bands_cover_all_bands(mel: int) -> None:
    values = np.repeat(np.arange(mel, dtype=np.float32)[:, None], 4, axis=1)
    edges_hz = group_edges_hz(np.arange(mel + 2, dtype=np.float64))
    levels = groups_db(values)
    assert len(levels) + 1 == len(edges_hz) == min(12, mel) + 1
    assert 10.0 * (mel - 1) / 2 == pytest.approx(float((levels * np.diff(edges_hz)).sum() / mel), abs=1e-6)


@pytest.mark.parametrize(
    "body",
    [
        b"no such thing",
        zlib.compress(b"[]"),
        zlib.compress(json.dumps({"bins": [BINS + 7], "counts": [1], "level": [0, []]}).encode()),
    ],
)
def test_an_hour_that_cannot_be_read_counts_as_nothing_heard(body: bytes) -> None:
    damaged = period_of(7200, HOUR_S, body)
    assert (7200, 0) == (damaged.start_utc_s, damaged.windows)
    good = body_of(Period(0, HOUR_S, counts_of(np.full(9, 0.25))))
    assert 9 == period_of(0, HOUR_S, merged_bodies(good, body)).windows


def test_what_is_added_twice_to_an_hour_is_in_it_once_each_and_old_days_go(tmp_path: Path) -> None:
    today = int(time.time() // DAY_S)
    hours: list[Period] = days_up_to(today, lambda _day: 0.0, 2)
    store = open_store(tmp_path / "state")
    database = store.database
    add_periods(database, stored("pump", "a", hours), merged_bodies)
    add_periods(database, stored("pump", "a", hours[:1]), merged_bodies)
    add_periods(database, stored("pump", "b", hours[-1:]), merged_bodies)
    rows = periods_of(database, "pump", "a")
    first = period_of(rows[0].start_utc_s, rows[0].span_s, rows[0].body)
    assert 2 * hours[0].windows == rows[0].windows == first.windows
    assert 48 == len(rows)
    assert newest_basis(database, "pump") in {"a", "b"}
    assert 24 == prune_periods(database, before_utc_s=(today - 1) * DAY_S)
    store.close()
