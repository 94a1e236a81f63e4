"""The queue is bounded, fair between sources, and counts what it drops."""

from __future__ import annotations

import threading
import time

import numpy as np

from monitor.messages import Quality, Span, Window
from monitor.window_queue import WindowQueue


def window(source_id: str, number: int) -> Window:
    span = Span(source_id, number, float(number), number + 2.0, 0.0, Quality.OK, -20.0)
    return Window(span, np.zeros(4, np.float32))


def taken(queue: WindowQueue) -> list[tuple[str, int]]:
    return [(w.span.source_id, w.span.first_sample) for w in queue.take(100, 0.0)]


def test_windows_come_out_in_the_order_they_went_in() -> None:
    queue = WindowQueue(10)
    for number in range(4):
        queue.put(window("a", number))
    assert [("a", 0), ("a", 1)] == [(w.span.source_id, w.span.first_sample) for w in queue.take(2, 0.0)]
    assert [("a", 2), ("a", 3)] == taken(queue)
    assert {} == queue.dropped()


def test_a_source_that_floods_the_queue_loses_its_own_oldest_windows() -> None:
    queue = WindowQueue(4)
    queue.put(window("quiet", 0))
    for number in range(10):
        queue.put(window("loud", number))
    assert [("quiet", 0), ("loud", 7), ("loud", 8), ("loud", 9)] == taken(queue)
    assert {"loud": 7} == queue.dropped()


def test_sound_that_can_wait_waits_for_room_and_nothing_is_dropped() -> None:
    queue = WindowQueue(2)
    feeder = threading.Thread(target=lambda: [queue.put_waiting(window("a", n)) for n in range(20)])
    feeder.start()
    heard: list[tuple[str, int]] = []
    deadline_s = time.monotonic() + 5
    while len(heard) < 20 and time.monotonic() < deadline_s:
        assert len(queue) <= 2
        heard += [(w.span.source_id, w.span.first_sample) for w in queue.take(1, 0.2)]
    feeder.join(1.0)
    assert [("a", n) for n in range(20)] == heard
    assert {} == queue.dropped()


def test_closing_wakes_whoever_waits() -> None:
    queue = WindowQueue(1)
    queue.put(window("a", 0))
    waiting = threading.Thread(target=queue.put_waiting, args=(window("a", 1),))
    waiting.start()
    queue.close()
    waiting.join(1.0)
    assert not waiting.is_alive()
    assert [("a", 0)] == taken(queue)
    assert {"a": 1} == queue.dropped()
    started_s = time.monotonic()
    assert [] == queue.take(1, 10.0)
    assert time.monotonic() - started_s < 1.0


def test_taking_from_an_empty_queue_waits_no_longer_than_asked() -> None:
    started_s = time.monotonic()
    assert [] == WindowQueue(1).take(1, 0.05)
    assert 0.04 < time.monotonic() - started_s < 1.0
