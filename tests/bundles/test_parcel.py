"""A tar that comes as a bundle holds plain files of one folder, and never more than was sent."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from monitor.bundles.parcel import FILES_MAX, unpacked
from monitor.errors import LibraryError


def written(path: Path, members: list[tarfile.TarInfo]) -> Path:
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for member in members:
            tar.addfile(member, io.BytesIO(bytes(member.size)))
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    one = tarfile.TarInfo("name")
    one.type, one.size = kind, 3 if kind == tarfile.REGTYPE else 0
    one.pax_headers = {"path": name}
    return one


def test_a_sparse_file_is_refused_for_it_would_be_larger_than_what_was_sent(tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    folder.mkdir()
    with (folder / "model.onnx").open("wb") as file:
        file.truncate(50_000_000)
    parcel = tmp_path / "parcel.tar"
    subprocess.run(["/bin/tar", "cSf", str(parcel), "-C", str(folder), "."], check=True)
    assert 100_000 > parcel.stat().st_size
    with pytest.raises(LibraryError, match=r"model\.onnx' does not fit in"):
        unpacked(parcel, tmp_path / "to")
    assert [] == list((tmp_path / "to").iterdir())


@pytest.mark.parametrize("name", ["a\0b", "..", "a/.."])
def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(LibraryError, match="does not fit in"):
        unpacked(written(tmp_path / "parcel.tar", [member(name)]), tmp_path / "to")


def test_a_tar_of_folders_is_not_read_to_its_end(tmp_path: Path) -> None:
    folders = [member(f"folder-{number}", tarfile.DIRTYPE) for number in range(2 * FILES_MAX + 1)]
    few = written(tmp_path / "few.tar", [*folders[:FILES_MAX], member("manifest.json")])
    with pytest.raises(LibraryError, match="manifest"):  # the folders are no matter: it is one file too far
        unpacked(few, tmp_path / "one")
    fits = written(tmp_path / "fits.tar", [*folders[: FILES_MAX - 1], member("manifest.json")])
    assert ["manifest.json"] == [path.name for path in unpacked(fits, tmp_path / "two").iterdir()]
    with pytest.raises(LibraryError, match=f"folder-{2 * FILES_MAX}' does not fit in"):
        unpacked(written(tmp_path / "many.tar", folders), tmp_path / "three")
