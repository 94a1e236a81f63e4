from __future__ import annotations

import math
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from monitor.errors import StoreError, StoreRefusedError
from monitor.messages import AlarmChange, AlarmState, ChangeReason, Outbox, ReadTo, Score
from monitor.store import Label, Reply, Store, open_store
from monitor.store.outbox import REPLIES_KEPT


def cleared(change: AlarmChange, at_utc_s: float) -> AlarmChange:
    return replace(
        change,
        old_state=change.new_state,
        new_state=AlarmState.RETURNED,
        reason=ChangeReason.CLEARED,
        at_utc_s=at_utc_s,
        active=False,
    )


def acknowledged(change: AlarmChange, at_utc_s: float) -> AlarmChange:
    return replace(
        change,
        old_state=change.new_state,
        new_state=AlarmState.NORMAL if not change.active else AlarmState.ACKNOWLEDGED,
        reason=ChangeReason.ACKNOWLEDGED,
        at_utc_s=at_utc_s,
        actor="anna",
    )


def test_a_change_is_an_event_a_record_and_a_snapshot(store: Store, raised: AlarmChange) -> None:
    store.apply([raised], snapshot={"state": "unacknowledged", "since": 1000.5}, bundle_id="mae-1")
    (record,) = store.pending(10)
    event = store.event("e1")
    assert event is not None
    assert (998.25, None, 1.5, AlarmState.UNACKNOWLEDGED, None, "mae-1") == (
        event.start_utc_s,
        event.end_utc_s,
        event.peak,
        event.state,
        event.acknowledged_by,
        event.bundle_id,
    )
    assert (record.kind, record.source_id, record.created_utc_s) == ("event", "pump1", 1000.5)
    assert record.body == {
        "source_id": "pump1",
        "event_id": "e1",
        "old_state": "normal",
        "new_state": "unacknowledged",
        "reason": "limit",
        "at_utc_s": 1000.5,
        "event_start_utc_s": 998.25,
        "peak": 1.5,
        "warning": True,
        "uncertain": False,
        "active": True,
        "shelved_until_utc_s": None,
        "actor": None,
        "note": None,
        "explanation": None,
        "off_reason": None,
        "acknowledged": None,
        "bundle_id": "mae-1",
        "seq": record.seq,
    }
    assert store.alarm_snapshots() == {"pump1": {"state": "unacknowledged", "since": 1000.5}}
    assert store.transitions("e1") == [record.body]


def test_everything_is_there_after_reopening(state_dir: Path, raised: AlarmChange) -> None:
    store = open_store(state_dir)
    store.apply([raised], snapshot={"a": None}, bundle_id=None, reply=Reply("c1", "pump1", 1.0, {"ok": True}))
    before = (store.pending(10), store.event("e1"), store.alarm_snapshots(), store.reply_to("c1"))
    store.close()
    store = open_store(state_dir)
    assert before == (store.pending(10), store.event("e1"), store.alarm_snapshots(), store.reply_to("c1"))
    store.close()


def test_an_event_ends_when_the_sound_returns_and_not_when_somebody_acknowledges(
    store: Store, raised: AlarmChange
) -> None:
    gone = cleared(raised, 1010.0)
    store.apply([raised], snapshot={}, bundle_id=None)
    store.apply([gone], snapshot={}, bundle_id=None)
    store.apply([acknowledged(gone, 1060.0)], snapshot={}, bundle_id=None)
    event = store.event("e1")
    assert event is not None
    assert (1010.0, "anna", 1060.0, AlarmState.NORMAL) == (
        event.end_utc_s,
        event.acknowledged_by,
        event.acknowledged_utc_s,
        event.state,
    )


def test_an_event_that_comes_back_has_no_end(store: Store, raised: AlarmChange) -> None:
    store.apply([raised, cleared(raised, 1010.0)], snapshot={}, bundle_id=None)
    store.apply([replace(raised, at_utc_s=1020.0)], snapshot={}, bundle_id=None)
    event = store.event("e1")
    assert event is not None
    assert event.end_utc_s is None


def test_a_peak_only_rises(store: Store, raised: AlarmChange) -> None:
    store.apply([replace(raised, peak=None)], snapshot={}, bundle_id=None)
    peaks = []
    for peak in (2.0, 1.0, 3.0):
        store.update_peak("e1", peak, snapshot={"peak": peak})
        event = store.event("e1")
        peaks.append(event.peak if event else None)
    assert peaks == [2.0, 2.0, 3.0]
    assert store.alarm_snapshots() == {"pump1": {"peak": 3.0}}
    with pytest.raises(StoreError, match="'e9' is not known"):
        store.update_peak("e9", 1.0)


def test_a_change_without_an_event_is_sent_but_is_no_event(store: Store, raised: AlarmChange) -> None:
    store.apply([replace(raised, event_id=None, reason=ChangeReason.WARNING)], snapshot={}, bundle_id=None)
    assert [record.body["event_id"] for record in store.pending(10)] == [None]
    assert store.events(10) == []


def test_events_are_listed_in_the_order_in_which_they_happened_whatever_the_clock_says(
    store: Store, raised: AlarmChange
) -> None:
    for number, start_utc_s in enumerate((1.7e9, 12.0, 1.8e9)):  # a restart in 1970 in the middle
        change = replace(raised, event_id=f"e{number}", at_utc_s=start_utc_s, event_start_utc_s=start_utc_s)
        store.apply([change], snapshot={}, bundle_id=None)
    newest = store.events(2)
    assert [event.event_id for event in newest] == ["e2", "e1"]
    assert [event.event_id for event in store.events(2, before=newest[-1].n)] == ["e0"]
    assert [record.body["event_id"] for record in store.pending(10)] == ["e0", "e1", "e2"]
    assert store.events(10, source_id="fan1") == []


def test_numbers_of_records_are_never_used_again(state_dir: Path, raised: AlarmChange) -> None:
    seen = []
    for _ in range(3):
        store = open_store(state_dir)
        for _ in range(2):
            store.apply([raised], snapshot={}, bundle_id=None)
            (record,) = store.pending(10)
            seen.append(record.seq)
            store.mark_sent(record.seq)
        store.close()
    assert seen == sorted(set(seen))
    assert len(seen) == 6


def test_the_store_is_an_outbox(store: Store, raised: AlarmChange) -> None:
    box: Outbox = store
    store.apply([raised, cleared(raised, 1010.0)], snapshot={}, bundle_id=None)
    first, second = box.pending(10)
    box.mark_sent(first.seq)
    box.mark_sent(first.seq)
    assert list(box.pending(10)) == [second]
    assert store.outbox_depth() == 1


def test_who_was_told_that_nothing_waits_is_told_of_what_comes(
    store: Store, raised: AlarmChange, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    rows = store.database.rows

    def counted(query: str, parameters: tuple[object, ...] = ()) -> list[sqlite3.Row]:
        asked.append(query)
        return rows(query, parameters)

    monkeypatch.setattr(store.database, "rows", counted)
    assert [[], [], []] == [list(store.pending(10)) for _ in range(3)]
    assert 1 == len(asked), "nothing has changed in between"
    store.apply([raised], snapshot={}, bundle_id=None)
    (first,) = store.pending(10)
    assert [] == list(store.pending(10, after=ReadTo(first.seq)))
    assert [first] == list(store.pending(10)), "that nothing follows says nothing of what comes before"
    store.mark_sent(first.seq)
    assert [] == list(store.pending(10))
    store.apply([cleared(raised, 1010.0)], snapshot={}, bundle_id=None)
    assert ["cleared"] == [record.body["reason"] for record in store.pending(10)]


def test_who_only_reads_sees_what_another_process_adds(store: Store, raised: AlarmChange) -> None:
    with closing(open_store(store.state_dir, read_only=True)) as reading:
        assert [] == list(reading.pending(10))
        store.apply([raised], snapshot={}, bundle_id=None)
        assert 1 == len(reading.pending(10))


def test_a_command_that_comes_twice_is_answered_twice_and_done_once(
    store: Store, raised: AlarmChange
) -> None:
    reply = Reply("c1", "pump1", 1000.0, {"accepted": True, "error": None})
    store.apply([raised], snapshot={"n": 1}, bundle_id=None, reply=reply)
    body = {"accepted": True, "error": None, "command_id": "c1"}
    assert store.reply_to("c1") == body
    with pytest.raises(StoreRefusedError, match="'c1' was already carried out"):
        store.apply([raised], snapshot={"n": 2}, bundle_id=None, reply=reply)
    assert store.alarm_snapshots() == {"pump1": {"n": 1}}
    assert [record.kind for record in store.pending(10)] == ["event", "reply"]
    # still waiting: once is enough; sent: the second asker gets it too, under a new number
    assert store.repeat_reply("c1")
    assert store.outbox_depth() == 2
    for record in store.pending(10):
        store.mark_sent(record.seq)
    assert store.repeat_reply("c1")
    (again,) = store.pending(10)
    assert again.body == {**body, "seq": again.seq}
    assert not store.repeat_reply("c2")


def test_the_first_reply_to_a_refused_command_stays(store: Store) -> None:
    store.save_reply(Reply("c1", "pump1", 1.0, {"error": "shelved"}))
    store.save_reply(Reply("c1", "pump1", 2.0, {"error": "another"}))
    assert store.reply_to("c1") == {"error": "shelved", "command_id": "c1"}
    assert store.reply_to("c2") is None
    assert store.outbox_depth() == 1


def test_a_reply_to_a_command_without_an_id_is_sent_and_forgotten(store: Store) -> None:
    for number in range(2):
        store.save_reply(Reply(None, "pump1", 1.0, {"n": number}))
    assert [record.body["n"] for record in store.pending(10)] == [0, 1]
    assert ["command_id" in record.body for record in store.pending(10)] == [False, False]
    assert store.database.rows("SELECT COUNT(*) FROM replies")[0][0] == 0


def test_a_score_that_is_not_a_number_is_refused_at_once(
    store: Store, score_of: Callable[..., Score]
) -> None:
    with pytest.raises(StoreRefusedError, match="cannot be stored"):
        store.add_offline_score(score_of(math.nan), every_s=60.0, limit_rows=10)
    store.flush_offline_scores()
    assert store.outbox_depth() == 0


def test_only_the_last_replies_are_kept(store: Store) -> None:
    with store.database.transaction() as connection:
        connection.executemany(
            "INSERT INTO replies (command_id, source_id, at_utc_s, body, seq) VALUES (?, 'p', 0, '{}', 0)",
            [(f"c{number}",) for number in range(REPLIES_KEPT)],
        )
    assert store.reply_to("c0") == {}
    store.save_reply(Reply("new", "pump1", 1.0, {}))
    assert store.reply_to("c0") is None
    assert store.reply_to("c1") == {}
    assert store.database.rows("SELECT COUNT(*) FROM replies")[0][0] == REPLIES_KEPT


def test_labels_are_only_ever_added(store: Store, raise_event: Callable[[Store, str], None]) -> None:
    raise_event(store, "e1")
    first = Label("e1", "anomaly", who="anna", at_utc_s=1.0, fault_code="B2", note="bearing")
    second = Label("e1", "no_anomaly", who="ben", at_utc_s=2.0)
    store.add_label(first)
    store.add_label(second, reply=Reply("c1", "pump1", 2.0, {}))
    assert store.labels("e1") == [first, second]
    assert store.reply_to("c1") is not None
    for statement in ("UPDATE labels SET who = 'x'", "DELETE FROM labels", "DELETE FROM transitions"):
        with (
            pytest.raises(StoreRefusedError, match="append-only"),
            store.database.transaction() as connection,
        ):
            connection.execute(statement)


def test_a_label_for_no_event_or_of_no_rating_is_refused(store: Store) -> None:
    with pytest.raises(StoreRefusedError, match="event 'e9' is not known"):
        store.add_label(Label("e9", "anomaly", who="anna", at_utc_s=1.0), reply=Reply("c", "p", 1.0, {}))
    assert store.reply_to("c") is None
    with pytest.raises(StoreError, match="anomaly, no_anomaly, unsure"):
        Label("e1", "bad", who="anna", at_utc_s=1.0)  # type: ignore[arg-type]


def test_what_is_not_a_number_is_refused_whole(store: Store, raised: AlarmChange) -> None:
    for change, snapshot in (
        (replace(raised, peak=math.nan), {}),
        (raised, {"peak": math.inf}),
        (raised, {"peak": np.float32("nan")}),
        (raised, {"peak": object()}),
    ):
        with pytest.raises(StoreRefusedError, match="cannot be stored"):
            store.apply([raised, change], snapshot=snapshot, bundle_id=None)
    assert store.outbox_depth() == 0
    assert store.event("e1") is None


def test_numbers_of_numpy_are_numbers(store: Store, raised: AlarmChange) -> None:
    snapshot = {"peak": np.float32(1.5), "n": np.int64(2), "on": np.bool_(1), "list": np.arange(2)}
    store.apply([raised], snapshot=snapshot, bundle_id=None)
    assert store.alarm_snapshots()["pump1"] == {"peak": 1.5, "n": 2, "on": True, "list": [0, 1]}


def test_changes_of_two_sources_do_not_share_a_snapshot(store: Store, raised: AlarmChange) -> None:
    with pytest.raises(ValueError, match=r"fan1.*pump1"):
        store.apply([raised, replace(raised, source_id="fan1")], snapshot={}, bundle_id=None)
    with pytest.raises(ValueError, match="one source"):
        store.apply([], snapshot={}, bundle_id=None)


def test_events_never_wait_behind_scores(
    store: Store, raised: AlarmChange, score_of: Callable[..., Score]
) -> None:
    for minute in range(4):
        store.add_offline_score(score_of(0.5, 60.0 * minute), every_s=60.0, limit_rows=100)
    store.apply([raised], snapshot={}, bundle_id=None)
    records = store.pending(3)
    assert [record.kind for record in records] == ["event", "score", "score"]
    assert records[1].seq < records[2].seq < records[0].seq


def test_of_a_period_the_highest_score_is_kept(store: Store, score_of: Callable[..., Score]) -> None:
    for start_s, value in ((0.0, 0.2), (10.0, 0.9), (20.0, None), (59.0, 0.3), (60.0, None), (61.0, None)):
        store.add_offline_score(score_of(value, start_s), every_s=60.0, limit_rows=100)
        store.add_offline_score(score_of(value, start_s, "fan1"), every_s=60.0, limit_rows=100)
    assert [(r.source_id, r.body["value"], r.body["start_s"]) for r in store.pending(9)] == [
        ("pump1", 0.9, 10.0),
        ("fan1", 0.9, 10.0),
    ]
    store.flush_offline_scores()
    store.flush_offline_scores()
    last = store.pending(9)[-1]
    assert (store.outbox_depth(), last.body["value"], last.body["quality"]) == (4, None, "gap")


def test_stored_scores_are_bounded_and_the_oldest_go_and_are_counted(
    state_dir: Path, score_of: Callable[..., Score]
) -> None:
    store = open_store(state_dir)
    for minute in range(8):
        store.add_offline_score(score_of(float(minute), 60.0 * minute), every_s=60.0, limit_rows=5)
    assert (store.outbox_depth(), store.dropped_scores) == (5, 2)
    store.mark_sent(store.pending(1)[0].seq)  # makes room for one
    store.close()  # writes minute 7
    store = open_store(state_dir)
    assert [r.body["value"] for r in store.pending(9)] == [3.0, 4.0, 5.0, 6.0, 7.0]
    store.add_offline_score(score_of(8.0, 480.0), every_s=60.0, limit_rows=5)
    store.flush_offline_scores()
    assert [r.body["value"] for r in store.pending(9)] == [4.0, 5.0, 6.0, 7.0, 8.0]
    assert store.dropped_scores == 1
    store.close()


def test_many_threads_may_use_one_store(store: Store, raised: AlarmChange) -> None:
    failures: list[BaseException] = []
    sent: list[int] = []
    done = threading.Event()

    def write(source_id: str) -> None:
        try:
            for number in range(40):
                change = replace(raised, source_id=source_id, event_id=f"{source_id}-{number}")
                store.apply([change], snapshot={"n": number}, bundle_id=None)
        except StoreError as error:
            failures.append(error)

    def publish() -> None:
        while not done.is_set() or store.outbox_depth():
            for record in store.pending(7):
                sent.append(record.seq)
                store.mark_sent(record.seq)

    writers = [threading.Thread(target=write, args=(f"pump{number}",)) for number in range(4)]
    publisher = threading.Thread(target=publish)
    for thread in (*writers, publisher):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    publisher.join()
    assert failures == []
    assert len(sent) == len(set(sent)) == 160
    assert sent == sorted(sent)
    assert len(store.events(1000)) == 160
