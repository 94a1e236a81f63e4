"""A package holds what is learned from, for those who may read sound, and says when it was recorded."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest
from learn_rig import minute, record_before

from monitor.errors import RecordError, RecordFullError
from monitor.recording.given import given_files
from monitor.recording.learn_folder import LearnFolder
from monitor.recording.material import Material, make_material
from monitor.recording.odd import OddStretch
from monitor.recording.packed import pack
from monitor.recording.spans import packed_spans

START_UTC_S = 1.7e9
"""When the first minute of `record_before` began."""


def material(tmp_path: Path) -> Material:
    """Two minutes, of the second of which ten seconds were set aside."""
    recordings = record_before(tmp_path, "fan", [minute(0), minute(1)]) / "recordings"
    files = given_files([recordings])
    odd = [OddStretch(files[1].path, 20.0, 30.0, 9.0, 12.0, 2000.0, 3000.0)]
    return make_material(tmp_path / "material", files, odd, source_id="fan", key="k")


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
        names = set(tar.getnames())
        tar.extractall(tmp_path / "there", filter="data")
    assert {"pump", "pump/index.csv", "pump/material.json", "pump/recorded.json"} < names
    assert 3 == sum(name.endswith(".flac") for name in names)
    assert not [name for name in names if "odd" in name]
    spans = packed_spans(tmp_path / "there" / "pump")
    assert [(START_UTC_S, START_UTC_S + 80.0), (START_UTC_S + 90.0, START_UTC_S + 120.0)] == spans
    assert [] == packed_spans(tmp_path), "of what is no package it says nothing"
    (tmp_path / "there" / "pump" / "recorded.json").write_text('{"schema": 2}')
    with pytest.raises(RecordError, match="unpack the package anew"):
        packed_spans(tmp_path / "there" / "pump")


def test_a_package_that_would_leave_too_little_room_is_not_begun(tmp_path: Path) -> None:
    with pytest.raises(RecordFullError, match="free some, or export to another disk"):
        pack(material(tmp_path), tmp_path / "pump.tar", source_id="pump", spare_bytes=10**18)
    assert [] == list(tmp_path.glob("pump.tar*"))
