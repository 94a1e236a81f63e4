"""The daemon remembers how its clock stands, and puts right what it had dated wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from monitor.clock import WallClock
from monitor.errors import StoreFullError
from monitor.store import Label, Store, open_store
from monitor.store.clocks import was_set
from monitor.testing import CapturedLog
from monitor.timekeeper import CORRECT_AFTER_S, TURN_S, Timekeeper

TRUE_S = 1_790_000_000.0


class Box:
    """A timekeeper whose two clocks a test moves."""

    def __init__(self, store: Store, offset_s: float = 0.0) -> None:
        self.up_s, self.offset_s = 100.0, offset_s
        self.store, self.log = store, CapturedLog()
        self.vouched = offset_s == TRUE_S
        clock = WallClock(
            wall=lambda: self.up_s + self.offset_s,
            since_boot=lambda: self.up_s,
            boot_id="boot-1",
            known=lambda _utc_s: self.vouched,
        )
        self.keeper = Timekeeper(store, self.log, clock=clock, monotonic=lambda: self.up_s)

    def tend(self, seconds: float = 0.5) -> None:
        self.up_s += seconds
        self.keeper.tend()

    def label(self, at_utc_s: float) -> None:
        with self.store.database.transaction() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO events (event_id, source_id, start_utc_s, state) "
                "VALUES ('e1', 'pump', ?, 'normal')",
                (at_utc_s,),
            )
        self.store.add_label(Label("e1", "unsure", "anna", at_utc_s))

    @property
    def told(self) -> list[tuple[str, str]]:
        return [(level, event) for level, event, _ in self.log.lines]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(tmp_path)) as opened:
        yield opened


def test_what_was_dated_in_1970_is_put_right_when_the_clock_is_set_and_again_for_what_came_late(
    store: Store,
) -> None:
    box = Box(store)
    box.tend()
    assert not box.keeper.clock_set
    box.label(box.up_s)
    box.offset_s = TRUE_S
    box.tend()
    assert box.keeper.clock_set
    assert [TRUE_S + 100.5] == [label.at_utc_s for label in store.labels("e1")]
    box.label(101.0)  # dated before the jump, stored after it
    box.tend(9.0)
    assert 101.0 == store.labels("e1")[1].at_utc_s
    box.tend(2.0)
    assert TRUE_S + 101.0 == store.labels("e1")[1].at_utc_s
    assert [
        ("warning", "the wall clock was set; what waits goes on by another clock"),
        ("info", "times of before the clock was set are put right"),
        ("info", "times of before the clock was set are put right"),
    ] == box.told
    assert TRUE_S == box.log.lines[0][2]["by_s"]


def test_a_disk_that_refuses_is_asked_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    box = Box(store)
    box.tend()
    box.label(box.up_s)

    def full(*_: object, **__: object) -> None:
        raise StoreFullError("no space left")

    with monkeypatch.context() as patched:
        patched.setattr(store.database, "transaction", full)
        box.offset_s = TRUE_S
        for _ in range(20):
            box.tend(0.1)
        assert 1 == len([event for level, event in box.told if "not stored" in event])
    box.tend(6.0)
    assert [TRUE_S + 100.5] == [label.at_utc_s for label in store.labels("e1")]


def test_a_box_that_knows_the_time_says_nothing(store: Store) -> None:
    box = Box(store, TRUE_S)
    for _ in range(200):
        box.tend()
    assert box.keeper.clock_set
    assert [] == box.told


def test_what_was_dated_by_systemds_guess_is_put_right_when_the_time_is_known(store: Store) -> None:
    guess_s = TRUE_S - 3 * 86_400.0
    box = Box(store, guess_s)
    box.label(box.up_s + guess_s)  # before the first look
    box.tend()
    assert not box.keeper.clock_set
    box.offset_s = TRUE_S
    box.tend()
    assert box.keeper.clock_set
    assert [TRUE_S + 100.0] == [label.at_utc_s for label in store.labels("e1")]


def test_somebody_who_vouches_for_the_clock_as_it_is_is_remembered_over_a_restart(store: Store) -> None:
    box = Box(store, TRUE_S - 1.0)
    box.tend()
    box.vouched = True
    box.tend()
    assert box.keeper.clock_set
    assert was_set(store.database, "boot-1")
    assert [] == box.told


def test_times_are_put_right_a_little_at_a_turn_and_then_no_more(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = Box(store)
    asked = []

    def pieces(_database: object) -> Iterator[int]:
        asked.append(box.up_s)
        for _ in range(10):
            box.up_s += TURN_S / 4
            yield 5

    monkeypatch.setattr("monitor.timekeeper.correct_times", pieces)
    box.offset_s = TRUE_S
    for _ in range(2):
        before_s = box.up_s
        box.tend()
        assert box.up_s - before_s < 0.5 + 1.5 * TURN_S, "others wait for this thread"
        assert box.told[1:] == [], "it is not done"
    box.tend()
    assert 50 == box.log.lines[-1][2]["rows"]
    for _ in range(20_000):
        box.tend()
    assert len(CORRECT_AFTER_S) == len(asked)
