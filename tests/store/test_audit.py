"""Who asked for what is kept, cannot be changed, and goes oldest first; labels can be withdrawn."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from monitor.config import StoreConfig
from monitor.errors import StoreRefusedError
from monitor.operators import Origin
from monitor.store import AuditEntry, ClipJob, Label, Reply, Store, open_store, prune
from monitor.store.schema import MIGRATIONS

NOW_UTC_S = 1_700_000_000.0
DAY_S = 86_400.0
ENTRY = AuditEntry(
    at_utc_s=NOW_UTC_S,
    origin=Origin.MQTT,
    source_id="pump1",
    command_id="c1",
    actor="anna",
    action="shelve",
    arguments={"duration_s": 60.0, "note": "ö"},
    result="done",
    reason=None,
)
RaiseEvent = Callable[[Store, str], None]


def noted(store: Store) -> list[str | None]:
    return [entry.command_id for entry in store.audit(1000)]


def test_an_entry_is_read_as_it_was_kept_newest_first(store: Store) -> None:
    box = AuditEntry(NOW_UTC_S, Origin.SIGNAL, None, None, None, None, {}, "refused", "why")
    store.add_audit(ENTRY)
    store.add_audit(box)
    assert [replace(box, n=2), replace(ENTRY, n=1)] == store.audit(10)
    assert [replace(ENTRY, n=1)] == store.audit(10, before=2) == store.audit(10, source_id="pump1")


def test_a_reply_and_its_entry_are_kept_in_one_step_or_not_at_all(store: Store) -> None:
    reply = Reply("c1", "pump1", NOW_UTC_S, {"result": "done"}, audit=ENTRY)
    store.apply([], snapshot={}, bundle_id=None, reply=reply)
    with pytest.raises(StoreRefusedError, match="already carried out"):
        store.apply([], snapshot={}, bundle_id=None, reply=reply)
    assert ["c1"] == noted(store)
    bad = replace(reply, command_id="c2", audit=replace(ENTRY, arguments={"limit": float("nan")}))
    with pytest.raises(StoreRefusedError, match="cannot be stored"):
        store.save_reply(bad)
    assert store.reply_to("c2") is None


@pytest.mark.parametrize("statement", ["UPDATE audit SET actor = 'x'", "DELETE FROM audit WHERE n = 2"])
def test_what_is_noted_cannot_be_changed(store: Store, statement: str) -> None:
    for number in range(3):
        store.add_audit(replace(ENTRY, command_id=f"c{number}"))
    with pytest.raises(StoreRefusedError, match="audit"), store.database.transaction() as connection:
        connection.execute(statement)
    assert ["c2", "c1", "c0"] == noted(store)


def test_beyond_the_count_the_oldest_go(store: Store) -> None:
    for number in range(120):
        store.add_audit(replace(ENTRY, command_id=f"c{number}"))
    report = prune(store, StoreConfig(audit_max_rows=100), NOW_UTC_S)
    assert 20 == report.removed_audit
    assert [f"c{number}" for number in range(119, 19, -1)] == noted(store)


def test_what_is_too_old_goes_and_a_clock_that_was_not_set_says_nothing_about_age(store: Store) -> None:
    ages_days = {"old": 11.0, "before": 11.0, "clock": None, "young": 9.0, "unset": None}
    for name, age_days in ages_days.items():
        at_utc_s = 60.0 if age_days is None else NOW_UTC_S - age_days * DAY_S
        store.add_audit(replace(ENTRY, command_id=name, at_utc_s=at_utc_s))
    config = StoreConfig(audit_max_days=10)
    assert 0 == prune(store, config, 3600.0).removed_audit
    assert 2 == prune(store, config, NOW_UTC_S).removed_audit
    assert ["unset", "young", "clock"] == noted(store)


def test_an_entry_with_a_wrong_date_takes_none_with_it_that_came_before(store: Store) -> None:
    ages_days = {"old": 12.0, "fresh": 3.0, "wrong": 300.0, "future": -30.0, "last": 0.0}
    for name, age_days in ages_days.items():
        store.add_audit(replace(ENTRY, command_id=name, at_utc_s=NOW_UTC_S - age_days * DAY_S))
    config = StoreConfig(audit_max_days=10)
    assert 1 == prune(store, config, NOW_UTC_S).removed_audit
    assert ["last", "future", "wrong", "fresh"] == noted(store)
    assert 2 == prune(store, config, NOW_UTC_S + 8 * DAY_S).removed_audit, "it goes behind what came before"
    assert ["last", "future"] == noted(store)
    assert 2 == prune(store, config, NOW_UTC_S + 11 * DAY_S).removed_audit, "a date to come keeps nothing"


def test_a_withdrawn_label_stays_on_record_and_counts_no_more(store: Store, raise_event: RaiseEvent) -> None:
    raise_event(store, "e1")
    assert store.label("e1") is None
    given = Label("e1", "anomaly", who="anna", at_utc_s=NOW_UTC_S)
    store.add_label(given)
    assert given == store.label("e1")
    store.add_label(Label("e1", "none", who="bo", at_utc_s=NOW_UTC_S + 1))
    assert store.label("e1") is None
    assert ["anomaly", "none"] == [label.rating for label in store.labels("e1")]


def test_a_withdrawn_label_protects_nothing_from_retention(
    store: Store, raise_event: RaiseEvent, clip_of: Callable[..., ClipJob]
) -> None:
    for event_id in ("kept", "withdrawn"):
        raise_event(store, event_id)
        store.add_clip(clip_of(event_id, 0.0, NOW_UTC_S - 11 * DAY_S))
        store.add_label(Label(event_id, "anomaly", who="anna", at_utc_s=NOW_UTC_S))
    store.add_label(Label("withdrawn", "none", who="anna", at_utc_s=NOW_UTC_S))
    prune(store, StoreConfig(max_age_days=10), NOW_UTC_S)
    assert [None, "age"] == [store.clips(event_id)[0].gone for event_id in ("kept", "withdrawn")]


def test_labels_of_an_older_store_are_still_there_and_still_append_only(state_dir: Path) -> None:
    state_dir.mkdir()
    with closing(sqlite3.connect(state_dir / "store.sqlite", isolation_level=None)) as old:
        for step in (1, 2, 3):
            for statement in MIGRATIONS[step]:
                old.execute(statement)
        old.execute("PRAGMA user_version = 3")
        old.execute(
            "INSERT INTO events (event_id, source_id, start_utc_s, state) VALUES ('e1', 'p', 1.0, 'normal')"
        )
        for n in (3, 7):
            old.execute("INSERT INTO labels VALUES (?, 'e1', 'unsure', NULL, 'n', 'anna', 2.0)", (n,))
    with closing(open_store(state_dir)) as store:
        given = Label("e1", "unsure", who="anna", at_utc_s=2.0, note="n")
        assert [given, given] == store.labels("e1")
        store.add_label(replace(given, rating="none"))
        assert [3, 7, 8] == [row["n"] for row in store.database.rows("SELECT n FROM labels ORDER BY n")]
        for statement in ("UPDATE labels SET who = 'x'", "DELETE FROM labels"):
            with (
                pytest.raises(StoreRefusedError, match="append-only"),
                store.database.transaction() as connection,
            ):
                connection.execute(statement)
