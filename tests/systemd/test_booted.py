"""A box that boots with systemd: the services are installed, start, are restarted, upgraded and removed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from fixtures_install import ROOT, ready_python, tiny_wheel, whole_wheel

from monitor.timedated import COMMAND

HERE = Path(__file__).parent
SYSTEM_PYTHON = Path("/usr/bin/python3")
CONFIG = {
    "sources": [{"id": "pump-1", "kind": "simulated"}],
    "mqtt": {"enabled": False},
    "log": {"format": "json"},
}


def why_not() -> str:
    """Why no system can be booted here; empty: one can."""
    if os.geteuid() != 0:
        return "only root may boot a system"
    missing = [
        name for name in ("systemd-nspawn", "unshare", "runuser", "dpkg") if shutil.which(name) is None
    ]
    if missing:
        return f"{missing[0]} is missing (make system-test installs it)"
    tag = subprocess.run(
        [SYSTEM_PYTHON, "-c", "import sys; print(*sys.version_info[:2])"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split()
    if tag != [str(part) for part in sys.version_info[:2]]:
        return f"{SYSTEM_PYTHON} is of another version than the tests' Python, whose packages it is to use"
    if any(ROOT.is_relative_to(home) for home in ("/root", "/home", "/tmp", "/run")):  # noqa: S108 - compared
        return f"{ROOT} lies where the services may not look, and the packages with it"
    return ""


REASON = why_not()
pytestmark = [pytest.mark.slow, pytest.mark.timeout(450), pytest.mark.skipif(bool(REASON), reason=REASON)]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory, tiny_package: Path) -> dict[str, str]:
    """What on_the_box.sh found, by name."""
    trial = tmp_path_factory.mktemp("trial")
    trial.chmod(0o755)
    whole_wheel(trial, "0.1.0")
    tiny_wheel(trial, "0.2.0")
    ready_python(trial, str(SYSTEM_PYTHON), packages_at=Path("/trial/packages"))
    (trial / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    (trial / "checkout").write_text(str(ROOT))
    shutil.copy(tiny_package, trial / "wheeltapper.deb")
    shutil.copy(HERE / "on_the_box.sh", trial)
    booted = subprocess.run(
        ["unshare", "--mount", "bash", HERE / "boot.sh", trial, "/trial/on_the_box.sh"],
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )
    output = trial / "output"
    if not output.exists():
        words = [booted.stderr, *(log.read_text() for log in trial.glob("console"))]
        pytest.skip(f"no system boots here: {' '.join(words).strip()}")
    lines = output.read_text().splitlines()
    found = dict(line.split(": ", 1) for line in lines if ": " in line)
    assert "active" in found, "\n".join([*lines, *(log.read_text() for log in sorted(trial.glob("*.log")))])
    return found


def test_it_is_installed_without_being_enabled_or_started(found: dict[str, str]) -> None:
    assert ("0", "disabled disabled", "inactive inactive") == (
        found["installed"],
        found["enabled"],
        found["running"],
    )
    assert "" == found["verified"], "systemd-analyze verify has nothing to say about the installed units"


def test_the_daemon_says_ready_and_listens_as_its_own_user(found: dict[str, str]) -> None:
    assert ("active active", "listening to 1 of 1 sources") == (found["started"], found["status"])
    assert "wheeltapper" == found["user"]
    folder = "/var/lib/wheeltapper"
    assert {
        f"{folder} wheeltapper:wheeltapper 750",
        f"{folder}/store.sqlite wheeltapper:wheeltapper 640",
        f"{folder}/control.sock wheeltapper:wheeltapper 660",
    } == {" ".join(words) for words in zip(*[iter(found["state"].split())] * 3, strict=True)}
    assert "running" in found["as_daemon"]


def test_the_service_may_ask_systemd_whether_the_clock_is_synchronised(found: dict[str, str]) -> None:
    assert found["synchronised"] in {"yes", "no"}
    assert "timedatectl show --property=NTPSynchronized --value" == " ".join(COMMAND)


def test_the_configuration_is_read_again_by_systemctl_reload(found: dict[str, str]) -> None:
    assert "0 active" == found["reloaded"]


def test_the_daemon_starts_without_the_file_of_its_credential(found: dict[str, str]) -> None:
    assert "400" == found["credential"]


def test_the_page_answers_as_a_user_who_may_write_nothing_of_the_state(found: dict[str, str]) -> None:
    assert ("0", "wheeltapper-replay") == (found["page"], found["page_user"])
    assert "Permission denied" in found["page_writes"]
    assert "Permission denied" in found["other_reads"]


def test_a_daemon_that_stands_still_is_killed_by_the_watchdog_and_started_again(
    found: dict[str, str],
) -> None:
    assert "1 active" == found["watchdog"]


def test_an_upgrade_and_a_rollback_restart_what_ran_and_nothing_else(found: dict[str, str]) -> None:
    assert "0 active inactive 0.2.0" == found["upgraded"]
    assert "0 active inactive 0.1.0" == found["back"]


def test_a_purge_leaves_nothing_behind(found: dict[str, str]) -> None:
    assert ("0  ", "inactive inactive") == (found["removed"], found["active"])


def test_the_debian_package_makes_users_enables_nothing_and_keeps_the_state_until_it_is_purged(
    found: dict[str, str],
) -> None:
    assert "0 disabled disabled wheeltapper wheeltapper-replay" == found["package"]
    assert "root:wheeltapper 640" == found["package_configuration"]
    assert "/etc/wheeltapper /var/lib/wheeltapper" == found["package_removed"]
    assert "" == found["package_purged"]
