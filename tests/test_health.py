"""Health is one set of facts."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from monitor.health import BoxFacts, HealthBook, SourceFacts, status_line
from monitor.keeping_up import Lately
from monitor.messages import (
    AlarmState,
    CaptureHealth,
    CaptureState,
    MachineCondition,
    MachineOff,
    OffCause,
    Quality,
    Score,
    SignalState,
    Span,
)
from monitor.operators import Limits
from monitor.report import STATUS_FILE, StatusFile, report_of, write_status
from monitor.window import Ledger
from monitor.window_queue import Passed

BOX = BoxFacts(version="1", pid=7, started_utc_s=0.0, broker="connected")


def facts(source_id: str = "a", **changes: object) -> SourceFacts:
    capture = CaptureHealth(source_id, CaptureState.HEALTHY, "", "device", received_samples=100)
    base = SourceFacts(capture=capture, bundle_id="ae-1", backend="onnxruntime", windows=5)
    return replace(base, **changes)  # type: ignore[arg-type]


def captured(state: CaptureState, samples: int = 100, lost: int = 0) -> CaptureHealth:
    return CaptureHealth("a", state, "why", "device", received_samples=samples, lost_samples=lost)


def score(source_id: str, value: float | None) -> Score:
    span = Span(source_id, 0, 0.0, 2.0, 0.0, Quality.OK if value is not None else Quality.GAP, -20.0)
    return Score(span, value, value, value, None, "ae-1")


def test_what_threads_note_is_found_again() -> None:
    book = HealthBook([facts("a", windows=0), facts("b", windows=0)])
    book.note_score(score("b", 0.5), lag_s=0.1)
    book.note_score(score("b", None), lag_s=0.2)
    book.note_alarm("a", AlarmState.SHELVED, Limits(1.0, 0.7, 0.1, 0.0, 5.0), uncertain=True)
    book.note_passed({"a": Passed(12, 3), "gone": Passed(9, 9)})
    book.note_ledger("a", Ledger(10, 2, 8, 1, 3))
    one, two = book.sources()
    assert (AlarmState.SHELVED, True, 3) == (one.alarm, one.uncertain, one.dropped_windows)
    assert Ledger(10, 2, 8, 1, 3) == one.ledger
    assert (None, Quality.GAP, 2, 0.2) == (two.value, two.quality, two.windows, two.lag_s)


def test_a_source_keeps_up_again_a_minute_after_its_last_dropped_window(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now_s = [1000.0]
    monkeypatch.setattr("monitor.health.time.monotonic", lambda: now_s[0])
    book = HealthBook([facts("a")])
    told = []
    for at_s, dropped in ((1000.0, 0), (1010.0, 3), (1069.0, 3), (1070.0, 3), (1080.0, 4)):
        now_s[0] = at_s
        book.note_passed({"a": Passed(int(at_s), dropped)})
        told.append(book.sources()[0].keeps_up)
    assert [True, False, False, True, False] == told


def test_a_dropped_window_is_told_and_is_no_work_done() -> None:
    book = HealthBook([facts("a")])
    book.note_score(score("a", 0.5), lag_s=0.1)
    dropped = score("a", None)
    dropped = replace(dropped, span=replace(dropped.span, quality=Quality.DROPPED))
    book.note_score(dropped, lag_s=9.0)
    (one,) = book.sources()
    assert (6, None, Quality.DROPPED, 0.1) == (one.windows, one.value, one.quality, one.lag_s)
    assert 1 == sum(book.lags("a").counts)


def test_the_status_line_says_which_share_of_the_windows_is_dropped() -> None:
    late = facts("a", keeps_up=False, lately=Lately(60, 45))
    line = status_line(BOX, [late, facts("b", lately=Lately(60, 0))])
    assert "can't keep up: 38 % of windows dropped; listening to 2 of 2 sources" == line


def test_the_status_line_says_what_is_off_and_which_signal_is_missing() -> None:
    off = MachineCondition(MachineOff((OffCause.SCHEDULE,), "schedule, sat UTC", 5.0))
    unsure = MachineCondition(signal=SignalState.MISSING, signal_missing="never told")
    line = status_line(BOX, [facts("a", machine=off), facts("b", machine=unsure)])
    assert "no signal whether it runs from b; off: a (schedule, sat UTC); listening to 2 of 2 sources" == line


def test_the_status_line_has_the_worst_news_first() -> None:
    assert "listening to 1 of 1 sources" == status_line(BOX, [facts()])
    box = replace(BOX, store_error="full", clips_error="full", broker="away", outbox_records=7)
    line = status_line(
        box,
        [
            facts("a", capture=captured(CaptureState.FAILED)),
            facts("b", alarm=AlarmState.UNACKNOWLEDGED, keeps_up=False),
        ],
    )
    assert (
        "STORE FAILS, alarms wait in memory; no clips are written; no sound from a; ALARM b; "
        "broker away, 7 records wait; can't keep up; listening to 1 of 2 sources"
    ) == line


@pytest.mark.parametrize("state", [state for state in CaptureState if state is not CaptureState.HEALTHY])
def test_a_source_that_is_not_healthy_is_not_listened_to(state: CaptureState) -> None:
    line = status_line(BOX, [facts("a", capture=captured(state)), facts("b")])
    assert "no sound from a; listening to 1 of 2 sources" == line


def test_what_was_lost_since_the_start_stands_at_the_end_of_the_status_line() -> None:
    lossy = facts("a", capture=captured(CaptureState.HEALTHY, lost=70), dropped_windows=2)
    line = status_line(BOX, [lossy, facts("b", dropped_windows=1)])
    assert "listening to 2 of 2 sources (since the start: 70 samples lost, 3 windows dropped)" == line


def test_the_status_file_is_replaced_whole(tmp_path: Path) -> None:
    write_status(tmp_path, report_of(BOX, [facts(quality=Quality.OK, ledger=Ledger(1, 0, 1, 0, 0))]))
    tree = json.loads((tmp_path / STATUS_FILE).read_text())
    assert "healthy" == tree["sources"][0]["capture"]["state"]
    assert 7 == tree["box"]["pid"]
    assert time.time() - tree["updated_utc_s"] < 5
    assert [STATUS_FILE] == [path.name for path in tmp_path.iterdir()]


def test_the_status_file_has_news_at_once_and_mere_figures_every_two_seconds(tmp_path: Path) -> None:
    kept = StatusFile(tmp_path)

    def written(now_s: float, *, at_once: bool = False, **changes: object) -> bool:
        (tmp_path / STATUS_FILE).unlink(missing_ok=True)
        kept.keep(report_of(BOX, [facts(**changes)]), now_s, at_once=at_once)
        return (tmp_path / STATUS_FILE).exists()

    assert written(0.0)
    assert not written(0.5, windows=6, value=0.4)
    assert written(0.6, windows=6, alarm=AlarmState.UNACKNOWLEDGED)
    assert written(0.7, windows=6, capture=captured(CaptureState.ALARMED))
    assert not written(2.6, windows=7, capture=captured(CaptureState.ALARMED))
    assert written(2.7, windows=8, capture=captured(CaptureState.ALARMED))
    assert written(2.8, windows=8, capture=captured(CaptureState.ALARMED), at_once=True)


def test_a_status_file_that_could_not_be_written_is_tried_again(tmp_path: Path) -> None:
    kept, report = StatusFile(tmp_path / "gone"), report_of(BOX, [facts()])
    with pytest.raises(OSError, match="gone"):
        kept.keep(report, 0.0)
    (tmp_path / "gone").mkdir()
    kept.keep(report, 0.5)
    assert (tmp_path / "gone" / STATUS_FILE).exists()
