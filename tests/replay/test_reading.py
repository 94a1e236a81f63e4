"""The page reads the store whoever it is, and whether or not the daemon runs."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from machine_rig import Audience, machine, windows

from monitor.errors import StoreError
from monitor.pipeline import Pipeline
from monitor.replay.kept.reading import StoreReader
from monitor.roster import Roster
from monitor.store import Store, open_store
from monitor.testing import CapturedLog


def hear_an_alarm(store: Store) -> None:
    pump = machine("pump", [0.2, 1.2])
    Pipeline(Roster([pump]), store, Audience(), lambda _: None, CapturedLog(), say=lambda _: None).hear(
        windows("pump", 2)
    )


def events_in(reader: StoreReader) -> int:
    return len(reader.store.database.rows("SELECT event_id FROM events"))


def test_before_the_daemon_has_run_it_is_said_what_to_do(tmp_path: Path) -> None:
    with closing(StoreReader(tmp_path)) as reader, pytest.raises(StoreError, match="start the daemon"):
        reader.store.event("x")


def test_what_the_daemon_writes_is_seen_at_once(tmp_path: Path) -> None:
    with closing(open_store(tmp_path)) as store, closing(StoreReader(tmp_path)) as reader:
        assert 0 == events_in(reader)
        hear_an_alarm(store)
        assert 1 == events_in(reader)


def test_a_user_who_may_not_write_sees_the_past_and_what_a_daemon_adds_that_starts_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(open_store(tmp_path)) as store:
        hear_an_alarm(store)
    assert not list(tmp_path.glob("*-wal")), "the daemon has ended and left no log"
    monkeypatch.setattr("monitor.store.database.os.access", lambda *_: False)
    with closing(StoreReader(tmp_path)) as reader:
        assert 1 == events_in(reader)
        assert not list(tmp_path.glob("*-wal")), "nor does the reader make one"
        with closing(open_store(tmp_path)) as store:
            store.database.rows("SELECT 1")
            with store.database.transaction() as connection:
                connection.execute("UPDATE events SET peak = 7.5")
            assert [7.5] == [row["peak"] for row in reader.store.database.rows("SELECT peak FROM events")]
        kept = reader.store
        assert kept is reader.store, "it is not opened again for each request"


def test_a_store_that_was_begun_anew_is_found(tmp_path: Path) -> None:
    with closing(StoreReader(tmp_path)) as reader:
        with closing(open_store(tmp_path)) as store:
            hear_an_alarm(store)
            assert 1 == events_in(reader)
        for name in ("store.sqlite", "store.sqlite-wal", "store.sqlite-shm"):
            (tmp_path / name).unlink(missing_ok=True)
        with closing(open_store(tmp_path)):
            assert 0 == events_in(reader)


def test_a_file_that_is_no_store_is_said_to_be_damaged(tmp_path: Path) -> None:
    (tmp_path / "store.sqlite").write_bytes(b"not a database at all" * 100)
    with closing(StoreReader(tmp_path)) as reader, pytest.raises(StoreError, match="damaged"):
        reader.store.event("x")
