"""The units as systemd reads them: clean, fenced in, and of one mind with the program."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from fixtures_install import ROOT

from monitor.daemon import FAREWELL_S
from monitor.starting import EXTEND_S, TELL_EVERY_S

UNITS = ("wheeltapper", "wheeltapper-replay")
EXPOSED_AT_MOST = 20
"""In tenths, as systemd-analyze security counts: 96 is a unit without any fences."""
README = (ROOT / "systemd" / "README.md").read_text(encoding="utf-8")
needs_analyze = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None,
    reason="systemd-analyze is missing (make system-test installs it)",
)


def values(unit: str, key: str) -> list[str]:
    text = (ROOT / "systemd" / f"{unit}.service").read_text(encoding="utf-8")
    return re.findall(rf"^{key}=(.*)$", text, re.MULTILINE)


def analyze(*words: str | Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, check=False)
    if "Unknown option" in done.stderr or "unrecognized option" in done.stderr:
        pytest.skip("systemd-analyze is older than 250 and cannot judge files")
    return done


@needs_analyze
@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("drop_in", [False, True])
def test_systemd_reads_the_unit_without_a_complaint(unit: str, drop_in: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a parameter
    # it looks for the program, which is not installed here
    text = (ROOT / "systemd" / f"{unit}.service").read_text(encoding="utf-8")
    copy = tmp_path / f"{unit}.service"
    copy.write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", text, flags=re.MULTILINE))
    if drop_in:
        (tmp_path / f"{unit}.service.d").mkdir()
        shutil.copy(ROOT / "systemd" / "gpu.conf", tmp_path / f"{unit}.service.d")
    done = analyze("verify", "--man=no", copy)
    assert (0, "") == (done.returncode, done.stdout + done.stderr)


@needs_analyze
@pytest.mark.parametrize("unit", UNITS)
def test_the_unit_is_fenced_in(unit: str) -> None:
    path = ROOT / "systemd" / f"{unit}.service"
    done = analyze("security", "--offline=true", f"--threshold={EXPOSED_AT_MOST}", "--no-pager", path)
    assert 0 == done.returncode, done.stdout
    (exposed,) = re.findall(r"Overall exposure level for \S+: (\d+\.\d) OK", done.stdout)
    (said,) = re.findall(r"security wheeltapper` says (\S+), wheeltapper-replay (\S+) ", README)
    assert said[UNITS.index(unit)] == exposed


@pytest.mark.parametrize("unit", UNITS)
def test_a_crash_writes_no_memory_to_the_disk(unit: str) -> None:
    assert ["0"] == values(unit, "LimitCORE")


def test_a_learning_process_that_the_kernel_ends_does_not_end_the_daemon() -> None:
    assert ["continue"] == values("wheeltapper", "OOMPolicy")
    assert [] == values("wheeltapper", "LimitNICE"), "its nice value may rise without a right"


def test_what_would_take_the_sound_card_away_is_not_set() -> None:
    for trap in ("PrivateDevices", "ProtectClock", "ProcSubset", "MemoryDenyWriteExecute", "DynamicUser"):
        assert [] == values("wheeltapper", trap)
    assert ["char-alsa rw"] == values("wheeltapper", "DeviceAllow")


def test_the_daemon_has_time_to_ask_for_more_and_to_say_farewell() -> None:
    (start_s,), (stop_s,) = values("wheeltapper", "TimeoutStartSec"), values("wheeltapper", "TimeoutStopSec")
    assert EXTEND_S <= float(start_s)
    assert TELL_EVERY_S * 3 < EXTEND_S
    source = (ROOT / "monitor" / "daemon.py").read_text(encoding="utf-8")
    steps = source.count("FAREWELL_S") + 3  # one is called for several parts in turn
    assert steps * FAREWELL_S <= float(stop_s)


def test_the_page_reads_the_daemons_state_and_is_not_given_it() -> None:
    (folder,) = values("wheeltapper", "StateDirectory")
    assert [f"STATE_DIRECTORY=/var/lib/{folder}"] == values("wheeltapper-replay", "Environment")
    assert [] == values("wheeltapper-replay", "StateDirectory"), "systemd would make the page its owner"
    assert values("wheeltapper", "User") == values("wheeltapper-replay", "SupplementaryGroups")


@pytest.mark.parametrize("unit", UNITS)
def test_a_service_is_tried_again_for_ever(unit: str) -> None:
    assert (["always"], ["0"]) == (values(unit, "Restart"), values(unit, "StartLimitIntervalSec"))


def test_the_start_of_the_unit_is_what_the_installer_makes() -> None:
    for unit, verb in zip(UNITS, ("run", "replay"), strict=True):
        start = f"/opt/wheeltapper/current/bin/wheeltapper {verb} --config /etc/wheeltapper/config.yaml"
        assert [start] == values(unit, "ExecStart")
