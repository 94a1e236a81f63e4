"""The oracles of the campaign find what they are for: each is shown one thing that is wrong."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from oracles import (
    Blind,
    Kept,
    kept_in,
    lost_records,
    open_ledgers,
    silent_alarms,
    two_stories,
    unjudged_values,
    untold_records,
    wrong_normals,
)
from scada import Belief, Told

BLIND = Blind("mic", 10.0, 20.0, "silence")


def beliefs(*steps: tuple[float, str]) -> list[Belief]:
    return [Belief(at_s, "mic", word) for at_s, word in steps]


def event(seq: int, event_id: str = "e1", at_s: float = 5.0) -> Told:
    return Told(at_s, "mic/event", {"seq": seq, "event_id": event_id, "reason": "limit"})


def score(value: float | None, quality: str = "ok", at_s: float = 5.0) -> Told:
    return Told(at_s, "mic/score", {"value": value, "quality": quality, "historical": False})


def kept(*seqs: int, replies: tuple[str, ...] = (), integrity: str = "ok") -> Kept:
    return Kept({seq: {"event_id": "e1"} for seq in seqs}, frozenset(replies), integrity)


@pytest.mark.parametrize(
    "steps",
    [
        [(0.0, "normal")],
        [(0.0, "normal"), (12.0, "uncertain")],
        [(0.0, "uncertain"), (15.0, "normal"), (15.2, "uncertain")],
        [(0.0, "offline"), (19.0, "normal")],
    ],
)
def test_a_normal_at_any_moment_of_a_blind_time_is_found(steps: list[tuple[float, str]]) -> None:
    (found,) = wrong_normals(beliefs(*steps), [BLIND])
    assert "silence" in found


@pytest.mark.parametrize(
    "steps",
    [
        [(0.0, "normal"), (9.9, "uncertain"), (20.1, "normal")],
        [(0.0, "alarm")],
        [(0.0, "unknown"), (15.0, "offline")],
    ],
)
def test_what_is_no_normal_or_outside_the_time_is_not(steps: list[tuple[float, str]]) -> None:
    assert [] == wrong_normals(beliefs(*steps), [BLIND])


def test_a_score_at_the_limit_must_be_followed_by_its_alarm() -> None:
    assert [] == silent_alarms([score(1.0)], beliefs((0.0, "normal"), (6.0, "alarm")))
    assert [] == silent_alarms([score(0.9)], beliefs((0.0, "normal")))
    assert 1 == len(silent_alarms([score(1.0)], beliefs((0.0, "normal"), (9.0, "alarm"))))


def test_a_bad_window_with_a_value_and_a_good_one_without_are_found() -> None:
    assert [] == unjudged_values([score(0.5), score(None, "gap")])
    assert 2 == len(unjudged_values([score(0.5, "gap"), score(None)]))


def test_a_record_that_changes_is_found_and_one_that_repeats_is_not() -> None:
    assert [] == two_stories([event(1), event(1, at_s=9.0), event(2)])
    assert 1 == len(two_stories([event(1), event(1, "e2")]))


def test_what_was_told_or_answered_and_is_not_kept_is_found() -> None:
    reply = Told(6.0, "mic/reply", {"id": "c1"})
    assert [] == lost_records([event(1), reply], kept(1, replies=("c1",)), 0.0)
    assert 2 == len(lost_records([event(1), reply], kept(2), 0.0))
    assert 1 == len(lost_records([event(1, "e2")], kept(1), 0.0))
    assert 1 == len(lost_records([], kept(integrity="page 3 is damaged"), 0.0))
    assert [] == lost_records([event(1)], kept(), 5.5), "a store that was damaged may have lost it"


def test_what_is_kept_and_was_not_told_is_found() -> None:
    assert [] == untold_records([event(1)], kept(1))
    assert 1 == len(untold_records([event(1)], kept(1, 2)))


def test_a_sample_that_is_nowhere_is_found() -> None:
    ledger: dict[str, Any] = {"received": 10, "lost": 2, "windowed": 8, "skipped": 1, "pending": 3}
    source = {"capture": {"source_id": "mic"}, "ledger": ledger}
    assert [] == open_ledgers({"sources": [source]})
    assert 1 == len(open_ledgers({"sources": [{**source, "ledger": {**ledger, "pending": 2}}]}))


def test_the_store_is_read_as_it_is(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "store.sqlite")) as store, store:
        store.execute("CREATE TABLE transitions (seq INTEGER, body TEXT)")
        store.execute("CREATE TABLE replies (command_id TEXT)")
        store.execute("""INSERT INTO transitions VALUES (7, '{"event_id": "e1"}')""")
        store.execute("INSERT INTO replies VALUES ('c1')")
    assert kept(7, replies=("c1",)) == kept_in(tmp_path)
    path = tmp_path / "store.sqlite"
    path.write_bytes(path.read_bytes().replace(b"CREATE TABLE replies", b"CREATE \xfaABLE replies"))
    (found,) = lost_records([event(1)], kept_in(tmp_path), 0.0)
    assert found.startswith("the store is damaged at the end: it cannot be read")
