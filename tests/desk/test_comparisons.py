"""A candidate is compared when somebody asks: beside all else, answered with what was found, on record."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from fixtures_mosquitto import eventually
from machine_rig import Audience, machine, windows

from monitor.config import Config, parse_config
from monitor.desk.comparisons import WAITING_MAX, Comparisons
from monitor.desk.desk import Desk
from monitor.errands import Errands
from monitor.errors import ComparisonError
from monitor.pipeline import Pipeline
from monitor.promotion.apart import Told
from monitor.roster import Roster
from monitor.store import Store, open_store
from monitor.supervisor import guarded
from monitor.testing import CapturedLog

CONFIG = parse_config("sources: [{id: pump, kind: simulated}]\n", name="of a test")
TOLD = Told("too_early", ("2 h have been judged by both; 168 h are asked for", "b", "c", "d"))
ASKED = b'{"id": "c1", "actor": "anna", "action": "compare"}'

Judge = Callable[[Config, str, Callable[[], bool]], Told]


class Hall:
    """A desk beside the thread that compares, as in the daemon."""

    def __init__(self, store: Store, judge: Judge) -> None:
        self.store, self.log = store, CapturedLog()
        self.errands = Errands()
        roster = Roster([machine("pump", [0.2, 1.2])])
        pipeline = Pipeline(roster, store, Audience(), lambda _: None, self.log, say=lambda _: None)
        pipeline.hear(windows("pump", 2))
        self.comparisons = Comparisons(lambda: CONFIG, self.errands, self.log, judge=judge)
        self.desk = Desk(roster, store, pipeline, self.log)
        self.desk.have_compared(self.comparisons)
        self.told: list[dict[str, object]] = []

    def ask(self, payload: bytes = ASKED, source_id: str | None = "pump") -> None:
        self.desk.hand_in(source_id, payload, answered=lambda reply: self.told.append(dict(reply)))
        self.desk.obey()

    def begun(self) -> threading.Thread:
        """The thread, at the next comparison."""
        comparing = threading.Thread(target=self.comparisons.run_once, args=(0.0,))
        comparing.start()
        return comparing

    def finish(self, comparing: threading.Thread) -> None:
        while comparing.is_alive():
            guarded(self.log, "judging failed", self.errands.run)
            comparing.join(0.01)
        self.desk.obey()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(tmp_path)) as store:
        yield store


def test_the_answer_tells_what_was_found_and_is_on_record(store: Store) -> None:
    asked_for: list[str] = []

    def judge(_config: Config, source_id: str, _broken_off: object) -> Told:
        asked_for.append(source_id)
        return TOLD

    hall = Hall(store, judge)
    hall.ask()
    assert ["pump"] == list(hall.desk.comparing)
    hall.finish(hall.begun())
    detail = (
        "it is too early to tell whether the candidate is better: 2 h have been judged by both; 168 h are "
        "asked for; b; c; and 1 more reasons"
    )
    assert [("done", detail)] == [(one["result"], one["detail"]) for one in hall.told]
    (entry,) = (entry for entry in store.audit(9) if entry.action == "compare")
    assert ("anna", "done", detail) == (entry.actor, entry.result, entry.reason)
    assert {} == hall.desk.comparing
    hall.ask()
    assert (["pump"], 2) == (asked_for, len(hall.told)), "the same id is answered again and done once"


def test_what_waits_is_bounded_and_whoever_asks_meanwhile_gets_the_same_answer(store: Store) -> None:
    goes_on = threading.Event()

    def judge(*_asked: object) -> Told:
        assert goes_on.wait(60.0)
        return TOLD

    hall = Hall(store, judge)
    hall.ask()
    comparing = hall.begun()
    hall.ask()
    eventually(hall.comparisons._waiting.empty, 10.0, "the first, being compared")
    for number in range(WAITING_MAX + 1):
        hall.ask(ASKED.replace(b"c1", f"d{number}".encode()))
    assert ["refused"] == [one["result"] for one in hall.told]
    assert f"{WAITING_MAX} comparisons wait already" in str(hall.told[0]["reason"])
    goes_on.set()
    hall.finish(comparing)
    assert ["refused", "done", "done"] == [one["result"] for one in hall.told]
    assert ["c1", "c1"] == [one["id"] for one in hall.told[1:]]
    for _ in range(WAITING_MAX):
        hall.finish(hall.begun())
    assert ({}, 3 + WAITING_MAX) == (hall.desk.comparing, len(hall.told))


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ComparisonError("pump: there is no candidate"), "it could not be compared: pump: there is no"),
        (ZeroDivisionError(), "it could not be compared: the daemon failed over it"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_the_reason(
    store: Store, error: Exception, reason: str
) -> None:
    def judge(*_asked: object) -> Told:
        raise error

    hall = Hall(store, judge)
    hall.ask()
    hall.finish(hall.begun())
    (told,) = hall.told
    assert ("refused", True) == (told["result"], str(told["reason"]).startswith(reason)), told
    hall.ask(ASKED.replace(b"c1", b"c2"), source_id=None)
    assert "compare is for one source; send it to that source" == hall.told[1]["reason"]


def test_the_end_of_the_daemon_breaks_a_comparison_off(store: Store) -> None:
    def judge(_config: Config, _source_id: str, broken_off: Callable[[], bool]) -> Told:
        eventually(broken_off, 10.0, "that it is broken off")
        raise ComparisonError("it was broken off")

    hall = Hall(store, judge)
    hall.ask()
    comparing = hall.begun()
    hall.comparisons.wake()
    hall.finish(comparing)
    assert ["it could not be compared: it was broken off"] == [one["reason"] for one in hall.told]
