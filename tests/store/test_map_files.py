from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from monitor.errors import StoreRefusedError
from monitor.messages import Inference, LogMel, Score
from monitor.store import Store
from monitor.store.files import write_whole

RaiseEvent = Callable[[Store, str], None]
MapsOf = Callable[..., tuple[Score, Inference, LogMel]]


def files(state_dir: Path) -> list[str]:
    return sorted(p.relative_to(state_dir).as_posix() for p in (state_dir / "maps").rglob("*") if p.is_file())


def test_a_flagged_window_is_a_row_and_its_maps_in_half_precision(
    store: Store, state_dir: Path, raise_event: RaiseEvent, maps_of: MapsOf
) -> None:
    raise_event(store, "e1")
    score, inference, logmel = maps_of(1.7, 30.0)
    window_id = store.add_map("e1", score, inference, logmel, maps_per_event=3)
    (row,) = store.windows("e1")
    assert row.path == f"maps/pump1/2023-11-14/{window_id}.npz"
    assert (
        row.window_id,
        row.start_s,
        row.end_s,
        row.value,
        row.expected_per_day,
        row.quality,
        row.gone,
    ) == (
        window_id,
        30.0,
        32.0,
        1.7,
        0.1,
        "ok",
        None,
    )
    with np.load(state_dir / row.path) as maps:
        kept = {name: maps[name] for name in maps.files}
    expected = {"error_map": inference.error_map, "reconstruction": inference.reconstruction}
    for name, values in {**expected, "logmel": logmel.values}.items():
        assert kept[name].dtype == np.float16
        np.testing.assert_allclose(kept[name], values, rtol=1e-3)
    assert row.size_bytes == (state_dir / row.path).stat().st_size


def test_an_error_beyond_half_precision_stays_a_number(
    store: Store, state_dir: Path, raise_event: RaiseEvent, maps_of: MapsOf
) -> None:
    raise_event(store, "e1")
    store.add_map("e1", *maps_of(1e9), maps_per_event=3)
    with np.load(state_dir / store.windows("e1")[0].path) as maps:
        assert maps["error_map"].max() == np.finfo(np.float16).max


def test_of_a_full_event_the_worst_windows_stay(
    store: Store, state_dir: Path, raise_event: RaiseEvent, maps_of: MapsOf
) -> None:
    raise_event(store, "e1")
    raise_event(store, "e2")
    store.add_map("e2", *maps_of(0.1, 99.0), maps_per_event=3)
    kept = []
    for start_s, value in enumerate((1.2, 3.0, 1.1, 1.1, 2.0, 1.2, 5.0)):
        window_id = store.add_map("e1", *maps_of(value, float(start_s)), maps_per_event=3)
        kept.append(window_id is not None)
    assert kept == [True, True, True, False, True, False, True]
    assert [row.value for row in store.windows("e1")] == [3.0, 2.0, 5.0]
    assert len(store.windows("e2")) == 1
    assert files(state_dir) == sorted(row.path for e in ("e1", "e2") for row in store.windows(e))


def test_of_a_locked_event_that_is_full_nothing_goes_for_a_worse_window(
    store: Store, state_dir: Path, raise_event: RaiseEvent, maps_of: MapsOf
) -> None:
    raise_event(store, "e1")
    for start_s in range(3):
        store.add_map("e1", *maps_of(1.0, float(start_s)), maps_per_event=3)
    store.set_lock("e1", "anna", 1000.0)
    before = files(state_dir)
    assert store.add_map("e1", *maps_of(9.0, 4.0), maps_per_event=1) is None
    assert files(state_dir) == before == sorted(row.path for row in store.windows("e1"))
    assert store.add_map("e1", *maps_of(9.0, 5.0), maps_per_event=4) is not None, "there is a place"
    store.set_lock("e1", None, 1001.0)
    assert store.add_map("e1", *maps_of(9.5, 6.0), maps_per_event=4) is not None
    assert [row.value for row in store.windows("e1")] == [1.0, 1.0, 9.0, 9.5]


def test_a_lock_that_comes_while_maps_are_written_holds(
    store: Store, state_dir: Path, raise_event: RaiseEvent, maps_of: MapsOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    raise_event(store, "e1")
    store.add_map("e1", *maps_of(1.0), maps_per_event=1)
    before, write = files(state_dir), write_whole

    def locked_meanwhile(path: Path, content: bytes, *, below: Path) -> None:
        write(path, content, below=below)
        store.set_lock("e1", "anna", 1000.0)

    monkeypatch.setattr("monitor.store.map_files.write_whole", locked_meanwhile)
    with pytest.raises(StoreRefusedError, match="'e1' was locked meanwhile: its maps stay"):
        store.add_map("e1", *maps_of(9.0, 5.0), maps_per_event=1)
    assert files(state_dir) == before


def test_windows_of_before_and_after_a_restart_are_not_mixed(
    store: Store, raise_event: RaiseEvent, maps_of: MapsOf
) -> None:
    raise_event(store, "e1")
    for value, start_s in enumerate((50.0, 60.0, 1.0, 55.0)):  # a stream's time begins anew
        store.add_map("e1", *maps_of(float(value), start_s), maps_per_event=9)
    assert [row.value for row in store.windows("e1")] == [0.0, 1.0, 2.0, 3.0]


def test_a_window_without_a_value_is_the_first_to_go(
    store: Store, raise_event: RaiseEvent, maps_of: MapsOf
) -> None:
    raise_event(store, "e1")
    score, inference, logmel = maps_of(0.0)
    store.add_map("e1", replace(score, value=None), inference, logmel, maps_per_event=1)
    assert store.add_map("e1", replace(score, value=None), inference, logmel, maps_per_event=1) is None
    assert store.add_map("e1", score, inference, logmel, maps_per_event=1) is not None
    assert [row.value for row in store.windows("e1")] == [0.0]


def test_a_window_of_no_known_event_leaves_nothing(store: Store, state_dir: Path, maps_of: MapsOf) -> None:
    with pytest.raises(StoreRefusedError, match="event that this belongs to is not known"):
        store.add_map("e9", *maps_of(1.0), maps_per_event=3)
    assert files(state_dir) == []
