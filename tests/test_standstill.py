"""An engine that does not come back is told in the health of every source, by a thread that does."""

from __future__ import annotations

from monitor.health import BoxFacts, HealthBook, SourceFacts, status_line
from monitor.messages import CaptureHealth, CaptureState
from monitor.overload import OverloadLog
from monitor.standstill import STANDS_STILL_S, Standstill
from monitor.testing import CapturedLog


def book_of(*source_ids: str) -> HealthBook:
    healths = [CaptureHealth(source_id, CaptureState.HEALTHY, "", "default") for source_id in source_ids]
    return HealthBook([SourceFacts(health, "ae-1", "onnx") for health in healths])


def test_turns_that_stand_still_for_ten_seconds_are_told_once_and_so_is_their_end() -> None:
    log = CapturedLog()
    standstill = Standstill(log)
    slow = [standstill.look(half // 16, half / 2) for half in range(200)]
    assert [False] * 200 == slow, "a turn of 8 s is slow and no standstill"
    assert [] == log.lines
    hung = [standstill.look(12, 100.0 + half / 2) for half in range(60)]
    assert hung == sorted(hung)
    assert hung.index(True) <= 2 * STANDS_STILL_S
    assert not standstill.look(13, 131.0)
    assert ["error", "info"] == [level for level, _, _ in log.lines]


def test_a_process_that_was_stopped_as_a_whole_has_no_hanging_engine() -> None:
    standstill = Standstill(CapturedLog())
    standstill.look(7, 0.0)
    assert not standstill.look(7, 40.0)


def test_no_source_keeps_up_while_judging_stands_still_and_the_line_says_so() -> None:
    book, box = book_of("a", "b"), BoxFacts(version="1", pid=7, started_utc_s=0.0, broker="connected")
    book.note_standstill(stands_still=True)
    assert [(False, True)] * 2 == [(fact.keeps_up, fact.stands_still) for fact in book.sources()]
    assert status_line(box, book.sources()).startswith("THE ENGINE DOES NOT COME BACK")
    log = CapturedLog()
    for second in range(60):
        OverloadLog(log).look(book.sources(), float(second))
    assert [] == log.lines, "an engine that hangs is not told as a box that is too slow"
    book.note_standstill(stands_still=False)
    assert [(True, False)] * 2 == [(fact.keeps_up, fact.stands_still) for fact in book.sources()]
