"""The doctor tells disk, store, clock and user as they are, with a remedy for each trouble."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import pytest
from doctor_patients import only, patient_of, status_of, verdicts

from monitor.doctor import box, disk
from monitor.doctor.box import check_clock, check_heat, check_user, check_versions
from monitor.doctor.disk import check_free_space, check_state_dir, check_store
from monitor.doctor.finding import Verdict
from monitor.doctor.mounts import Disk, disk_of
from monitor.errors import StoreError
from monitor.store import open_store

MOUNTS = """\
21 1 8:2 / / rw,relatime - ext4 /dev/sda2 rw
30 21 179:1 / {folder} {options} shared:1 - {filesystem} {device} rw
40 21 0:5 / /dev rw - devtmpfs udev rw
"""


def root_with(folder: Path, filesystem: str, *, options: str = "rw", device: str = "/dev/mmcblk0p1") -> Path:
    """A root whose kernel says that `folder`/state is a mount."""
    root = folder / "root"
    (root / "proc/self").mkdir(parents=True)
    point = str((folder / "state").resolve()).replace(" ", "\\040")
    text = MOUNTS.format(folder=point, options=options, filesystem=filesystem, device=device)
    (root / "proc/self/mountinfo").write_text(text)
    return root


@pytest.mark.parametrize(
    ("filesystem", "options", "verdict", "words"),
    [
        ("ext4", "rw", "ok", "ext4 (/dev/mmcblk0p1)"),
        ("nfs4", "rw", "fault", "a database over a network"),
        ("cifs", "rw", "fault", "a database over a network"),
        ("vfat", "rw", "fault", "no owners"),
        ("tmpfs", "rw", "warning", "gone with the power"),
        ("overlay", "rw", "warning", "gone with the container"),
        ("ext4", "ro,relatime", "fault", "mounted read-only"),
    ],
)
def test_each_kind_of_disk_is_judged(
    tmp_path: Path, filesystem: str, options: str, verdict: str, words: str
) -> None:
    root = root_with(tmp_path, filesystem, options=options)
    found = only(check_state_dir, patient_of(tmp_path, root=root))
    assert (verdict, True) == (found.verdict.value, words in found.said), found


def test_the_mount_right_above_a_folder_counts_and_the_medium_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "with space"
    (folder / "state" / "clips").mkdir(parents=True)
    root = root_with(folder, "ext4")
    disk_folder = root / "devices/mmc/mmcblk0/mmcblk0p1"
    disk_folder.mkdir(parents=True)
    (root / "sys/dev/block").mkdir(parents=True)
    (root / "sys/dev/block/179:1").symlink_to(disk_folder)
    expected = Disk("ext4", "/dev/mmcblk0p1", read_only=False, medium="SD card or eMMC")
    assert expected == disk_of(folder / "state" / "clips", root)
    assert disk_of(tmp_path, tmp_path / "nowhere") is None
    assert disk_of(tmp_path) is not None, "this machine's own"


@pytest.mark.parametrize(("spins", "medium"), [("0", "flash"), ("1", "spinning disk")])
def test_a_partition_is_made_of_what_its_disk_is(tmp_path: Path, spins: str, medium: str) -> None:
    (tmp_path / "state").mkdir()
    root = root_with(tmp_path, "ext4", device="/dev/sdb1")
    (root / "devices/sdb/sdb1").mkdir(parents=True)
    (root / "devices/sdb/queue").mkdir()
    (root / "devices/sdb/queue/rotational").write_text(f"{spins}\n")
    (root / "sys/dev/block").mkdir(parents=True)
    (root / "sys/dev/block/179:1").symlink_to(root / "devices/sdb/sdb1")
    found = disk_of(tmp_path / "state", root)
    assert found is not None
    assert medium == found.medium


def test_a_folder_that_is_not_there_or_not_ours_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = patient_of(tmp_path, root=root_with(tmp_path, "ext4"))
    monkeypatch.setattr("os.access", lambda _path, _mode: False)  # root may write everywhere
    assert [("state directory", "fault"), ("state directory", "ok")] == verdicts(check_state_dir(patient))
    patient.config.state_dir.rmdir()
    assert "does not exist" in only(check_state_dir, patient).said


def test_a_store_that_was_moved_aside_is_told(tmp_path: Path) -> None:
    patient = patient_of(tmp_path, root=root_with(tmp_path, "ext4"))
    (patient.config.state_dir / "store.sqlite.corrupt-20260101T000000Z").touch()
    assert [("state directory", "ok"), ("state directory", "warning")] == verdicts(check_state_dir(patient))


@pytest.mark.parametrize(("free", "verdict"), [(0.9, "fault"), (1.9, "warning"), (2.1, "ok")])
def test_free_space_is_held_against_the_floor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: float, verdict: str
) -> None:
    patient = patient_of(tmp_path)
    monkeypatch.setattr(disk, "free_bytes", lambda _folder: round(free * patient.config.store.min_free_bytes))
    assert verdict == only(check_free_space, patient).verdict.value


def test_the_store_is_read_through(tmp_path: Path) -> None:
    patient = patient_of(tmp_path)
    assert Verdict.WARNING is only(check_store, patient).verdict, "there is none yet"
    with closing(open_store(patient.config.state_dir)):
        found = only(check_store, patient)
        assert (Verdict.OK, True) == (found.verdict, "whole (quick_check" in found.said), "while it is in use"
    path = patient.config.state_dir / "store.sqlite"
    content = bytearray(path.read_bytes())
    content[4096 * 3 : 4096 * 5] = b"\xff" * 8192
    path.write_bytes(content)
    with pytest.raises(StoreError, match="damaged"):
        list(check_store(patient))


@pytest.mark.parametrize(
    ("kernel", "verdict"), [("yes", Verdict.OK), ("silent", Verdict.OK), ("no", Verdict.WARNING)]
)
def test_the_clock_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kernel: str, verdict: Verdict
) -> None:
    answers = {"yes": True, "no": False}
    monkeypatch.setattr(box, "clock_is_synchronised", lambda: answers.get(kernel))
    assert verdict is only(check_clock, patient_of(tmp_path, root=tmp_path)).verdict
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    guessed = only(check_clock, patient_of(tmp_path, root=tmp_path))
    assert ("nobody vouches" in guessed.said) == (kernel != "yes")
    monkeypatch.setattr("time.time", lambda: 86_400.0)
    found = only(check_clock, patient_of(tmp_path))
    assert (Verdict.WARNING, True) == (found.verdict, "nobody has set it" in found.said)


def test_heat_is_told_where_it_can_be_read(tmp_path: Path) -> None:
    patient = patient_of(tmp_path, root=tmp_path)
    assert "does not tell" in only(check_heat, patient).said
    zone = tmp_path / "sys/class/thermal/thermal_zone0"
    zone.mkdir(parents=True)
    (zone / "type").write_text("cpu-thermal")
    for text, verdict in (("60000", Verdict.OK), ("91000", Verdict.WARNING)):
        (zone / "temp").write_text(text)
        assert verdict is only(check_heat, patient).verdict


def test_another_user_than_the_owner_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    patient = patient_of(tmp_path)
    assert Verdict.OK is only(check_user, patient).verdict
    me = os.geteuid()
    monkeypatch.setattr("os.geteuid", lambda: me + 4711)
    found = only(check_user, patient)
    assert Verdict.WARNING is found.verdict
    assert "sudo -u" in found.remedy


def test_an_upgrade_without_a_restart_is_told(tmp_path: Path) -> None:
    installed = box.versions()["wheeltapper"]
    running = status_of(box={"version": installed})
    assert [("versions", "ok")] == verdicts(check_versions(patient_of(tmp_path, status=running)))
    old = status_of(box={"version": "0.0.9"})
    assert ("versions", "warning") in verdicts(check_versions(patient_of(tmp_path, status=old)))


def test_versions_name_the_system_and_the_jetpack(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").write_text('NAME="Ubuntu"\nPRETTY_NAME="Ubuntu 22.04.4 LTS"\n')
    (tmp_path / "etc/nv_tegra_release").write_text("# R36 (release), REVISION: 3.0\n")
    found = box.versions(tmp_path)
    assert ("Ubuntu 22.04.4 LTS", "# R36 (release), REVISION: 3.0") == (found["system"], found["jetpack"])
    assert {"python", "kernel", "numpy", "onnxruntime"} <= set(found)
