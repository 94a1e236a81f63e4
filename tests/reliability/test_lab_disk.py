"""The campaign's disk says that it is mended only where it is."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from pathlib import Path

import pytest
from fixtures_mosquitto import eventually
from lab_disk import LabDisk

MISSING = LabDisk.missing() or ("" if shutil.which("unshare") else "no unshare")
pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING)


def repaired(disk: LabDisk) -> bool:
    with contextlib.suppress(OSError):
        disk.repair()
        return True
    return False


def test_a_disk_that_another_namespace_has_mounted_is_not_said_to_be_mended(tmp_path: Path) -> None:
    disk = LabDisk(tmp_path)
    disk.break_down()
    with subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", "echo; exec sleep 60"], stdout=subprocess.PIPE
    ) as elsewhere:
        assert elsewhere.stdout is not None
        elsewhere.stdout.readline()  # from here on it has all that is mounted
        for _ in range(2):
            with pytest.raises(OSError, match="mounted elsewhere"):
                disk.repair()
        elsewhere.kill()
    eventually(lambda: repaired(disk), 20.0, "the other namespace's end")
    (disk.at / "file").write_text("it can be written")
    disk.close()
