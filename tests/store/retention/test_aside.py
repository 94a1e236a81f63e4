"""Of stores that are no longer in use the newest of each kind stays."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

import pytest

from monitor.config import StoreConfig
from monitor.store import open_store, prune
from monitor.store.retention.aside import older_aside
from monitor.store.set_aside import next_suffix

OLD, NEW = "20250101T000000Z", "20260101T000000Z"


def test_the_newest_of_each_kind_stays_and_what_belongs_to_it() -> None:
    staying = [
        "store.schema-10.sqlite",
        f"store.sqlite.corrupt-{NEW}-2",
        f"clips.corrupt-{NEW}-2",
        f"maps.unlisted-{OLD}",
        f"store.sqlite.schema-6-{OLD}",
        "store.sqlite",
        "store.sqlite-wal",
        "clips",
        "notes.corrupt-by-me",
    ]
    going = [
        "store.schema-9.sqlite",
        f"store.sqlite.corrupt-{OLD}",
        f"store.sqlite.corrupt-{OLD}-wal",
        f"store.sqlite.corrupt-{NEW}",
        f"clips.corrupt-{OLD}",
        f"maps.corrupt-{OLD}",
    ]
    assert older_aside([*staying, *going]) == sorted(going)


@pytest.mark.parametrize("word", ["corrupt", "unlisted", "schema-9"])
def test_what_is_set_aside_while_the_clock_is_behind_is_the_newest_of_its_kind(
    word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.gmtime(60.0)  # in 1970
    monkeypatch.setattr(time, "gmtime", lambda: now)
    names = [f"clips.{word}-{NEW}", f"clips.corrupt-by-me.{word}"]
    for number in (2, 3):
        suffix = next_suffix(names, word)
        assert suffix == f".{word}-{NEW}-{number}"
        names += [f"clips{suffix}", f"maps{suffix}"]
    assert set(names) - set(older_aside(names)) == {names[1], *names[-2:]}
    assert next_suffix([], word) == f".{word}-19700101T000100Z"


def test_sound_without_a_store_outlives_older_such_sound_though_the_clock_is_not_set(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.gmtime(60.0)
    monkeypatch.setattr(time, "gmtime", lambda: now)
    older = state_dir / f"clips.unlisted-{NEW}"
    older.mkdir(parents=True)
    (state_dir / "clips" / "pump1").mkdir(parents=True)
    (state_dir / "clips" / "pump1" / "x.flac").write_bytes(b"locked sound")
    for _ in range(2):  # the next start too
        with closing(open_store(state_dir)) as store:
            prune(store, StoreConfig(), 1_700_000_000.0)
    (left,) = state_dir.glob("clips.unlisted-*")
    assert (left / "pump1" / "x.flac").read_bytes() == b"locked sound"


def test_damage_after_damage_leaves_one_damaged_store(state_dir: Path) -> None:
    for content in (b"one", b"two"):
        state_dir.mkdir(exist_ok=True)
        (state_dir / "store.sqlite").write_bytes(content * 5000)
        open_store(state_dir).close()
        (state_dir / "clips" / "pump1").mkdir()
    for half_written in ("store.schema-3.sqlite.part", "status.json.part"):
        (state_dir / half_written).write_bytes(b"half")
    assert len(list(state_dir.glob("store.sqlite.corrupt-*"))) == 2
    store = open_store(state_dir)
    assert list(state_dir.glob("*.part")) == []
    report = prune(store, StoreConfig(), 1_700_000_000.0)
    (left,) = state_dir.glob("store.sqlite.corrupt-*")
    assert left.read_bytes().startswith(b"two")
    assert len(report.removed_aside) == 1
    assert "1 old stores set aside" in report.line
    store.close()
