"""A package holds what is learned from, no more, for those who may read sound, where there is room."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest

from monitor.errors import RecordFullError
from monitor.recording.learn_folder import LearnFolder
from monitor.recording.material import Material
from monitor.recording.packed import pack


def material(tmp_path: Path) -> Material:
    folder = tmp_path / "material"
    (folder / "odd").mkdir(parents=True)
    for name in ("index.csv", "a.flac", "odd/visitor.flac"):
        (folder / name).write_bytes(b"sound")
    return Material(folder, "k", 1.0, 1.0, 1.0)


def test_what_was_set_aside_is_not_packed_and_others_cannot_read_it(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        pack(material(tmp_path), tmp_path / "pump.tar", source_id="pump")
        with LearnFolder(tmp_path / "learn" / "pump") as work:
            modes = [path.stat().st_mode & 0o777 for path in (tmp_path / "pump.tar", work.place)]
    finally:
        os.umask(before)
    assert [0o640, 0o750] == modes
    with tarfile.open(tmp_path / "pump.tar") as tar:
        assert {"pump", "pump/index.csv", "pump/a.flac"} == set(tar.getnames())


def test_a_package_that_would_leave_too_little_room_is_not_begun(tmp_path: Path) -> None:
    with pytest.raises(RecordFullError, match="free some, or export to another disk"):
        pack(material(tmp_path), tmp_path / "pump.tar", source_id="pump", spare_bytes=10**18)
    assert ["material"] == [path.name for path in tmp_path.iterdir()]
