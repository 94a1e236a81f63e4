"""Artefacts lie in any store of fsspec, appear whole, and are found again; half a record counts as none."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from training.fleet.artefacts import Artefacts
from training.fleet.errors import FleetError


@pytest.fixture(params=["folder", "memory"])
def artefacts(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Artefacts]:
    if request.param == "folder":
        yield Artefacts(str(tmp_path / "out"))
        return
    url = f"memory://plant-{uuid.uuid4().hex}"
    yield Artefacts(url)
    fsspec.filesystem("memory").rm(url, recursive=True)


def test_what_is_written_is_read_again(artefacts: Artefacts, tmp_path: Path) -> None:
    artefacts.write_tree("a [1]/b.json", {"x": None})
    artefacts.write_text("a [1]/c.txt", "one\ntwo\n")
    assert {"a [1]/b.json": {"x": None}} == artefacts.trees(["a [1]/b.json", "a [1]/c.txt", "gone.json"])
    assert [b"one\n", b"two\n"] == list(artefacts.lines("a [1]/c.txt"))
    assert {"a [1]/b.json": 15, "a [1]/c.txt": 8} == artefacts.sizes()
    artefacts.fetch("a [1]/c.txt", tmp_path / "here" / "c")
    assert "one\ntwo\n" == (tmp_path / "here" / "c").read_text()


def test_a_folder_replaces_the_old_one_and_comes_back(artefacts: Artefacts, tmp_path: Path) -> None:
    for name in ("manifest.json", "a.bin", "deep/b.bin"):
        (tmp_path / "made" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "made" / name).write_text(name)
    artefacts.write_text("m/bundle/old.bin", "old")
    artefacts.put_folder(tmp_path / "made", "m/bundle", last="manifest.json")
    assert {"m/bundle/manifest.json", "m/bundle/a.bin", "m/bundle/deep/b.bin"} == set(artefacts.sizes())
    found = artefacts.fetched_folder("m/bundle", tmp_path / "copy")
    assert "deep/b.bin" == (found / "deep" / "b.bin").read_text()
    artefacts.remove("m")
    artefacts.remove("m")
    assert not artefacts.exists("m/bundle/a.bin")


def test_half_a_record_counts_as_none(artefacts: Artefacts) -> None:
    artefacts.write_text("task.json", '{"schema": 1, ')
    assert {} == artefacts.trees(["task.json"])


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    artefacts, seen = Artefacts(str(tmp_path)), set()
    texts = ("a" * 1_000_000, "b" * 1_000_000)
    artefacts.write_text("x", texts[0])
    over = threading.Event()

    def write() -> None:
        for number in range(20):
            artefacts.write_text("x", texts[number % 2])
        over.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not over.is_set():
        seen.add((tmp_path / "x").read_text())
    writer.join()
    assert seen <= set(texts)
    assert ["x"] == [path.name for path in tmp_path.iterdir()]


def test_an_unknown_store_is_refused_with_what_to_give() -> None:
    with pytest.raises(FleetError, match="give a folder or a URL that fsspec knows"):
        Artefacts("nowhere://plant")
