"""Machines that do not run every day: what they are judged by, and how sure their limits are."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from drift_days import DAY_S, HOP_S, days_up_to, stored, units
from machine_rig import machine
from past import T0, past_in

from monitor.calibration import Calibration, fit_calibration
from monitor.config import parse_config
from monitor.drift.evidence import Evidence, evidence_of
from monitor.drift.examiner import Examiner, present_of
from monitor.drift.judgement import Asked, Case, DriftState, judged
from monitor.drift.period import HOUR_S, Period
from monitor.drift.watch import DriftWatch
from monitor.drift.words import judgement_words
from monitor.errors import StoreError
from monitor.roster import Roster
from monitor.store import Label, open_store
from monitor.store.database import Database
from monitor.store.drift import PIECE_ROWS, Merge, PeriodRow, add_periods, periods_of
from monitor.testing import CapturedLog

TODAY = 20_500
NOW_UTC_S = TODAY * DAY_S + 100.0
ASKED = Asked()


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    scores = 1.0 + units(np.random.default_rng(9), 60_000)
    return fit_calibration(scores, hop_s=HOP_S, bundle_id="ae-1", fitted_utc_s=(TODAY - 60) * DAY_S)


def running_on(weekdays: Collection[int], *, days: int = 60, moved_from: int = 20) -> list[Period]:
    """Return the hours of weeks in which a machine runs on some days only, and has moved since one."""
    hours = days_up_to(TODAY, lambda day: 0.4 * (day >= moved_from), days)
    return [hour for hour in hours if (hour.start_utc_s // DAY_S + 3) % 7 in weekdays]


def test_a_machine_that_runs_two_days_a_week_can_have_moved(calibration: Calibration) -> None:
    judgement = judged(Case(running_on({1, 3}, days=77, moved_from=28), calibration, ASKED, NOW_UTC_S))
    assert (DriftState.DRIFTING, 7) == (judgement.state, judgement.in_a_row)


def test_what_was_found_on_few_days_in_a_row_is_told_and_does_not_count(calibration: Calibration) -> None:
    days = running_on(range(7), days=24, moved_from=14)
    judgement = judged(Case(days, calibration, ASKED, NOW_UTC_S))
    assert DriftState.STABLE is judgement.state
    assert 1 < judgement.in_a_row < 7
    told = judgement_words(judgement, 1.0)
    assert f"may have moved, as found after {judgement.in_a_row} days in a row where 7 count" in told


def dispersion_of(hours: list[Period]) -> float:
    found = evidence_of(hours, [], ASKED, hop_s=HOP_S, now_utc_s=NOW_UTC_S)
    assert isinstance(found, Evidence)
    return found.dispersion


def test_days_without_sound_are_no_days_without_high_scores() -> None:
    days = running_on(range(7), days=12)
    every, working = dispersion_of(days), dispersion_of(running_on(range(5), days=12))
    assert 1.0 <= working < 2.0 * every < 20.0
    # nor is a day of a few hours one with few of them
    short = [one for one in days if one.start_utc_s < (TODAY - 1) * DAY_S + 3 * HOUR_S]
    assert 1.0 <= dispersion_of(short) < 2.0 * every


def test_an_anomaly_early_on_the_oldest_day_stands_against_a_limit(tmp_path: Path) -> None:
    config = parse_config(f"state_dir: {tmp_path}\nsources: [{{id: pump, kind: simulated}}]\n", name="here")
    today = int(T0 // DAY_S)
    hours = days_up_to(today, lambda _day: 0.4, 21)[: 24 * 5]
    with past_in(tmp_path) as past:
        at_s = (today - 21 + 0.1) * DAY_S - T0
        past.add_event("e", start_s=at_s)
        past.end_event("e", at_s=at_s + 60.0)
        past.store.add_label(Label("e", "anomaly", "anna", T0))
        pump = machine("pump", [0.2])
        present, now_utc_s = present_of(pump, 1.0, tmp_path), (today + 0.9) * DAY_S
        examiner = Examiner(past.store, lambda: config)
        said = examiner._wanted(pump, present, None, hours, now_utc_s)  # type: ignore[arg-type]  # not looked at
    assert "event e was labelled an anomaly" in str(said)


def test_counts_that_the_store_took_are_not_given_to_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hours = days_up_to(TODAY, lambda _day: 0.0, 2)
    rows = [row for number in range(PIECE_ROWS // 48 + 2) for row in stored(f"s{number:02d}", "b", hours)]
    assert PIECE_ROWS < len(rows) < 2 * PIECE_ROWS
    config = parse_config(f"state_dir: {tmp_path}\nsources: [{{id: pump, kind: simulated}}]\n", name="here")
    calls: list[int] = []

    def refusing_once(database: Database, rows: Sequence[PeriodRow], merge: Merge) -> None:
        calls.append(len(rows))
        if len(calls) == 2:
            raise StoreError("no space left")
        add_periods(database, rows, merge)

    monkeypatch.setattr("monitor.drift.watch.add_periods", refusing_once)
    with closing(open_store(tmp_path)) as store:
        watch = DriftWatch(
            Roster([]), store, lambda: config, CapturedLog(), tell=lambda *_: None, is_dated=lambda: True
        )
        watch._waiting = list(rows)
        for _ in range(2):
            watch.finish()
        kept = [one for row in rows[::48] for one in periods_of(store.database, row.source_id, "b")]
    assert [PIECE_ROWS, len(rows) - PIECE_ROWS, len(rows) - PIECE_ROWS] == calls
    assert sum(row.windows for row in rows) == sum(row.windows for row in kept)
