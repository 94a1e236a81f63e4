"""A store that newer software converts is kept as it was, and can be put back for the older software."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from monitor.errors import StoreError
from monitor.store import open_store
from monitor.store.conversion import put_back
from monitor.store.schema import MIGRATIONS, NEWEST


@pytest.fixture
def newer(monkeypatch: pytest.MonkeyPatch) -> int:
    """Make this process newer software, which needs one step more; returns its schema."""
    monkeypatch.setitem(MIGRATIONS, NEWEST + 1, ("CREATE TABLE newer (x)",))
    monkeypatch.setattr("monitor.store.schema.NEWEST", NEWEST + 1)
    monkeypatch.setattr("monitor.store.conversion.NEWEST", NEWEST + 1)
    return NEWEST + 1


def written_by_older_software(state_dir: Path) -> None:
    """A store with one reply, and one clip that no row lists."""
    with closing(sqlite3.connect(state_dir / "store.sqlite")) as connection:
        for number in range(1, NEWEST + 1):
            for statement in MIGRATIONS[number]:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {NEWEST}")
        connection.execute("INSERT INTO alarms VALUES ('pump-1', '{}')")
        connection.commit()


def alarms_in(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute("SELECT source_id FROM alarms")]


def test_a_store_is_kept_as_it_was_before_it_is_converted(state_dir: Path, newer: int) -> None:
    state_dir.mkdir(exist_ok=True)
    written_by_older_software(state_dir)
    copy = state_dir / f"store.schema-{NEWEST}.sqlite"
    older_copy = state_dir / f"store.schema-{NEWEST - 1}.sqlite"
    older_copy.touch()
    said: list[str] = []
    with closing(open_store(state_dir, say=said.append)) as store:
        assert newer == store.database.rows("PRAGMA user_version")[0][0]
    assert [f"converting the store of older software; it is kept as {copy}"] == said
    assert ["pump-1"] == alarms_in(copy)
    assert 0o640 == stat.S_IMODE(copy.stat().st_mode)
    assert not older_copy.exists()
    open_store(state_dir, say=said.append).close()
    assert 1 == len(said), "a store that is as it should be is opened without a word"


def test_a_store_without_room_for_a_copy_is_converted_all_the_same_and_says_so(
    state_dir: Path, newer: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    state_dir.mkdir(exist_ok=True)
    written_by_older_software(state_dir)
    monkeypatch.setattr("monitor.store.conversion.free_bytes", lambda _folder: 1)
    said: list[str] = []
    with closing(open_store(state_dir, say=said.append)) as store:
        assert newer == store.database.rows("PRAGMA user_version")[0][0]
    assert [
        "converting the store of older software; no space for a copy of it, so there is no way back"
    ] == said
    with pytest.raises(StoreError, match="no copy of the store"):
        put_back(state_dir, NEWEST)


def test_the_older_software_gets_its_store_back_and_loses_no_sound_of_the_newer(
    state_dir: Path, newer: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    state_dir.mkdir(exist_ok=True)
    written_by_older_software(state_dir)
    with closing(open_store(state_dir)) as store, store.database.transaction() as connection:
        connection.execute("INSERT INTO alarms VALUES ('fan-2', '{}')")
    clip = state_dir / "clips" / "fan-2" / "2026-11-22" / "x.flac"
    clip.parent.mkdir(parents=True)
    clip.write_bytes(b"sound")
    assert put_back(state_dir, newer) is None, "software that can read it needs no other"
    aside = put_back(state_dir, NEWEST)
    assert aside is not None
    monkeypatch.undo()  # the older software again
    with closing(open_store(state_dir)) as store:
        assert ["pump-1"] == list(store.alarm_snapshots())
    assert not clip.exists(), "the older store does not know it"
    (kept,) = state_dir.glob("clips.schema-*/fan-2/2026-11-22/x.flac")
    assert b"sound" == kept.read_bytes()
    assert ["fan-2", "pump-1"] == sorted(alarms_in(aside))


def test_there_may_be_no_store_yet(state_dir: Path) -> None:
    assert put_back(state_dir, NEWEST) is None
