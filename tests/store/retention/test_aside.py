"""Of stores that are no longer in use the newest of each kind stays."""

from __future__ import annotations

from pathlib import Path

from monitor.config import StoreConfig
from monitor.store import open_store, prune
from monitor.store.retention.aside import older_aside

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
    # the clock was wrong when this start set one aside
    assert older_aside([*staying, *going], f"store.sqlite.corrupt-{OLD}") == sorted(
        name for name in going if OLD not in name
    )


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
