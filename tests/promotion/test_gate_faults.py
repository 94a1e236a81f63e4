"""Events of one fault are one case, found in its first minutes or missed; who learned one knows them all."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from past import RAISED

from monitor.messages import AlarmState, ChangeReason
from monitor.promotion.faults import FAULT_APART_S, Answered, cases, faults
from monitor.promotion.labelled import listened, unlabelled_events
from monitor.promotion.records import Pairs
from monitor.store import Label, Store, open_store
from monitor.store.records import Rating

T0 = 1_790_000_000.0
DAY_S = FAULT_APART_S
Raise = Callable[[str, float], None]


def answered(second: float, *, live: bool, candidate: bool, kind: str = "bearing") -> Answered:
    return Answered(T0 + second, T0 + second + 10.0, kind, live, candidate)


def test_events_of_one_kind_less_than_a_day_apart_are_one_fault() -> None:
    day = [answered(600.0 * i, live=True, candidate=True) for i in range(12)]
    other = answered(300.0, live=True, candidate=True, kind="belt")
    next_week = answered(7 * DAY_S, live=True, candidate=True)
    assert [12, 1, 1] == [len(one) for one in faults([*day, other, next_week])]
    assert Pairs(both=3) == cases([*day, other, next_week])
    night = [answered(0.0, live=True, candidate=True), answered(86_000.0, live=True, candidate=True)]
    assert [2] == [len(one) for one in faults(night)]
    assert [1, 1] == [len(one) for one in faults([day[0], answered(DAY_S + 10.0, live=True, candidate=True)])]


def test_a_fault_is_found_in_its_first_minutes_or_missed() -> None:
    first = answered(0.0, live=True, candidate=False)
    soon, later = (answered(at_s, live=True, candidate=True) for at_s in (200.0, 3600.0))
    assert Pairs(live_only=1) == cases([first, later]), "the rest of a fault that grows nobody misses"
    assert Pairs(both=1) == cases([first, soon, later])
    assert Pairs(candidate_only=1) == cases([answered(-600.0, live=False, candidate=True), first, later])


@pytest.fixture
def kept(tmp_path: Path) -> tuple[Store, Raise]:
    store = open_store(tmp_path)

    def raise_event(event_id: str, second: float) -> None:
        raised = replace(
            RAISED, source_id="pump", event_id=event_id, at_utc_s=T0 + second, event_start_utc_s=T0 + second
        )
        cleared = replace(
            raised, reason=ChangeReason.CLEARED, at_utc_s=T0 + second + 5.0, active=False,
            new_state=AlarmState.RETURNED,
        )  # fmt: skip
        store.apply([raised, cleared], snapshot={}, bundle_id="mae-1")

    return store, raise_event


def test_who_has_learned_from_an_event_knows_the_others_of_its_fault(kept: tuple[Store, Raise]) -> None:
    store, raise_event = kept
    said: list[tuple[str, float, Rating, str | None]] = [
        ("learned", 0.0, "anomaly", "Bearing"),
        ("same", 600.0, "anomaly", "bearing "),
        ("other kind", 700.0, "anomaly", "belt"),
        ("no name", 800.0, "anomaly", None),
        ("nothing", 900.0, "no_anomaly", None),
        ("another week", 7 * DAY_S, "anomaly", "bearing"),
    ]
    with closing(store):
        for event_id, second, rating, code in said:
            raise_event(event_id, second)
            store.add_label(Label(event_id, rating, "ann", T0, fault_code=code))
        found = listened(store, "pump", {"learned"})
        assert ["another week", "nothing", "no name", "other kind"] == [one.event_id for one in found.agreed]
        assert (["learned", "same"], 2) == (sorted(one.event_id for one in found.known), found.left_out.used)
        assert 6 == len(listened(store, "pump", set()).agreed)


def test_what_lies_in_sound_that_a_bundle_learned_as_normal_is_no_proof(kept: tuple[Store, Raise]) -> None:
    store, raise_event = kept
    with closing(store):
        for event_id, second in (("before", 0.0), ("at its edge", 96.0), ("within", 150.0), ("after", 300.0)):
            raise_event(event_id, second)
            store.add_label(Label(event_id, "no_anomaly", "ann", T0))
        found = listened(store, "pump", set(), recorded=((T0 + 100.0, T0 + 200.0),))
        assert ["after", "before"] == [one.event_id for one in found.agreed]
        assert (["within", "at its edge"], 2) == ([one.event_id for one in found.known], found.left_out.used)


def test_events_that_nobody_labelled_are_told_of_one_bundle_and_one_time(kept: tuple[Store, Raise]) -> None:
    store, raise_event = kept
    with closing(store):
        for number in range(5):
            raise_event(f"event-{number}", 100.0 * number)
        store.add_label(Label("event-1", "unsure", "ann", T0))
        store.add_label(Label("event-2", "anomaly", "ann", T0))
        store.add_label(Label("event-2", "none", "ann", T0))

        def told(bundle_id: str = "mae-1") -> list[str]:
            found = unlabelled_events(store, "pump", bundle_id, since_utc_s=T0 + 50.0, until_utc_s=T0 + 350.0)
            return [one.name for one in found]

        assert ["event-3", "event-2"] == told(), "what was taken back is no label"
        assert [] == told("mae-2")
