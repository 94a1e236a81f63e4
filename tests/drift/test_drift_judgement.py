"""Days of normal scores: what counts as moved, what is proposed, and what no limit may be made from."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from drift_days import DAY_S, HOP_S, days_up_to, units
from past import past_in

from monitor.bundles.trail import calibration_digest
from monitor.calibration import Calibration, fit_calibration
from monitor.drift.acceptance import acceptable
from monitor.drift.evidence import Evidence, evidence_of
from monitor.drift.judgement import Asked, Case, DriftState, judged
from monitor.drift.period import Period, body_of, folded, merged_bodies, period_of
from monitor.drift.proposal import Present, Proposal, proposal_from, proposed, row_of
from monitor.drift.said import EventLabel
from monitor.drift.scale import unit_of
from monitor.drift.words import proposal_words
from monitor.errors import CommandError
from monitor.machine import Machine
from monitor.promotion.agreement import Agreed
from monitor.store.drift import put_proposal

TODAY = 20_500
NOW_UTC_S = TODAY * DAY_S + 100.0
ASKED = Asked()


def still(_day: int) -> float:
    return 0.0


def stepped(day: int) -> float:
    return 0.4 * (day >= 14)


@functools.cache
def _days_of(moved: Callable[[int], float]) -> tuple[Period, ...]:
    return tuple(days_up_to(TODAY, moved, 21))


def days_of(moved: Callable[[int], float]) -> list[Period]:
    """Three weeks up to today, drawn once for all tests."""
    return list(_days_of(moved))


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    """One of a week of the same scores, so that it is like the days that have not moved."""
    scores = units(np.random.default_rng(9), 80_000)
    assert 1.0 == pytest.approx(np.quantile(scores, 1.0 - 1.0 / 118_000), abs=0.15), "in about its units"
    return fit_calibration(1.0 + scores, hop_s=HOP_S, bundle_id="ae-1", fitted_utc_s=(TODAY - 21) * DAY_S)


def test_days_that_are_alike_are_stable(calibration: Calibration) -> None:
    judgement = judged(Case(days_of(still), calibration, ASKED, NOW_UTC_S))
    assert DriftState.STABLE is judgement.state
    assert judgement.likeness is not None
    assert judgement.likeness.psi < 0.1


def test_a_step_up_and_a_step_down_have_moved(calibration: Calibration) -> None:
    for by in (0.4, -0.4):
        days = days_up_to(TODAY, lambda day, by=by: by * (day >= 14), 27, louder_db=4.0)  # type: ignore[misc]
        edges_hz = np.linspace(0.0, 6000.0, 13)
        judgement = judged(Case(days, calibration, ASKED, NOW_UTC_S, edges_hz))
        assert DriftState.DRIFTING is judgement.state
        assert judgement.now is not None
        assert judgement.then is not None
        assert by == pytest.approx(judgement.now.median - judgement.then.median, abs=0.05)
        if by > 0:
            (band,) = judgement.bands
            assert (2500.0, 3000.0) == (band.low_hz, band.high_hz)


def test_it_has_moved_when_it_was_found_a_week_of_days_in_a_row(calibration: Calibration) -> None:
    states = [
        judged(Case(days_up_to(TODAY, stepped, days), calibration, ASKED, NOW_UTC_S)).state
        for days in (24, 27)  # the 21st was the first of which the last week had moved whole
    ]
    assert [DriftState.STABLE, DriftState.DRIFTING] == states


@pytest.mark.parametrize("seed", [7, 27])
def test_days_that_are_like_their_neighbours_are_no_drift(calibration: Calibration, seed: int) -> None:
    rng = np.random.default_rng(seed)
    between = [float(rng.standard_normal())]
    for _ in range(23):
        between.append(0.6 * between[-1] + 0.8 * float(rng.standard_normal()))
    days = days_up_to(TODAY, lambda day: 0.1 * between[day], 24)
    judgement = judged(Case(days, calibration, ASKED, NOW_UTC_S))
    assert judgement.likeness is not None
    assert 0.25 < judgement.likeness.psi, "if the days were independent it would count"
    assert 0.1 < judgement.likeness.low
    assert 2.5 > abs(judgement.errors)
    assert DriftState.STABLE is judgement.state


def test_few_days_and_old_days_say_nothing(calibration: Calibration) -> None:
    few = days_up_to(TODAY, stepped, 4)
    assert DriftState.TOO_LITTLE is judged(Case(few, calibration, ASKED, NOW_UTC_S)).state
    old = days_up_to(TODAY - 30, stepped, 21)
    assert DriftState.TOO_LITTLE is judged(Case(old, calibration, ASKED, NOW_UTC_S)).state


def test_a_weekend_is_not_held_against_working_days(calibration: Calibration) -> None:
    weekend = {(TODAY - 21 + day + 3) % 7 for day in range(21)} and {5, 6}

    def quiet_weekends(day: int) -> float:
        return -0.3 * ((TODAY - 21 + day + 3) % 7 in weekend)

    days = days_up_to(TODAY, quiet_weekends, 21)
    # the first days without their weekend: a plain comparison would see the weekend as something new
    first = [one for one in days if not (one.start_utc_s // DAY_S < TODAY - 12 and _weekday(one) in weekend)]
    likeness = judged(Case(first, calibration, ASKED, NOW_UTC_S)).likeness
    assert likeness is not None
    assert likeness.psi < 0.1


def _weekday(period: Period) -> int:
    return (period.start_utc_s // DAY_S + 3) % 7


def wanted(
    calibration: Calibration, periods: list[Period], events: list[EventLabel] | None = None
) -> Proposal | str:
    judgement = judged(Case(periods, calibration, ASKED, NOW_UTC_S))
    evidence = evidence_of(periods, events or [], ASKED, hop_s=HOP_S, now_utc_s=NOW_UTC_S)
    if not isinstance(evidence, Evidence):
        return evidence
    present = Present("pump-1", "ae-1/x", calibration, 1.0, 1.0)
    return proposed(present, evidence, judgement, NOW_UTC_S)


@pytest.fixture(scope="module")
def proposal(calibration: Calibration) -> Proposal:
    """For a step up, which takes a fit."""
    proposal = wanted(calibration, days_of(stepped))
    assert isinstance(proposal, Proposal)
    return proposal


def test_the_proposed_limit_is_the_one_that_the_sound_itself_would_have_given(
    calibration: Calibration, proposal: Proposal
) -> None:
    rng = np.random.default_rng(5)
    week = np.concatenate([units(rng, 24 * 700, 0.4 + 0.01 * rng.standard_normal()) for _ in range(7)])
    unit = unit_of(calibration)
    direct = fit_calibration(
        unit.centre_raw + unit.size_raw * week, hop_s=HOP_S, bundle_id="ae-1", fitted_utc_s=NOW_UTC_S
    )
    low, high = proposal.calibration.limit_interval(1.0)
    assert low < direct.limit_raw(1.0) < high
    assert proposal.at_present.low > 1.0
    assert proposal.limit > 1.1
    assert any("cannot tell" in words for words in proposal_words(proposal))


def test_what_is_stored_of_a_proposal_is_the_proposal(proposal: Proposal) -> None:
    row = row_of(proposal)
    assert proposal == proposal_from(row)
    assert proposal.id == row.proposal_id


def test_a_labelled_anomaly_discards_the_days_up_to_its_end(calibration: Calibration) -> None:
    days = days_of(stepped)

    def anomaly(days_ago: float) -> EventLabel:
        at_utc_s = NOW_UTC_S - days_ago * DAY_S
        return EventLabel("e-1", at_utc_s, at_utc_s + 60.0, "anomaly")

    refused = wanted(calibration, days, [anomaly(3.0)])
    assert "e-1 was labelled an anomaly" in str(refused)
    later = wanted(calibration, days, [anomaly(6.5)])
    assert isinstance(later, Proposal)
    assert later.first_utc_s >= NOW_UTC_S - 6.5 * DAY_S
    assert isinstance(wanted(calibration, days, [anomaly(12.0)]), Proposal)


def test_an_alarm_counts_as_normal_only_where_a_person_says_so() -> None:
    days = days_of(stepped)
    loud = days[-30]
    peaks = {**loud.peaks, **dict.fromkeys(range(100, 103), 3.0)}
    days[-30] = Period(loud.start_utc_s, loud.span_s, loud.counts, loud.level, loud.bands, peaks, loud.cut)

    def highest(rating: Agreed | None) -> float:
        start = loud.start_utc_s + 500.0
        found = evidence_of(
            days, [EventLabel("e-2", start, start + 15.0, rating)], ASKED, hop_s=HOP_S, now_utc_s=NOW_UTC_S
        )
        assert isinstance(found, Evidence)
        return float(found.peaks.max())

    assert 3.0 == highest("no_anomaly")
    assert highest(None) < 1.8
    assert highest("unsure") < 1.8


def test_too_little_sound_is_no_evidence(calibration: Calibration) -> None:
    sparse = [one for one in days_of(stepped) if one.start_utc_s % DAY_S < 3 * 3600]
    assert "are too little" in str(wanted(calibration, sparse))


def test_no_limit_is_proposed_where_the_present_one_holds(calibration: Calibration) -> None:
    assert "still holds" in str(wanted(calibration, days_of(still)))


def test_hours_come_back_as_they_were_stored_and_add_up() -> None:
    hours = days_up_to(TODAY, still, 1, louder_db=1.0)[:3]
    for hour in hours:
        back = period_of(hour.start_utc_s, hour.span_s, body_of(hour))
        assert hour.counts.tolist() == back.counts.tolist()
        assert list(hour.peaks) == list(back.peaks)
        assert hour.bands.mean == pytest.approx(back.bands.mean, abs=0.01)
    both = period_of(0, 3600, merged_bodies(body_of(hours[0]), body_of(hours[1])))
    assert hours[0].windows + hours[1].windows == both.windows
    (shift,) = folded(hours)
    assert sum(hour.windows for hour in hours) == shift.windows
    assert {} == shift.peaks


def machine(calibration: Calibration, *, event_id: str | None = None, bundle_id: str = "ae-1") -> Machine:
    """What is asked of a machine when a proposal to it is accepted."""
    facts = SimpleNamespace(
        source_id="pump-1",
        alarm=SimpleNamespace(snapshot=SimpleNamespace(event_id=event_id)),
        ear=SimpleNamespace(bundle=SimpleNamespace(bundle_id=bundle_id)),
        calibration=calibration,
    )
    return cast("Machine", facts)


def test_a_proposal_is_accepted_only_while_all_is_as_it_was_when_it_was_made(
    tmp_path: Path, calibration: Calibration, proposal: Proposal
) -> None:
    shown = replace(proposal, basis=f"ae-1/{calibration_digest(calibration)}")
    with past_in(tmp_path) as past:
        put_proposal(past.store.database, row_of(shown))
        assert shown == acceptable(past.store, machine(calibration), shown.id, NOW_UTC_S)
        refusals = [
            (machine(calibration, event_id="e-9"), shown.id, NOW_UTC_S, "event e-9 is open"),
            (machine(calibration, bundle_id="ae-2"), shown.id, NOW_UTC_S, "another bundle or another limit"),
            (machine(calibration), shown.id, NOW_UTC_S + 7.1 * DAY_S, "7 days old, more than 7"),
            (machine(calibration), "another", NOW_UTC_S, "is outdated"),
        ]
        for asked, proposal_id, at_utc_s, why in refusals:
            with pytest.raises(CommandError, match=why):
                acceptable(past.store, asked, proposal_id, at_utc_s)
