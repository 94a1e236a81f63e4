"""A tar is refused before what is odd in it takes memory, and taken as archivers make it."""

from __future__ import annotations

import io
import resource
import tarfile
from pathlib import Path

import pytest
from fixtures_live import DEMO

from monitor.bundles.parcel import NAME_BYTES, NAMES, unpacked
from monitor.errors import LibraryError


def with_header(path: Path, kind: bytes, size: int, *, count: int = 1) -> Path:
    """A tar that begins with headers that say that so much follows, which on the disk takes no room."""
    member = tarfile.TarInfo("x")
    member.type, member.size = kind, size
    header = member.tobuf(tarfile.GNU_FORMAT)
    with path.open("wb") as file:
        for _ in range(count):
            file.write(header)
            file.seek(max(0, -(-size // 512) * 512), io.SEEK_CUR)
        file.truncate(file.tell() + 1024)
    return path


@pytest.mark.parametrize("kind", sorted(NAMES))
def test_a_name_of_hundreds_of_megabytes_is_not_read(tmp_path: Path, kind: bytes) -> None:
    tar = with_header(tmp_path / "a.tar", kind, 300_000_000)
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(LibraryError, match="a name or note in it is of 300000000 bytes; pack it anew"):
        unpacked(tar, tmp_path / "bundle")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 100_000


def test_headers_without_end_or_backwards_are_refused(tmp_path: Path) -> None:
    many = with_header(tmp_path / "many.tar", tarfile.DIRTYPE, 0, count=1000)
    with pytest.raises(LibraryError, match="this is more"):
        unpacked(many, tmp_path / "a")
    back = with_header(tmp_path / "back.tar", tarfile.REGTYPE, -512)
    with pytest.raises(LibraryError, match="of -512 bytes"):
        unpacked(back, tmp_path / "b")


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_names_are_taken_as_archivers_write_them(tmp_path: Path, form: int) -> None:
    folder = "/".join(["a folder with a long name"] * 20)
    with tarfile.open(tmp_path / "a.tar", "w", format=form) as tar:
        tar.add(DEMO / "ae", arcname=f"{folder}/ä")
    assert len(folder) < NAME_BYTES
    found = unpacked(tmp_path / "a.tar", tmp_path / "bundle")
    assert {one.name for one in (DEMO / "ae").iterdir()} == {one.name for one in found.iterdir()}
