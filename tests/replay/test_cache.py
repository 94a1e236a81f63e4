"""The cache of pictures: whole or not there, within its bytes, and never in the daemon's way."""

from __future__ import annotations

import os
import threading
import time
import zlib
from pathlib import Path

import pytest

from monitor.replay.kept.cache import UNUSED_S, Cache
from monitor.store.files import PART

A, B, C = (f"{digit * 32}.logmel" for digit in "abc")


def put(cache: Cache, name: str, content: bytes) -> bytes:
    with cache.put(name, lambda out: out.write(content)) as file:
        return file.read()


def got(cache: Cache, name: str) -> bytes | None:
    file = cache.open(name)
    if file is None:
        return None
    with file:
        return file.read()


def on_disk(folder: Path, name: str) -> Path:
    (path,) = folder.glob(f"{name}.*")
    return path


def test_what_was_put_is_there_also_for_the_next_process(tmp_path: Path) -> None:
    assert b"picture" == put(Cache(tmp_path / "c", 1000), A, b"picture")
    assert b"picture" == got(Cache(tmp_path / "c", 1000), A)
    assert None is got(Cache(tmp_path / "c", 1000), B)


def test_what_was_not_used_for_longest_goes_first(tmp_path: Path) -> None:
    cache = Cache(tmp_path, 100)
    put(cache, A, bytes(40))
    put(cache, B, bytes(40))
    got(cache, A)
    put(cache, C, bytes(40))
    assert (40, None, 40) == tuple(
        content and len(content) for content in (got(cache, A), got(cache, B), got(cache, C))
    )
    assert 80 == cache.size_bytes == sum(on_disk(tmp_path, name).stat().st_size for name in (A, C))


def test_what_nobody_used_for_a_day_goes_at_a_start_and_at_the_next_question(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = Cache(tmp_path, 1000)
    put(cache, A, b"sound")
    os.utime(on_disk(tmp_path, A), (0, time.time() - UNUSED_S - 1))
    assert 0 == Cache(tmp_path, 1000).size_bytes
    put(cache, B, b"sound")
    put(cache, C, b"sound")
    later_s = time.time() + UNUSED_S / 2
    monkeypatch.setattr(time, "time", lambda: later_s)
    assert b"sound" == got(cache, C)
    monkeypatch.setattr(time, "time", lambda: later_s + UNUSED_S / 2 + 60)
    assert None is got(cache, "d" * 32 + ".wav")
    assert [f"{C}.{zlib.crc32(b'sound'):08x}"] == [path.name for path in tmp_path.iterdir()]


def test_while_the_disk_is_short_pictures_go_as_far_as_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = Cache(tmp_path, 1000, keep_free_bytes=500)
    for name in (A, B, C):
        put(cache, name, bytes(100))
    disk_bytes = 800
    monkeypatch.setattr("monitor.replay.kept.cache.free_bytes", lambda _: disk_bytes - cache.size_bytes)
    assert 0 == cache.make_room()
    disk_bytes = 650
    assert 200 == cache.make_room()
    assert (None, None, bytes(100)) == (got(cache, A), got(cache, B), got(cache, C))
    assert [on_disk(tmp_path, C)] == list(tmp_path.iterdir())
    disk_bytes = 0
    assert (100, 0) == (cache.make_room(), cache.size_bytes)


def test_the_order_of_use_survives_a_restart_with_less_room(tmp_path: Path) -> None:
    cache, begun_s = Cache(tmp_path, 100), time.time() - 1000
    for age, name in enumerate((A, B, C)):
        put(cache, name, bytes(30))
        os.utime(on_disk(tmp_path, name), (begun_s + age, begun_s + age))
    got(cache, A)
    again = Cache(tmp_path, 65)
    assert (True, False, True) == tuple(got(again, name) is not None for name in (A, B, C))
    assert [] == list(tmp_path.glob(f"{B}*"))


def test_what_is_larger_than_the_cache_is_given_and_not_kept(tmp_path: Path) -> None:
    cache = Cache(tmp_path, 10)
    assert bytes(50) == put(cache, A, bytes(50))
    assert None is got(cache, A)
    assert 0 == cache.size_bytes
    assert [] == list(tmp_path.glob("*.logmel*"))


def test_an_entry_that_is_being_read_can_go(tmp_path: Path) -> None:
    cache = Cache(tmp_path, 50)
    put(cache, A, b"a" * 40)
    reading = cache.open(A)
    assert reading is not None
    put(cache, B, b"b" * 40)
    with reading:
        assert b"a" * 40 == reading.read()
    assert None is cache.open(A)


def test_a_kill_in_the_middle_of_writing_leaves_nothing_that_counts(tmp_path: Path) -> None:
    put(Cache(tmp_path, 1000), A, b"whole")
    (tmp_path / f"{B}.7{PART}").write_bytes(b"hal")
    cache = Cache(tmp_path, 1000)
    assert (b"whole", None) == (got(cache, A), got(cache, B))
    assert [] == list(tmp_path.glob(f"*{PART}"))


@pytest.mark.parametrize("content", [b"", b"pic", bytes(7), b"picture and more"])
def test_a_file_that_a_power_cut_damaged_is_not_shown(tmp_path: Path, content: bytes) -> None:
    put(Cache(tmp_path, 1000), A, b"picture")
    (path,) = tmp_path.glob(f"{A}.*")
    path.write_bytes(content)
    cache = Cache(tmp_path, 1000)
    assert None is got(cache, A)
    assert (0, False) == (cache.size_bytes, path.exists())
    assert b"picture" == put(cache, A, b"picture")
    assert b"picture" == got(cache, A)


def test_of_two_files_of_one_name_the_later_counts(tmp_path: Path) -> None:
    """A kill may come between the new file and the removal of the old one."""
    put(Cache(tmp_path, 1000), A, b"old")
    os.utime(on_disk(tmp_path, A), (1000, 1000))
    aside = on_disk(tmp_path, A).rename(tmp_path / "aside")
    put(Cache(tmp_path, 1000), A, b"newer")
    aside.rename(tmp_path / f"{A}.{zlib.crc32(b'old'):08x}")
    cache = Cache(tmp_path, 1000)
    assert (b"newer", 5) == (got(cache, A), cache.size_bytes)
    assert b"newer" == on_disk(tmp_path, A).read_bytes()


def test_files_that_are_not_ours_stay(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("keep me")
    Cache(tmp_path, 1000)
    assert "keep me" == (tmp_path / "notes.txt").read_text()


def test_a_failure_while_something_is_made_leaves_nothing(tmp_path: Path) -> None:
    cache = Cache(tmp_path, 1000)

    def fail(out: object) -> None:
        out.write(b"half")  # type: ignore[attr-defined]
        raise ValueError("a bad clip")

    with pytest.raises(ValueError, match="a bad clip"):
        cache.put(A, fail)
    assert None is got(cache, A)
    assert [] == list(tmp_path.glob("*.logmel*"))


def test_a_full_disk_costs_the_cache_and_not_the_picture(small_disk: Path) -> None:
    cache = Cache(small_disk / "c", 10_000_000, keep_free_bytes=0)
    assert bytes(600_000) == put(cache, A, bytes(600_000))
    assert bytes(600_000) == put(cache, B, bytes(600_000))  # does not fit any more
    assert (False, True) == (got(cache, A) is None, got(cache, B) is None)


def test_the_last_free_space_is_left_to_the_daemon(small_disk: Path) -> None:
    cache = Cache(small_disk / "c", 10_000_000, keep_free_bytes=10_000_000)
    assert b"x" == put(cache, A, b"x")
    assert None is got(cache, A)


def test_a_folder_that_cannot_be_made_costs_only_the_cache(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = Cache(tmp_path / "file" / "c", 1000)
    assert b"x" == put(cache, A, b"x")
    assert None is got(cache, A)


def test_an_entry_that_somebody_removed_is_made_again(tmp_path: Path) -> None:
    cache = Cache(tmp_path, 1000)
    put(cache, A, b"x")
    on_disk(tmp_path, A).unlink()
    assert None is got(cache, A)
    assert 0 == cache.size_bytes
    assert b"y" == put(cache, A, b"y")


def test_many_at_once_keep_the_books_right(tmp_path: Path) -> None:
    cache = Cache(tmp_path, 500)
    names = [f"{number:032x}.logmel" for number in range(40)]
    wrong: list[str] = []

    def work(first: int) -> None:
        for place in range(200):
            name = names[(first * 7 + place * 3) % len(names)]
            found = got(cache, name)
            if found is None:
                found = put(cache, name, name.encode())
            if found != name.encode():
                wrong.append(name)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [] == wrong
    kept_bytes = sum(path.stat().st_size for path in tmp_path.glob("*.logmel.*"))
    assert kept_bytes == cache.size_bytes <= 500
