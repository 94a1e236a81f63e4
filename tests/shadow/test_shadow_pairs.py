"""Each window of the live bundle stands beside the candidate's window of the same moment."""

from __future__ import annotations

from shadow_rig import score_at

from monitor.messages import Quality, Score
from monitor.shadow.pairs import WAITING_MAX, Pairs

Found = list[tuple[Score, Score | None]]


def values(found: Found) -> list[tuple[float, float | None]]:
    return [(live.span.start_s, None if one is None else one.value) for live, one in found]


def test_where_both_cut_alike_the_very_same_samples_stand_beside_each_other() -> None:
    pairs, found = Pairs(), Found()
    for i in range(4):
        found += pairs.of_live(score_at(float(i), 0.5))
        found += pairs.of_candidate(score_at(float(i), 10.0 + i))
    assert [(0.0, 10.0), (1.0, 11.0), (2.0, 12.0), (3.0, 13.0)] == values(found)


def test_what_nobody_could_judge_is_told_in_its_place() -> None:
    pairs, found = Pairs(), Found()
    found += pairs.of_live(score_at(0.0, 0.5))
    found += pairs.of_live(score_at(1.0, None, quality=Quality.SILENT))
    assert [] == found, "it comes behind the one before"
    found += pairs.of_candidate(score_at(0.0, 10.0))
    found += pairs.of_live(score_at(2.0, None, quality=Quality.OFF))
    assert [(0.0, 10.0), (1.0, None), (2.0, None)] == values(found)


def test_where_windows_lie_otherwise_the_nearest_middle_counts_if_it_lies_over_it() -> None:
    pairs, found = Pairs(), Found()
    for i in range(9):
        found += pairs.of_live(score_at(float(i), 0.5))  # middles at 1, 2, ... 9
    found += pairs.of_candidate(score_at(0.5, 10.0, length_s=4.0))  # middle 2.5
    found += pairs.of_candidate(score_at(4.5, 14.0, length_s=4.0))  # middle 6.5
    assert [
        (0.0, 10.0),
        (1.0, 10.0),
        (2.0, 10.0),
        (3.0, 10.0),
        (4.0, 14.0),
        (5.0, 14.0),
    ] == values(found)
    assert [(0.0, None)] == values([*Pairs().of_live(score_at(0.0, 0.5)), *beside_nothing()]), (
        "no window of the candidate lies there"
    )


def beside_nothing() -> Found:
    pairs = Pairs()
    assert [] == list(pairs.of_live(score_at(0.0, 0.5)))
    return list(pairs.of_candidate(score_at(30.0, 1.0)))


def test_a_candidate_that_says_nothing_holds_up_no_more_than_so_many() -> None:
    pairs, found = Pairs(), Found()
    for i in range(WAITING_MAX + 5):
        found += pairs.of_live(score_at(float(i), 0.5))
    assert [(float(i), None) for i in range(5)] == values(found)
