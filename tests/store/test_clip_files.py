from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from monitor.errors import StoreRefusedError
from monitor.store import ClipJob, Store, StoredClip

RaiseEvent = Callable[[Store, str], None]
ClipOf = Callable[..., ClipJob]


def test_a_clip_is_a_file_and_a_row(
    store: Store, state_dir: Path, raise_event: RaiseEvent, clip_of: ClipOf
) -> None:
    raise_event(store, "e1")
    clip_id = store.add_clip(clip_of("e1", 12.5, 1_700_000_000.0))
    path = f"clips/pump1/2023-11-14/{clip_id}.flac"
    size = (state_dir / path).stat().st_size
    assert store.clips("e1") == [
        StoredClip(clip_id, "e1", "pump1", 12.5, 1.7e9, 1.0, 44_100, 7, path, size, None)
    ]
    assert stat.S_IMODE((state_dir / path).stat().st_mode) == 0o640
    assert stat.S_IMODE((state_dir / path).parent.stat().st_mode) == 0o750


@pytest.mark.parametrize(("bits", "subtype"), [(16, "PCM_16"), (24, "PCM_24")])
@pytest.mark.parametrize("rate_hz", [8_000, 44_100, 48_000, 384_000])
def test_a_clip_gives_back_every_code_of_the_converter(
    store: Store, state_dir: Path, raise_event: RaiseEvent, bits: int, subtype: str, rate_hz: int
) -> None:
    raise_event(store, "e1")
    half = 2 ** (bits - 1)
    codes = np.random.default_rng(1).integers(-half, half, 5000)
    codes[:2] = -half, half - 1
    samples = (codes / half).astype(np.float32)
    store.add_clip(ClipJob("pump1", "e1", samples, rate_hz, 0.0, 1.7e9, 0))
    path = state_dir / store.clips("e1")[0].path
    heard, heard_rate_hz = soundfile.read(path, dtype="int32")
    assert (heard_rate_hz, soundfile.info(path).subtype) == (rate_hz, subtype)
    np.testing.assert_array_equal(heard >> (32 - bits), codes)


def test_full_scale_does_not_wrap_around(store: Store, state_dir: Path, raise_event: RaiseEvent) -> None:
    raise_event(store, "e1")
    for samples in ([1.0, -1.0, 0.5], [1.0, -1.0, 0.1]):  # in 16 bits and in 24
        store.add_clip(ClipJob("pump1", "e1", np.array(samples, np.float32), 48_000, 0.0, 1.7e9, 0))
    for clip in store.clips("e1"):
        heard, _ = soundfile.read(state_dir / clip.path)
        assert heard[0] > 0.9999
        assert heard[1] == -1.0


def test_a_clip_has_its_name_only_when_it_is_whole(
    store: Store, state_dir: Path, raise_event: RaiseEvent, clip_of: ClipOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    raise_event(store, "e1")
    listed = []
    fsync = os.fsync

    def look(handle: int) -> None:
        fsync(handle)
        listed.append([path.suffix for path in (state_dir / "clips").rglob("*") if path.is_file()])

    monkeypatch.setattr(os, "fsync", look)
    store.add_clip(clip_of("e1"))
    # the names of two new folders, the file, and then its name are brought to the disk, in this order
    assert listed == [[], [], [".part"], [".flac"]]


def test_a_clip_of_no_known_event_leaves_nothing(store: Store, state_dir: Path, clip_of: ClipOf) -> None:
    with pytest.raises(StoreRefusedError, match="event that this belongs to is not known"):
        store.add_clip(clip_of("e9"))
    assert [path for path in (state_dir / "clips").rglob("*") if path.is_file()] == []


def test_a_rate_that_flac_has_not_is_refused_not_written(
    store: Store, raise_event: RaiseEvent, clip_of: ClipOf
) -> None:
    raise_event(store, "e1")
    with pytest.raises(StoreRefusedError, match="FLAC cannot hold 65537 Hz"):
        store.add_clip(replace(clip_of("e1"), sample_rate_hz=65_537))
    assert store.clips("e1") == []


def test_a_name_or_a_time_cannot_lead_out_of_the_folder(
    store: Store, raise_event: RaiseEvent, clip_of: ClipOf
) -> None:
    raise_event(store, "e1")
    for source_id in ("../x", "a/b", "", ".."):
        with pytest.raises(StoreRefusedError, match="no name for a folder"):
            store.add_clip(replace(clip_of("e1"), source_id=source_id))
    with pytest.raises(StoreRefusedError, match="check the clock"):
        store.add_clip(clip_of("e1", 0.0, 1e300))


def test_a_box_that_starts_in_1970_every_time_overwrites_nothing(
    store: Store, raise_event: RaiseEvent, clip_of: ClipOf
) -> None:
    raise_event(store, "e1")
    ids = {store.add_clip(clip_of("e1", 0.0, 7.0)) for _ in range(5)}
    assert len(ids) == 5
    assert {clip.path.split("/")[2] for clip in store.clips("e1")} == {"1970-01-01"}
