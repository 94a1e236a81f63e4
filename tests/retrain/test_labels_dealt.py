"""What people said becomes one rating or a dispute, and each event serves one purpose, on every box alike."""

from __future__ import annotations

import math

import pytest

from monitor.promotion.faults import FAULT_APART_S
from monitor.store import Label
from monitor.store.records import Rating
from training.retrain.dealing import LEAST_EVENTS, dealt
from training.retrain.said import Said, SaidEvent, last_words, said_of_labels


def label(who: str, rating: Rating, code: str | None = None, at: float = 0.0) -> Label:
    return Label("e", rating, who, at, code)


def said(*labels: Label) -> Said:
    return said_of_labels([("e", labels)])


def events(kind: str, count: int, rating: str = "anomaly") -> list[SaidEvent]:
    return [SaidEvent(f"{kind}-{n}", rating, kind) for n in range(count)]  # type: ignore[arg-type]


def test_of_each_person_the_last_word_counts() -> None:
    found = said(label("ann", "no_anomaly"), label("ann", "anomaly", "bearing", 1.0))
    assert (SaidEvent("e", "anomaly", "bearing"),) == found.events
    assert () == said(label("ann", "anomaly"), label("ann", "none", at=1.0)).events
    assert 1 == said(label("ann", "anomaly"), label("ann", "none", at=1.0)).withdrawn
    assert 1 == said(label("ann", "unsure")).unsure


def test_whoever_is_unsure_has_no_voice_beside_one_who_is_not() -> None:
    assert "anomaly" == said(label("ann", "anomaly"), label("bob", "unsure")).events[0].rating


def test_one_contradiction_leaves_an_event_out_however_many_agree_and_names_all() -> None:
    words = [label(who, "anomaly", at=at) for at, who in enumerate(("ann", "bob", "cy"))]
    found = said(*words, label("dee", "no_anomaly", at=9.0))
    assert () == found.events
    assert [("ann", "anomaly"), ("bob", "anomaly"), ("cy", "anomaly"), ("dee", "no_anomaly")] == [
        (one.who, one.rating) for one in found.disagreed[0].said
    ]
    settled = said(*words, label("dee", "no_anomaly", at=9.0), label("dee", "anomaly", at=10.0))
    assert "anomaly" == settled.events[0].rating
    assert () == settled.disagreed


def test_who_took_a_label_back_is_not_among_those_who_disagree() -> None:
    words = last_words([label("ann", "anomaly"), label("bob", "no_anomaly"), label("bob", "none", at=2.0)])
    assert ["ann"] == [one.who for one in words]


def test_a_fault_code_is_the_same_in_any_case_and_two_of_them_are_none() -> None:
    same = said(label("ann", "anomaly", "Bearing "), label("bob", "anomaly", "bearing", 1.0))
    assert ("Bearing", 0) == (same.events[0].kind, len(same.kind_disagreed))
    other = said(label("ann", "anomaly", "leak"), label("bob", "anomaly", "bearing", 1.0))
    assert ("", ["ann", "bob"]) == (other.events[0].kind, [one.who for one in other.kind_disagreed[0].said])
    assert "leak" == said(label("ann", "anomaly", "leak"), label("bob", "anomaly")).events[0].kind


def test_a_third_of_each_kind_is_kept_apart_and_kinds_with_few_events_wholly() -> None:
    deal = dealt([*events("bearing", 6), *events("leak", 3), *events("belt", 2)])
    held = {event.event_id for event in deal.held_out}
    assert {"bearing": 2, "leak": 1, "belt": 2} == {
        kind: sum(one.startswith(kind) for one in held) for kind in ("bearing", "leak", "belt")
    }
    assert ("belt",) == deal.unseen_kinds
    assert ("bearing", "leak") == deal.learned_kinds
    learned = {event.event_id for event in deal.learned}
    assert not learned & held
    assert 11 == len(learned | held)


def days(kind: str, *counts: int) -> list[SaidEvent]:
    """So many events of one kind on each of some days, two days apart, ten minutes from one to the next."""
    dated = [
        (day, 2 * FAULT_APART_S * day + 600.0 * i) for day, count in enumerate(counts) for i in range(count)
    ]
    return [
        SaidEvent(f"{kind}-day{day}-{at_s:.0f}", "anomaly", kind, at_s, at_s + 30.0) for day, at_s in dated
    ]


@pytest.mark.parametrize("counts", [(5, 5), (4, 1, 6, 2, 3), (1, 1, 1), (2, 1), (12, 1)])
def test_of_several_faults_of_a_kind_a_third_is_kept_apart_whole(counts: tuple[int, ...]) -> None:
    given = days("bearing", *counts)
    deal = dealt(given)
    learned, held = (
        {event.event_id.split("-")[1] for event in part} for part in (deal.learned, deal.held_out)
    )
    assert (set(), len(counts)) == (learned & held, len(learned | held))
    assert 1 <= len(held) <= math.ceil(len(counts) / 3)
    assert (True, ()) == (len(deal.learned) >= LEAST_EVENTS - 1, deal.of_learned_faults)
    assert sorted(given, key=lambda one: one.event_id) == sorted(
        (*deal.learned, *deal.held_out), key=lambda one: one.event_id
    )


def test_events_of_a_single_fault_are_dealt_one_by_one_and_known_to_be_no_proof() -> None:
    deal = dealt([*days("bearing", 12), *days("leak", 1, 1, 1), *days("belt", 2)])
    kept = [one for one in deal.held_out if one.kind == "bearing"]
    assert (4, 8) == (len(kept), sum(one.kind == "bearing" for one in deal.learned))
    assert set(kept) == set(deal.of_learned_faults)
    assert set(kept) == set(dealt(reversed(days("bearing", 12))).held_out)


def test_normal_events_are_learned_from_but_for_a_third_of_three_or_more() -> None:
    few, more = dealt(events("", 2, "no_anomaly")), dealt(events("", 3, "no_anomaly"))
    assert (2, 0) == (len(few.learned), len(few.held_out))
    assert (2, 1) == (len(more.learned), len(more.held_out))
    assert () == more.unseen_kinds


def test_a_kind_is_one_in_any_letter_case_and_called_as_it_was_written_first() -> None:
    deal = dealt([SaidEvent("a", "anomaly", "Belt"), SaidEvent("b", "anomaly", "belt")])
    assert ("Belt",) == deal.unseen_kinds
    assert {"Belt"} == {event.kind for event in deal.held_out}


def test_the_deal_does_not_depend_on_the_order_of_the_labels() -> None:
    given = events("bearing", 7)
    assert set(dealt(given).held_out) == set(dealt(reversed(given)).held_out)
