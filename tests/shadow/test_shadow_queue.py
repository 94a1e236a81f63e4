"""Whoever judges waits for no candidate: what does not fit is skipped and counted."""

from __future__ import annotations

from shadow_rig import heard, score_at

from monitor.messages import Quality
from monitor.shadow.queue import ShadowQueue


def queue_of(capacity: int, *sources: str) -> ShadowQueue:
    queue = ShadowQueue(capacity)
    queue.listen_to(sources, rests=False)
    return queue


def starts(queue: ShadowQueue, limit: int = 99) -> list[float]:
    return [one.score.span.start_s for one in queue.take(limit, lambda _heard: 0)]


def test_windows_of_other_sources_are_passed_over() -> None:
    queue = queue_of(4, "pump-1")
    queue.put(heard(score_at(0.0, 0.5, source_id="fan")))
    assert (0, {}) == (len(queue), queue.take_skipped())


def test_a_full_queue_skips_what_comes_and_counts_it() -> None:
    queue = queue_of(2, "pump-1")
    for i in range(5):
        queue.put(heard(score_at(float(i), 0.5)))
    assert [0.0, 1.0] == starts(queue)
    skipped = queue.take_skipped()
    assert {("pump-1", "mae-1"): 3} == {key: one.count for key, one in skipped.items()}
    assert {} == queue.take_skipped()


def test_while_candidates_rest_all_that_could_be_judged_is_skipped() -> None:
    queue = queue_of(9, "pump-1")
    queue.put(heard(score_at(0.0, 0.5)))
    queue.listen_to(["pump-1"], rests=True)
    queue.put(heard(score_at(1.0, 0.5)))
    queue.put(heard(score_at(2.0, None, quality=Quality.OFF)))
    assert (0, [2]) == (len(queue), [one.count for one in queue.take_skipped().values()])


def test_a_source_that_is_listened_to_no_more_leaves_the_queue() -> None:
    queue = queue_of(9, "pump-1", "fan")
    for source_id in ("pump-1", "fan", "pump-1"):
        queue.put(heard(score_at(0.0, 0.5, source_id=source_id)))
    queue.listen_to(["fan"], rests=False)
    assert ["fan"] == [one.score.span.source_id for one in queue.take(9, lambda _heard: 0)]


def test_windows_of_one_engine_are_taken_together_in_their_order() -> None:
    queue = queue_of(9, "pump-1", "fan")
    for i, source_id in enumerate(("pump-1", "fan", "pump-1", "pump-1")):
        queue.put(heard(score_at(float(i), 0.5, source_id=source_id)))
    taken = queue.take(2, lambda one: one.score.span.source_id)
    assert [0.0, 2.0] == [one.score.span.start_s for one in taken]
    assert [1.0, 3.0] == starts(queue)
    queue.give_back(taken)
    assert [2] == [one.count for one in queue.take_skipped().values()]


def test_nobody_waits_long_for_a_window() -> None:
    queue = queue_of(9, "pump-1")
    assert not queue.wait(0.01)
    queue.put(heard(score_at(0.0, 0.5)))
    assert queue.wait(0.0)
