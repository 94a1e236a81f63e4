from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from monitor.errors import StoreError
from monitor.messages import AlarmChange
from monitor.store import open_store
from monitor.store.schema import MIGRATIONS, NEWEST


def test_the_group_may_look_inside_and_nobody_else(state_dir: Path) -> None:
    open_store(state_dir).close()
    folders = (state_dir, state_dir / "clips", state_dir / "maps")
    assert [stat.S_IMODE(path.stat().st_mode) for path in folders] == [0o750] * 3
    assert stat.S_IMODE((state_dir / "store.sqlite").stat().st_mode) == 0o640


def test_alarms_are_written_in_wal_and_wait_for_the_disk(state_dir: Path) -> None:
    store = open_store(state_dir)
    names = ("journal_mode", "synchronous", "foreign_keys", "user_version")
    values = [store.database.rows(f"PRAGMA {name}")[0][0] for name in names]
    assert values == ["wal", 2, 1, NEWEST]
    store.mark_sent(1)  # need not wait
    assert store.database.rows("PRAGMA synchronous")[0][0] == 1
    with store.database.transaction():
        pass
    assert store.database.rows("PRAGMA synchronous")[0][0] == 2
    store.close()


def test_migrations_are_numbered_without_a_gap() -> None:
    assert list(MIGRATIONS) == list(range(1, NEWEST + 1))


def test_a_migration_that_fails_leaves_the_step_before(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_store(state_dir).close()
    monkeypatch.setitem(MIGRATIONS, NEWEST + 1, ("CREATE TABLE extra (x)", "CREATE TABLE broken ("))
    monkeypatch.setattr("monitor.store.schema.NEWEST", NEWEST + 1)
    with pytest.raises(StoreError, match="incomplete input"):
        open_store(state_dir)
    monkeypatch.undo()
    store = open_store(state_dir)
    assert store.database.rows("PRAGMA user_version")[0][0] == NEWEST
    assert store.database.rows("SELECT name FROM sqlite_master WHERE name = 'extra'") == []
    store.close()


def test_a_missing_parent_is_not_made_for_a_disk_may_not_be_mounted(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"disk.* does not exist; make it, mount its disk"):
        open_store(tmp_path / "disk" / "state")
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_place_of_the_folder_is_refused(state_dir: Path) -> None:
    state_dir.write_text("")
    with pytest.raises(StoreError, match="state"):
        open_store(state_dir)


def test_a_store_of_newer_software_is_refused_and_untouched(state_dir: Path) -> None:
    open_store(state_dir).close()
    with sqlite3.connect(state_dir / "store.sqlite") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    for read_only in (False, True):
        with pytest.raises(StoreError, match=r"schema 99.*install the version that wrote it"):
            open_store(state_dir, read_only=read_only)
    assert not list(state_dir.glob("*corrupt*"))


def test_two_daemons_do_not_share_a_folder(state_dir: Path) -> None:
    store = open_store(state_dir)
    with pytest.raises(StoreError, match="another wheeltapper has it open"):
        open_store(state_dir)
    store.close()
    open_store(state_dir).close()


def test_others_may_read_while_the_daemon_writes(state_dir: Path, raised: AlarmChange) -> None:
    with pytest.raises(StoreError, match="start the daemon once"):
        open_store(state_dir, read_only=True)
    store = open_store(state_dir)
    reader = open_store(state_dir, read_only=True)
    store.apply([raised], snapshot={}, bundle_id=None)
    assert [event.event_id for event in reader.events(10)] == ["e1"]
    with pytest.raises(StoreError, match="readonly"):
        reader.apply([raised], snapshot={}, bundle_id=None)
    reader.close()
    store.close()


def test_a_closed_store_says_so(state_dir: Path, raised: AlarmChange) -> None:
    store = open_store(state_dir)
    store.close()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.apply([raised], snapshot={}, bundle_id=None)


@pytest.mark.parametrize("damage", ["header", "page"])
def test_a_damaged_database_is_moved_aside_and_said(
    state_dir: Path, raised: AlarmChange, damage: str
) -> None:
    store = open_store(state_dir)
    for _ in range(200):
        store.apply([raised], snapshot={}, bundle_id=None)
    last_seq = store.pending(1000)[-1].seq
    store.close()
    sound = state_dir / "clips" / "pump1" / "heard.flac"
    sound.parent.mkdir()
    sound.write_bytes(b"sound")
    path = state_dir / "store.sqlite"
    content = bytearray(path.read_bytes())
    start = 0 if damage == "header" else 2 * 4096
    content[start : start + 12000] = os.urandom(12000)
    path.write_bytes(content)

    store = open_store(state_dir)
    assert store.recovered_from is not None
    assert store.recovered_from.name.startswith("store.sqlite.corrupt-")
    assert store.recovered_from.read_bytes()[start : start + 100] == content[start : start + 100]
    # sound that no database lists is kept beside it
    (aside,) = state_dir.glob("clips.corrupt-*")
    assert (aside / "pump1" / "heard.flac").read_bytes() == b"sound"
    # and receivers that know the old numbers do not mistake new records for old ones
    store.apply([raised], snapshot={}, bundle_id=None)
    assert store.pending(1)[0].seq > last_seq
    store.close()
    store = open_store(state_dir)
    assert store.recovered_from is None
    assert len(store.events(10)) == 1
    store.close()


def test_damage_that_sqlite_itself_cannot_put_into_words_is_moved_aside_too(
    state_dir: Path, raised: AlarmChange
) -> None:
    open_store(state_dir).close()
    path = state_dir / "store.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE sqlite_sequence SET seq = 'many' WHERE name = 'outbox'")
        connection.commit()
    content = path.read_bytes()
    # a statement of the schema that cannot be read, which SQLite quotes: no UTF-8
    path.write_bytes(content.replace(b"CREATE TABLE outbox", b"CREATE \xfaABLE outbox"))
    with pytest.raises(UnicodeDecodeError), closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA quick_check")
    with closing(open_store(state_dir)) as store:
        assert store.recovered_from is not None
        store.apply([raised], snapshot={}, bundle_id=None)
        assert len(store.pending(2)) == 1


def test_two_damaged_databases_in_the_same_second_are_both_kept(state_dir: Path) -> None:
    for _ in range(2):
        open_store(state_dir).close()
        (state_dir / "store.sqlite").write_bytes(os.urandom(8192))
    open_store(state_dir).close()
    assert len(list(state_dir.glob("store.sqlite.corrupt-*"))) == 2


def test_a_database_that_is_locked_is_not_taken_for_damaged(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_store(state_dir).close()
    monkeypatch.setattr("monitor.store.database.BUSY_TIMEOUT_S", 0.05)
    connection = sqlite3.connect(state_dir / "store.sqlite", isolation_level=None)
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreError, match="locked"):
        open_store(state_dir)
    connection.close()
    open_store(state_dir).close()
    assert not list(state_dir.glob("*corrupt*"))
