"""Overload is told once with its share, not once a window, and so is its end."""

from __future__ import annotations

from monitor.health import SourceFacts
from monitor.keeping_up import Lately, PaceMeter, percent
from monitor.messages import CaptureHealth, CaptureState
from monitor.overload import TELL_EVERY_S, OverloadLog
from monitor.testing import CapturedLog
from monitor.window_queue import Passed


def facts(source_id: str, *, keeps_up: bool, lately: Lately, dropped: int) -> SourceFacts:
    capture = CaptureHealth(source_id, CaptureState.HEALTHY, "", "device")
    return SourceFacts(capture, "ae-1", "onnx", keeps_up=keeps_up, lately=lately, dropped_windows=dropped)


def test_the_share_of_dropped_windows_is_that_of_the_last_minute() -> None:
    meter = PaceMeter()
    told = [meter.note(Passed(second, max(0, second - 100)), float(second)) for second in range(301)]
    assert (True, Lately(60, 0)) == (told[100][0], Lately(60, told[100][1].dropped))
    assert (False, 1) == (told[101][0], told[101][1].dropped)
    assert 1.0 == told[300][1].dropped_share
    assert 60 <= told[300][1].windows <= 65
    over = [meter.note(Passed(second, 200), float(second)) for second in range(301, 400)]
    assert [False] * 59 + [True] * 40 == [keeps_up for keeps_up, _ in over]
    assert 0.0 < min(lately.dropped_share for keeps_up, lately in over if not keeps_up)
    assert {0} == {lately.dropped for keeps_up, lately in over if keeps_up}


def test_a_source_that_comes_back_is_not_charged_with_what_was_dropped_before() -> None:
    assert (True, Lately(0, 0)) == PaceMeter().note(Passed(90, 40), 100.0)


def test_a_share_that_is_not_nothing_is_never_said_to_be_nothing() -> None:
    assert ["under 1 %", "1 %", "43 %", "100 %"] == [percent(s) for s in (0.0001, 0.01, 0.43, 1.0)]


def test_a_long_overload_is_warned_of_once_in_ten_minutes_with_its_share() -> None:
    log = CapturedLog()
    overload = OverloadLog(log)
    well = facts("b", keeps_up=True, lately=Lately(60, 0), dropped=0)
    for half_second in range(4 * 600):
        late = facts("a", keeps_up=False, lately=Lately(60, 30), dropped=half_second)
        overload.look([late, well], half_second / 2)
    assert 2 * TELL_EVERY_S == 1200
    warnings = [kept for level, _, kept in log.lines if level == "warning"]
    assert ["25 %", "25 %"] == [kept["share"] for kept in warnings]
    assert {"a": "50 %"} == warnings[0]["worst"]
    for half_second in range(4 * 600, 4 * 600 + 100):
        ended = facts("a", keeps_up=True, lately=Lately(60, 0), dropped=2399)
        overload.look([ended, well], half_second / 2)
    assert [("info", "keeps up again", {"lasted_s": 1200, "dropped": 2399})] == log.lines[2:]


def test_a_box_that_keeps_up_says_nothing() -> None:
    log = CapturedLog()
    overload = OverloadLog(log)
    for second in range(100):
        overload.look([facts("a", keeps_up=True, lately=Lately(60, 0), dropped=7)], float(second))
    assert [] == log.lines
