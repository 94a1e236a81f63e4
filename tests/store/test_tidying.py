from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from monitor.messages import Inference, LogMel, Score
from monitor.store import ClipJob, Store, open_store

RaiseEvent = Callable[[Store, str], None]
ClipOf = Callable[..., ClipJob]
MapsOf = Callable[..., tuple[Score, Inference, LogMel]]


def test_opening_makes_files_and_rows_agree(
    state_dir: Path, raise_event: RaiseEvent, clip_of: ClipOf, maps_of: MapsOf
) -> None:
    store = open_store(state_dir)
    raise_event(store, "e1")
    for start_s in (0.0, 1.0):
        store.add_clip(clip_of("e1", start_s))
        store.add_map("e1", *maps_of(1.0 + start_s, start_s), maps_per_event=9)
    alone = store.add_clip(clip_of("e1", 2.0, 1_800_000_000.0))  # the only one in its folder
    kept, gone = store.clips("e1")[:2]
    store.close()
    folder = (state_dir / gone.path).parent
    (state_dir / gone.path).unlink()
    for path in list((state_dir / "clips").rglob(f"{alone}.flac")):
        path.unlink()
        path.parent.rmdir()
    unlisted = [
        folder / "101112-aaaaaaaaaaaa.flac",
        folder / "101112-bbbbbbbbbbbb.flac.part",
        state_dir / "maps/fan1/2023-11-14/101112-cccccccccccc.npz",
    ]
    # somebody's own: not ours to remove
    foreign = [folder / "notes.txt", state_dir / "clips/pump1/keep/101112-aaaaaaaaaaaa.flac"]
    for path in (*unlisted, *foreign):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")

    store = open_store(state_dir)
    assert (store.tidied.unlisted_files, store.tidied.missing_files, store.tidied.failed) == (3, 2, 0)
    assert [path.exists() for path in unlisted] == [False] * 3
    assert [path.exists() for path in foreign] == [True] * 2
    assert [clip.gone for clip in store.clips("e1")] == [None, "missing", "missing"]
    assert (state_dir / kept.path).exists()
    assert [row.gone for row in store.windows("e1")] == [None, None]
    store.close()
    store = open_store(state_dir)
    assert (store.tidied.unlisted_files, store.tidied.missing_files) == (0, 0)
    store.close()


def test_sound_is_moved_aside_not_removed_when_the_database_is_gone(
    state_dir: Path, raise_event: RaiseEvent, clip_of: ClipOf
) -> None:
    store = open_store(state_dir)
    raise_event(store, "e1")
    clip_id = store.add_clip(clip_of("e1"))
    store.close()
    (state_dir / "store.sqlite").unlink()
    open_store(state_dir).close()
    (aside,) = state_dir.glob("clips.unlisted-*")
    assert [path.stem for path in aside.rglob("*.flac")] == [clip_id]


def test_a_folder_that_cannot_be_read_blocks_nothing(
    state_dir: Path, raise_event: RaiseEvent, clip_of: ClipOf
) -> None:
    store = open_store(state_dir)
    raise_event(store, "e1")
    store.add_clip(clip_of("e1"))
    folder = (state_dir / store.clips("e1")[0].path).parent
    store.close()
    folder.rename(folder.with_name("elsewhere"))
    folder.write_bytes(b"a file where a folder was")
    store = open_store(state_dir)
    assert (store.tidied.failed, store.clips("e1")[0].gone) == (1, None)
    store.close()


def test_a_reader_removes_nothing_of_what_the_daemon_is_writing(state_dir: Path) -> None:
    store = open_store(state_dir)
    part = state_dir / "clips/pump1/2023-11-14/101112-aaaaaaaaaaaa.flac.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"half")
    open_store(state_dir, read_only=True).close()
    assert part.exists()
    store.close()
