"""A store of schema 5 with rows in every table that people look at says the same after conversion."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest

from monitor.config import StoreConfig
from monitor.errors import StoreError
from monitor.messages import AlarmState
from monitor.store import open_store, prune
from monitor.store.records import Event, Label
from monitor.store.schema import MIGRATIONS, NEWEST

FROZEN = 5
"""Its steps are released and never change."""
T0 = 1_700_000_000.0
CLIP, MAPS = "clips/pump/2023-11-14/221320-c1.flac", "maps/pump/2023-11-14/221320-w1.npz"
GONE = "clips/pump/2023-10-01/000000-c0.flac"
BODY = '{"event_id": "e1", "note": "Größe", "at_utc_s": 1700000000.5}'
ROWS: Mapping[str, tuple[Mapping[str, object], ...]] = {
    "events": (
        {"event_id": "e0", "source_id": "pump", "start_utc_s": 60.0, "state": "normal"},
        {
            "event_id": "e1",
            "source_id": "pump",
            "start_utc_s": T0,
            "end_utc_s": T0 + 9.0,
            "peak": 1.75,
            "state": "acknowledged",
            "acknowledged_by": "anna",
            "acknowledged_utc_s": T0 + 5.0,
            "bundle_id": "mae-1",
        },
    ),
    "outbox": (
        {"seq": 1, "rank": 0, "kind": "event", "source_id": "pump", "created_utc_s": T0, "body": BODY},
    ),
    "awaited": ({"reader": "json", "rank": 0, "seq": 1},),
    "transitions": (
        {"seq": 1, "event_id": "e1", "source_id": "pump", "at_utc_s": T0 + 0.5, "body": BODY},
        {"seq": 2, "event_id": None, "source_id": "fan", "at_utc_s": T0, "body": "{}"},
    ),
    "alarms": ({"source_id": "pump", "snapshot": '{"state": "acknowledged"}'},),
    "labels": (
        {
            "event_id": "e1",
            "rating": "anomaly",
            "fault_code": "bearing",
            "note": "laut",
            "who": "anna",
            "at_utc_s": T0 + 20.0,
        },
        {"event_id": "e0", "rating": "unsure", "who": "bert", "at_utc_s": T0 + 21.0},
        {"event_id": "e0", "rating": "none", "who": "bert", "at_utc_s": T0 + 22.0},
    ),
    "audit": (
        {
            "at_utc_s": T0 + 5.0,
            "origin": "mqtt",
            "source_id": "pump",
            "command_id": "c-1",
            "actor": "anna",
            "action": "acknowledge",
            "arguments": '{"event_id": "e1"}',
            "result": "done",
        },
    ),
    "clips": tuple(
        {
            "clip_id": clip_id,
            "event_id": "e1",
            "source_id": "pump",
            "start_s": 12.5,
            "start_utc_s": T0,
            "duration_s": 1.5,
            "sample_rate_hz": 16000,
            "lost_samples": 3,
            "path": path,
            "size_bytes": 5,
            "gone": gone,
        }
        for clip_id, path, gone in (("c0", GONE, "age"), ("c1", CLIP, None))
    ),
    "windows": (
        {
            "window_id": "w1",
            "event_id": "e1",
            "source_id": "pump",
            "start_s": 12.5,
            "end_s": 14.5,
            "start_utc_s": T0,
            "value": 1.75,
            "expected_per_day": 0.125,
            "quality": "ok",
            "bundle_id": "mae-1",
            "path": MAPS,
            "size_bytes": 5,
        },
    ),
}


@pytest.fixture
def older(state_dir: Path) -> Path:
    """A state directory as software of schema 5 left it."""
    for path in (CLIP, MAPS):
        (state_dir / path).parent.mkdir(parents=True)
        (state_dir / path).write_bytes(b"sound")
    with closing(sqlite3.connect(state_dir / "store.sqlite", isolation_level=None)) as connection:
        for number in range(1, FROZEN + 1):
            for statement in MIGRATIONS[number]:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {FROZEN}")
        for table, rows in ROWS.items():
            for row in rows:
                places = ", ".join("?" * len(row))
                insert = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})"  # noqa: S608 - ours
                connection.execute(insert, (*row.values(),))
    return state_dir


def filled(row: Mapping[str, object]) -> dict[str, object]:
    """Return what a row says, without the number that it got by itself."""
    return {key: value for key, value in row.items() if value is not None and key != "n"}


def test_every_row_is_there_as_it_was_and_new_columns_are_empty(older: Path) -> None:
    with closing(open_store(older)) as store:
        for table, rows in ROWS.items():
            found = [dict(row) for row in store.database.rows(f"SELECT * FROM {table}")]  # noqa: S608 - ours
            assert [filled(row) for row in rows] == [filled(row) for row in found], table
        assert store.database.rows("PRAGMA user_version")[0][0] == NEWEST
        assert store.database.rows("PRAGMA foreign_key_check") == []
        assert (older / CLIP).read_bytes() == (older / MAPS).read_bytes() == b"sound"
    with closing(sqlite3.connect(older / f"store.schema-{FROZEN}.sqlite")) as copy:
        assert copy.execute("SELECT COUNT(*) FROM clips").fetchone() == (2,), "as it was, beside it"


def test_it_is_read_as_what_today_writes(older: Path) -> None:
    with closing(open_store(older)) as store:
        newest, oldest = store.events(9)
        assert newest == Event(
            n=2,
            event_id="e1",
            source_id="pump",
            start_utc_s=T0,
            end_utc_s=T0 + 9.0,
            peak=1.75,
            state=AlarmState.ACKNOWLEDGED,
            acknowledged_by="anna",
            acknowledged_utc_s=T0 + 5.0,
            bundle_id="mae-1",
            explanation=None,
            locked_by=None,
            locked_utc_s=None,
        )
        assert (oldest.event_id, oldest.start_utc_s) == ("e0", 60.0)
        (change,) = store.transitions("e1")
        assert (change["note"], change["at_utc_s"]) == ("Größe", T0 + 0.5)
        assert store.label("e1") == Label(
            "e1", "anomaly", fault_code="bearing", note="laut", who="anna", at_utc_s=T0 + 20.0
        )
        assert store.label("e0") is None, "withdrawn"
        (entry,) = store.audit(9)
        assert (entry.actor, entry.action, entry.command_id) == ("anna", "acknowledge", "c-1")
        assert [(clip.clip_id, clip.gone) for clip in store.clips("e1")] == [("c0", "age"), ("c1", None)]
        assert [(window.value, window.gone) for window in store.windows("e1")] == [(1.75, None)]
        assert [record.body["note"] for record in store.pending(9)] == ["Größe"]
        assert store.alarm_snapshots() == {"pump": {"state": "acknowledged"}}


def test_retention_and_the_rules_of_the_tables_hold_for_rows_of_before(older: Path) -> None:
    with closing(open_store(older)) as store:
        store.set_lock("e1", "bert", T0 + 30.0)
        prune(store, StoreConfig(max_age_days=30), T0 + 3e7)
        assert store.clips("e1")[1].gone is None, "locked"
        store.set_lock("e1", None, T0 + 31.0)
        report = prune(store, StoreConfig(min_free_bytes=2**62, min_events_per_source=0), T0)
        assert report.removed_for_space == 2
        assert not (older / CLIP).exists()
        assert not (older / MAPS).exists()
        for statement in (
            "UPDATE labels SET who = 'x'",
            "DELETE FROM labels",
            "UPDATE transitions SET body = ''",
            "DELETE FROM transitions WHERE event_id IS NOT NULL",
            "UPDATE audit SET actor = 'x'",
        ):
            with pytest.raises(StoreError, match="append-only"), store.database.transaction() as connection:
                connection.execute(statement)
