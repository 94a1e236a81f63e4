"""A dispute is an alarm of one that the other does not share, told once and with its end."""

from __future__ import annotations

from collections.abc import Sequence

from shadow_rig import score_at

from monitor.alarm import AlarmSnapshot
from monitor.config import AlarmConfig
from monitor.shadow.disputes import Change, Disputes

SETTINGS = AlarmConfig(on_delay_s=2.0, off_delay_s=2.0)


def told(live: Sequence[float], candidate: Sequence[float], event_id: str | None = None) -> list[Change]:
    disputes = Disputes(SETTINGS, AlarmSnapshot("pump-1"))
    changes = [
        disputes.take(score_at(float(i), a), score_at(float(i), b, bundle_id="ae-2"), event_id)
        for i, (a, b) in enumerate(zip(live, candidate, strict=True))
    ]
    return [change for change in changes if change is not None]


LOW, HIGH = [0.3], [1.5]


def test_alarms_of_both_that_begin_within_seconds_are_no_dispute() -> None:
    assert [] == told(LOW * 5 + HIGH * 30 + LOW * 10, LOW * 11 + HIGH * 24 + LOW * 10)
    assert [] == told(LOW * 20, LOW * 20)


def test_a_value_at_the_limit_for_less_than_the_delay_is_no_dispute() -> None:
    assert [] == told(LOW * 20, LOW * 5 + HIGH * 2 + LOW * 13)


def test_a_candidate_that_alarms_alone_is_told_once_grows_and_ends() -> None:
    changes = told(LOW * 40, LOW * 5 + HIGH * 20 + LOW * 15)
    first, last = changes[0], changes[-1]
    assert [True] + [False] * (len(changes) - 1) == [change.is_new for change in changes]
    assert ("candidate", 5.0, None) == (first.dispute.alarmed, first.dispute.start_s, first.dispute.event_id)
    assert first.dispute.end_s - first.dispute.start_s >= 10.0
    assert (True, 1.5, 0.3) == (last.is_over, last.dispute.candidate_peak, last.dispute.live_peak)
    assert 27.0 <= last.dispute.end_s <= 30.0
    assert [False] * (len(changes) - 1) == [change.is_over for change in changes[:-1]]


def test_a_short_alarm_of_one_alone_is_told_when_it_is_over() -> None:
    (change,) = told(LOW * 20, LOW * 5 + HIGH * 4 + LOW * 11)
    assert (True, True, "candidate") == (change.is_new, change.is_over, change.dispute.alarmed)


def test_a_live_alarm_that_the_candidate_does_not_share_names_its_event() -> None:
    changes = told(LOW * 5 + HIGH * 25, LOW * 30, "e1")
    assert ("live", "e1") == (changes[0].dispute.alarmed, changes[0].dispute.event_id)


def test_a_dispute_ends_when_the_other_alarms_too() -> None:
    changes = told(LOW * 25 + HIGH * 10, LOW * 5 + HIGH * 30)
    assert (True, True, False) == (changes[0].is_new, changes[-1].is_over, changes[-1].is_new)


def test_limits_that_an_operator_has_set_hold_for_both() -> None:
    disputes = Disputes(SETTINGS, AlarmSnapshot("pump-1", limit=2.0))
    for i in range(30):
        assert disputes.take(score_at(float(i), 0.3), score_at(float(i), 1.5), None) is None


def test_an_alarm_of_both_that_one_clears_a_little_earlier_is_no_dispute() -> None:
    assert [] == told(LOW * 5 + HIGH * 8 + LOW * 20, LOW * 5 + HIGH * 12 + LOW * 16)


def test_what_one_holds_on_for_is_in_dispute_from_when_the_other_cleared() -> None:
    changes = told(LOW * 5 + HIGH * 8 + LOW * 40, LOW * 5 + HIGH * 38 + LOW * 10)
    assert {("candidate", 15.0)} == {(one.dispute.alarmed, one.dispute.start_s) for one in changes}
    assert (True, 0.3, 1.5) == (
        changes[-1].is_over,
        changes[-1].dispute.live_peak,
        changes[-1].dispute.candidate_peak,
    )


def test_a_peak_counts_from_the_first_window_at_the_limit_and_not_from_the_alarm() -> None:
    (change,) = told(LOW * 5 + [0.9, 0.4, 0.4] + LOW * 12, LOW * 5 + [3.0, 1.2, 1.2] + LOW * 12)
    assert (5.0, 0.9, 3.0) == (
        change.dispute.start_s,
        change.dispute.live_peak,
        change.dispute.candidate_peak,
    )
