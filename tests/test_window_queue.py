"""The queue is bounded, fair between sources, and hands back what it drops, in order."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping

import numpy as np
import pytest

from monitor.messages import Quality, Span, Window
from monitor.window_queue import PATIENT_WINDOWS, Passed, Taken, WindowQueue

LONG_S = 30.0
"""What is merely to happen may take so long."""


def window(source_id: str, number: int) -> Window:
    span = Span(source_id, number, float(number), number + 2.0, 0.0, Quality.OK, -20.0)
    return Window(span, np.zeros(4, np.float32))


def judged(taken: Taken) -> list[tuple[str, int]]:
    return [(w.span.source_id, w.span.first_sample) for w in taken.windows]


def dropped(taken: Taken) -> list[tuple[str, int]]:
    return [(span.source_id, span.first_sample) for span in taken.dropped]


def test_windows_come_out_in_the_order_they_went_in() -> None:
    queue = WindowQueue(10)
    for number in range(4):
        queue.put(window("a", number))
    assert [("a", 0), ("a", 1)] == judged(queue.take(2, 0.0))
    assert [("a", 2), ("a", 3)] == judged(queue.take(100, 0.0))
    assert {"a": Passed(4, 0)} == queue.passed()


def test_a_source_that_floods_the_queue_loses_its_own_oldest_windows() -> None:
    queue = WindowQueue(4)
    queue.put(window("quiet", 0))
    for number in range(10):
        queue.put(window("loud", number))
    taken = queue.take(100, 0.0)
    assert [("quiet", 0), ("loud", 7), ("loud", 8), ("loud", 9)] == judged(taken)
    assert [("loud", number) for number in range(7)] == dropped(taken)
    assert {"quiet": Passed(1, 0), "loud": Passed(10, 7)} == queue.passed()
    assert [] == dropped(queue.take(100, 0.0)), "what was dropped is told once"


def test_no_turn_takes_more_of_the_engines_time_than_neighbours_can_wait_for() -> None:
    queue = WindowQueue(100, cost_s=lambda _: 0.2)
    for number in range(10):
        queue.put(window("slow", number))
    assert [3, 3, 3, 1] == [len(queue.take(64, 0.0).windows) for _ in range(4)]
    very_slow = WindowQueue(100, cost_s=lambda _: 9.0)
    very_slow.put(window("slow", 0))
    assert 1 == len(very_slow.take(64, 0.0).windows)


def test_sound_that_can_wait_waits_for_room_and_nothing_is_dropped() -> None:
    queue = WindowQueue(4)

    def feed() -> None:
        for number in range(20):
            queue.put_waiting(window("a", number))

    feeder = threading.Thread(target=feed)
    feeder.start()
    heard: list[tuple[str, int]] = []
    deadline_s = time.monotonic() + LONG_S
    while len(heard) < 20 and time.monotonic() < deadline_s:
        assert len(queue) <= 2, "half of it is kept for sound that cannot wait"
        heard += judged(queue.take(1, 0.2))
    feeder.join(LONG_S)
    assert [("a", n) for n in range(20)] == heard
    assert {"a": Passed(20, 0)} == queue.passed()


def test_a_flood_of_live_sound_drops_nothing_of_sound_that_could_wait() -> None:
    queue = WindowQueue(2 * PATIENT_WINDOWS)
    for number in range(PATIENT_WINDOWS):
        queue.put_waiting(window("file", number))
    for number in range(1000):
        queue.put(window(f"live-{number % 40}", number))
    assert Passed(PATIENT_WINDOWS, 0) == queue.passed()["file"]


def test_sound_that_can_wait_trickles_through_a_queue_that_is_always_full() -> None:
    queue = WindowQueue(8)
    for number in range(8):
        queue.put(window("live", number))
    feeder = threading.Thread(target=lambda: queue.put_waiting(window("file", 0)))
    feeder.start()
    feeder.join(LONG_S)
    assert not feeder.is_alive(), "one gets in"
    second = threading.Thread(target=lambda: queue.put_waiting(window("file", 1)), daemon=True)
    second.start()
    second.join(0.2)
    assert second.is_alive(), "the next one waits for it"
    assert (8, Passed(8, 1)) == (len(queue), queue.passed()["live"])
    assert ("file", 0) in judged(queue.take(100, 0.0))
    second.join(LONG_S)
    assert [("file", 1)] == judged(queue.take(100, 1.0))


def test_closing_wakes_whoever_waits_and_tells_what_was_given_up() -> None:
    queue = WindowQueue(2)
    queue.put_waiting(window("a", 0))
    waiting = threading.Thread(target=queue.put_waiting, args=(window("a", 1),))
    waiting.start()
    queue.close()
    waiting.join(LONG_S)
    assert not waiting.is_alive()
    taken = queue.take(100, 0.0)
    assert ([("a", 0)], [("a", 1)]) == (judged(taken), dropped(taken))
    assert queue.is_empty
    started_s = time.monotonic()
    assert Taken([], ()) == queue.take(1, 2 * LONG_S)
    assert time.monotonic() - started_s < LONG_S


def test_a_source_in_a_hurry_waits_for_no_room_and_loses_its_own_oldest_windows() -> None:
    queue = WindowQueue(4)
    queue.put(window("live", 0))
    queue.put_waiting(window("file", 0))
    waiting = threading.Thread(target=queue.put_waiting, args=(window("file", 1),), daemon=True)
    waiting.start()
    waiting.join(0.1)
    assert waiting.is_alive()
    queue.hurry("file")
    waiting.join(LONG_S)
    assert not waiting.is_alive()
    queue.put_waiting(window("file", 2))
    taken = queue.take(100, 0.0)
    assert ([("live", 0), ("file", 2)], [("file", 0), ("file", 1)]) == (judged(taken), dropped(taken))
    assert {"live": Passed(1, 0), "file": Passed(3, 2)} == queue.passed()
    queue.be_patient("file")
    queue.put_waiting(window("file", 3))
    assert [("file", 3)] == judged(queue.take(100, 0.0))


def test_what_is_left_of_a_source_that_leaves_is_handed_out_once_and_its_counters_go() -> None:
    queue = WindowQueue(4)
    for number in range(6):
        queue.put(window("goes", number))
    queue.put(window("stays", 0))
    assert [("goes", n) for n in range(6)] == [
        (span.source_id, span.first_sample) for span in queue.forget("goes")
    ]
    assert not queue.holds("goes")
    assert {"stays": Passed(1, 0)} == queue.passed()
    assert ([("stays", 0)], []) == (judged(taken := queue.take(100, 0.0)), dropped(taken))
    assert [] == queue.forget("goes")
    assert queue.is_empty


def test_taking_from_an_empty_queue_waits_no_longer_than_asked() -> None:
    started_s = time.monotonic()
    assert [] == WindowQueue(1).take(1, 0.05).windows
    assert 0.04 < time.monotonic() - started_s < LONG_S


def test_whoever_takes_is_woken_once_for_what_is_no_window_and_not_again() -> None:
    queue = WindowQueue(1)
    taken: list[Taken] = []
    waiting = threading.Thread(target=lambda: taken.append(queue.take(1, 2 * LONG_S)))
    waiting.start()
    queue.wake()  # before it waits or while it does: either counts
    waiting.join(LONG_S)
    assert [Taken([], ())] == taken
    started_s = time.monotonic()
    queue.take(1, 0.05)
    assert 0.04 < time.monotonic() - started_s


@pytest.mark.parametrize("seed", range(20))
def test_every_window_is_taken_or_dropped_or_waits_and_each_source_keeps_its_order(seed: int) -> None:
    chance = random.Random(seed)
    costs = {f"s{number}": 10 ** chance.uniform(-4, 0) for number in range(chance.randint(1, 30))}
    queue = WindowQueue(chance.randint(1, 50), cost_s=costs.__getitem__)
    put: Counter[str] = Counter()
    settled: defaultdict[str, list[int]] = defaultdict(list)
    for _ in range(2000):
        if chance.random() < 0.9:
            source_id = chance.choice(list(costs)[: chance.randint(1, len(costs))])
            queue.put(window(source_id, put[source_id]))
            put[source_id] += 1
        else:
            taken = queue.take(chance.randint(1, 20), 0.0)
            # of one source what was dropped is older than what is judged in the same turn
            for source_id, number in dropped(taken) + judged(taken):
                settled[source_id].append(number)
        assert len(queue) <= queue.capacity_windows
    passed = queue.passed()
    assert dict(put) == {source_id: counts.put for source_id, counts in passed.items()}
    waiting = len(queue)
    gone = sum(len(numbers) for numbers in settled.values())
    while not queue.is_empty:
        taken = queue.take(1000, 0.0)
        for source_id, number in dropped(taken) + judged(taken):
            settled[source_id].append(number)
    untold = sum(put.values()) - gone - waiting
    assert 0 <= untold <= sum(counts.dropped for counts in passed.values())
    assert {source_id: list(range(count)) for source_id, count in put.items()} == settled


def dropped_shares(
    every_s: Mapping[str, float], cost_s: Callable[[str], float], *, capacity: int, until_s: float = 200.0
) -> dict[str, float]:
    """The share of each source's windows that is dropped when one thread has `cost_s` to spend on each."""
    now_s, busy_until_s = 0.0, 0.0
    queue = WindowQueue(capacity, cost_s=cost_s, monotonic=lambda: now_s)
    arrivals = sorted(
        (place / len(every_s) * hop_s + number * hop_s, source_id)
        for place, (source_id, hop_s) in enumerate(every_s.items())
        for number in range(int(until_s / hop_s))
    )
    for number, (now_s, source_id) in enumerate(arrivals):
        queue.put(window(source_id, number))
        while busy_until_s <= now_s and len(queue):
            taken = queue.take(64, 0.0)
            spent_s = sum(cost_s(each.span.source_id) for each in taken.windows)
            busy_until_s = max(busy_until_s, now_s) + spent_s
    return {source_id: counts.dropped / counts.put for source_id, counts in queue.passed().items()}


@pytest.mark.parametrize(("sources", "capacity"), [(16, 256), (16, 16), (300, 256), (300, 64)])
def test_where_all_are_alike_all_lose_alike(sources: int, capacity: int) -> None:
    every_s = {f"s{number}": 1.0 for number in range(sources)}
    shares = dropped_shares(
        every_s, lambda _: 2 / sources, capacity=capacity, until_s=60.0 if sources > 100 else 200.0
    ).values()
    assert max(shares) - min(shares) < 0.06
    assert 0.35 < min(shares), "half of it cannot be judged"


def test_bundles_that_cost_nearly_the_same_lose_nearly_the_same() -> None:
    every_s = {f"s{number}": 1.0 for number in range(100)}
    shares = dropped_shares(every_s, lambda s: 0.020 + 0.001 * (int(s[1:]) % 2), capacity=64).values()
    assert max(shares) - min(shares) < 0.1


def test_a_slow_bundle_costs_its_own_sources_and_not_its_neighbours() -> None:
    every_s = {**{f"slow{n}": 1.0 for n in range(4)}, **{f"quick{n}": 1.0 for n in range(100)}}
    shares = dropped_shares(every_s, lambda s: 0.5 if s.startswith("slow") else 0.001, capacity=256)
    slow = [share for source_id, share in shares.items() if source_id.startswith("slow")]
    quick = [share for source_id, share in shares.items() if source_id.startswith("quick")]
    assert 0.4 < min(slow)
    assert max(slow) < 0.8, "the slow ones are judged too"
    assert max(quick) < 0.1


def test_a_source_with_many_windows_costs_only_itself() -> None:
    every_s = {"flood": 0.01, **{f"calm{n}": 1.0 for n in range(15)}}
    shares = dropped_shares(every_s, lambda _: 1 / 40, capacity=256)
    assert 0.7 < shares.pop("flood") < 0.8
    assert {0.0} == set(shares.values())


def test_a_source_that_flooded_once_is_not_punished_for_ever() -> None:
    now_s = [0.0]
    queue = WindowQueue(8, cost_s=lambda _: 0.01, monotonic=lambda: now_s[0])
    numbers = itertools.count()
    for _ in range(200):
        queue.put(window("flood", next(numbers)))
        queue.take(4, 0.0)
    now_s[0] = 100.0
    for _ in range(10):  # each turn halves what it has had
        queue.take(1, 0.0)
        now_s[0] += 10.0
    before = queue.passed()["flood"].dropped
    for number in range(400):
        queue.put(window("flood" if number % 2 else "other", next(numbers)))
        if number % 4 == 0:
            queue.take(1, 0.0)
    lost = {name: counts.dropped for name, counts in queue.passed().items()}
    assert abs(lost["flood"] - before - lost["other"]) < 20
