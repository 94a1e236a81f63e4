"""A daemon that cannot write its report is not told to be dead: on real disks, full and read-only."""

from __future__ import annotations

import json
import os
import time
from contextlib import closing
from pathlib import Path

import pytest
from doctor_patients import WELL
from fixtures_disk import DiskOf, fill, read_only
from fixtures_verbs import ran

from monitor.sign_of_life import why_silent
from monitor.store import open_store


def reported(state_dir: Path, age_s: float, pid: int | None = None) -> dict[str, object]:
    """Leave the report of a daemon of our number that was written so long ago."""
    box = {**WELL, "pid": pid or os.getpid(), "broker_error": None}
    tree = {"updated_utc_s": time.time() - age_s, "line": "well", "box": box, "sources": []}
    (state_dir / "status.json").write_text(json.dumps(tree))
    return tree


def test_a_full_disk_under_a_daemon_that_runs_is_told_as_that(disk_of: DiskOf) -> None:
    state_dir = disk_of(16 * 1024 * 1024) / "state"
    with closing(open_store(state_dir)):
        reported(state_dir, 50.0)
        fill(state_dir.parent / "filler")
        status = ran("status", "--state-dir", state_dir)
    assert 4 == status.code
    first, second, *_ = status.out.splitlines()
    assert (
        f"pid {os.getpid()} runs, and its last report is 50 s old: the disk of {state_dir} is full" in first
    )
    assert "free the disk" in first
    assert "NOT running" not in status.out
    assert "what it said last, not how things are now:" == second
    (state_dir.parent / "filler").unlink()
    assert 3 == ran("status", "--state-dir", state_dir).code, "it has ended meanwhile: nobody holds the store"


def test_a_disk_that_turned_read_only_is_told_as_that(tmp_path: Path) -> None:
    state_dir = tmp_path / "state"
    with closing(open_store(state_dir)):
        tree = reported(state_dir, 50.0)
        with read_only(state_dir):
            said, remedy = why_silent(tree, state_dir) or ("", "")
    assert "is mounted read-only" in said
    assert "mount it again" in remedy


@pytest.mark.parametrize(("age_s", "pid"), [(0.0, None), (50.0, 1)], ids=["it reports", "another's number"])
def test_nothing_is_said_of_a_daemon_that_reports_nor_of_a_number_that_is_another_s_now(
    tmp_path: Path, age_s: float, pid: int | None
) -> None:
    with closing(open_store(tmp_path / "state")):
        assert why_silent(reported(tmp_path / "state", age_s, pid), tmp_path / "state") is None


def test_one_that_hangs_with_room_on_its_disk_is_told_to_be_restarted(tmp_path: Path) -> None:
    with closing(open_store(tmp_path / "state")):
        said, remedy = why_silent(reported(tmp_path / "state", 50.0), tmp_path / "state") or ("", "")
    assert "it hangs, or cannot write" in said
    assert "systemctl restart wheeltapper" in remedy
