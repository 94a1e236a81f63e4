"""Each reader of the outbox has a place of its own, and a record goes when the last has it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from monitor.errors import StoreRefusedError
from monitor.messages import AlarmChange, Reader, ReadTo, Score
from monitor.store import Label, Reply, Store, open_store, outbox
from monitor.store.schema import MIGRATIONS

BOTH = (Reader.JSON, Reader.SPARKPLUG)


def put(store: Store, raised: AlarmChange, *names: str) -> None:
    for name in names:
        store.apply([replace(raised, event_id=name)], snapshot={}, bundle_id=None)


def waiting(store: Store, reader: Reader, after: ReadTo | None = None) -> list[object]:
    return [record.body.get("event_id") for record in store.pending(100, reader, after=after)]


def test_a_record_waits_for_each_reader_and_goes_with_the_last(store: Store, raised: AlarmChange) -> None:
    store.read_by(BOTH)
    put(store, raised, "e1", "e2")
    first = store.pending(1)[0].seq
    store.mark_sent(first, Reader.SPARKPLUG)
    store.mark_sent(first, Reader.SPARKPLUG)
    assert (["e1", "e2"], ["e2"]) == (waiting(store, Reader.JSON), waiting(store, Reader.SPARKPLUG))
    assert 2 == store.outbox_depth()
    store.mark_sent(first, Reader.JSON)
    assert (["e2"], 1) == (waiting(store, Reader.JSON), store.outbox_depth())


def test_who_has_taken_records_is_given_what_follows(
    store: Store, raised: AlarmChange, score_of: Callable[..., Score]
) -> None:
    store.read_by(BOTH)
    put(store, raised, "e1")
    for minute in range(4):
        store.add_offline_score(score_of(0.5, 60.0 * minute), Reader.SPARKPLUG, every_s=60.0, limit_rows=9)
    put(store, raised, "e2")
    taken = store.pending(3, Reader.SPARKPLUG)
    assert ["event", "event", "score"] == [record.kind for record in taken]
    put(store, raised, "e3")
    follow = store.pending(9, Reader.SPARKPLUG, after=ReadTo(taken[1].seq, taken[2].seq))
    assert ["event", "score", "score"] == [record.kind for record in follow]
    assert "e3" == follow[0].body["event_id"]
    assert ["e1", "e2", "e3"] == waiting(store, Reader.JSON), "scores of one reader are not the other's"


def test_a_reader_that_is_no_longer_configured_holds_nothing_back(
    state_dir: Path, raised: AlarmChange
) -> None:
    with closing(open_store(state_dir)) as store:
        store.read_by(BOTH)
        put(store, raised, "e1", "e2")
        store.mark_sent(store.pending(1)[0].seq, Reader.JSON)
    with closing(open_store(state_dir)) as store:
        assert 1 == store.read_by([Reader.JSON])
        assert (["e2"], []) == (waiting(store, Reader.JSON), waiting(store, Reader.SPARKPLUG))
        assert 1 == store.outbox_depth()
        assert 1 == store.read_by([])
        put(store, raised, "e3")
        assert 0 == store.outbox_depth()
        store.read_by([Reader.SPARKPLUG])
        put(store, raised, "e4")
        assert ["e4"] == waiting(store, Reader.SPARKPLUG)
        assert 4 == store.pending(1, Reader.SPARKPLUG)[0].seq, "numbers go on, whoever reads"
        assert 4 == len(store.events(10))


def test_a_reply_is_repeated_to_who_has_had_it_though_another_still_waits(store: Store) -> None:
    store.read_by(BOTH)
    store.save_reply(Reply("c1", "pump1", 1.0, {}))
    assert store.repeat_reply("c1")
    assert 1 == store.outbox_depth(), "it waits for both"
    store.mark_sent(store.pending(1)[0].seq, Reader.JSON)
    assert store.repeat_reply("c1")
    assert 1 == store.outbox_depth() == len(store.pending(9)) == len(store.pending(9, Reader.SPARKPLUG))


def test_a_command_that_comes_again_and_again_leaves_one_reply_to_a_reader_that_is_away(store: Store) -> None:
    store.read_by(BOTH)
    store.save_reply(Reply("c1", "pump1", 1.0, {"result": "done"}))
    for _ in range(50):
        (record,) = store.pending(9)
        store.mark_sent(record.seq)
        assert store.repeat_reply("c1")
    assert ["done"] == [record.body["result"] for record in store.pending(99, Reader.SPARKPLUG)]


def test_replies_that_wait_are_bounded_for_each_reader_and_events_never_go(
    store: Store, raised: AlarmChange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "REPLIES_WAITING", 5)
    store.read_by(BOTH)
    put(store, raised, "e1")
    for number in range(8):
        store.save_reply(Reply(None if number % 2 else f"c{number}", "pump1", 1.0, {"n": number}))
        if number < 4:
            store.mark_sent(store.pending(9)[-1].seq)
    waiting_numbers = {
        reader: [record.body.get("n") for record in store.pending(99, reader)] for reader in BOTH
    }
    assert {Reader.JSON: [None, 4, 5, 6, 7], Reader.SPARKPLUG: [None, 3, 4, 5, 6, 7]} == waiting_numbers
    assert 6 == store.outbox_depth()
    assert 3 == store.dropped_replies
    assert {"n": 0, "command_id": "c0"} == store.reply_to("c0"), "what was answered is still known"
    store.repeat_reply("c0")
    assert 0 == store.pending(99, Reader.SPARKPLUG)[-1].body["n"]
    with pytest.raises(StoreRefusedError, match="already carried out"):
        store.add_label(Label("e1", "anomaly", who="a", at_utc_s=1.0), reply=Reply("c0", "pump1", 1.0, {}))
    assert 4 == store.dropped_replies


def test_scores_are_thinned_and_bounded_for_each_reader(store: Store, score_of: Callable[..., Score]) -> None:
    store.read_by(BOTH)
    for minute in range(6):
        for reader in BOTH:
            score = score_of(minute / 10, 60.0 * minute)
            store.add_offline_score(score, reader, every_s=60.0, limit_rows=3)
    store.flush_offline_scores(Reader.SPARKPLUG)
    told = {reader: [record.body["value"] for record in store.pending(9, reader)] for reader in BOTH}
    assert [0.2, 0.3, 0.4] == told[Reader.JSON]
    assert [0.3, 0.4, 0.5] == told[Reader.SPARKPLUG]
    assert 5 == store.dropped_scores


def test_what_waited_before_there_were_readers_waits_for_json(state_dir: Path) -> None:
    state_dir.mkdir(mode=0o700)
    with closing(sqlite3.connect(state_dir / "store.sqlite", isolation_level=None)) as old:
        for step in (1, 2):
            for statement in MIGRATIONS[step]:
                old.execute(statement)
        old.execute("PRAGMA user_version = 2")
        row = "INSERT INTO outbox (rank, kind, source_id, created_utc_s, body) VALUES (?, ?, 'pump1', 1.0, ?)"
        old.execute(row, (1, "score", '{"value": 0.5}'))
        old.execute(row, (0, "event", '{"event_id": "e1"}'))
    with closing(open_store(state_dir)) as store:
        assert ["event", "score"] == [record.kind for record in store.pending(9)]
        assert [] == list(store.pending(9, Reader.SPARKPLUG))
