"""install.sh in a folder of its own: again and again, upgrade, rollback, removal; offline, in seconds."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from fixtures_install import ROOT, run_install, tiny_wheel

pytestmark = pytest.mark.timeout(300)


class Box:
    """A root folder that is installed into."""

    def __init__(self, root: Path, python: Path, wheels: Path) -> None:
        self.root = root
        self.opt = root / "opt" / "wheeltapper"
        self.config = root / "etc" / "wheeltapper" / "config.yaml"
        self.state = root / "var" / "lib" / "wheeltapper"
        self._python = python
        self._wheels = wheels

    def install(self, version: str, *, schema: int = 1, refuses: bool = False, check: bool = True) -> str:
        wheel = tiny_wheel(self._wheels, version, schema=schema, refuses=refuses)
        done = run_install("--root", self.root, "--python", self._python, "--wheel", wheel, check=check)
        assert check or done.returncode != 0
        return done.stdout + done.stderr

    def do(self, *options: str, check: bool = True) -> str:
        done = run_install("--root", self.root, *options, check=check)
        return done.stdout + done.stderr

    def runs(self) -> str:
        """What the current version says that it is."""
        command = self.opt / "current" / "bin" / "wheeltapper"
        return subprocess.run([command], capture_output=True, text=True, check=True).stdout.strip()

    def versions(self) -> list[str]:
        return sorted(path.name.partition("-")[0] for path in (self.opt / "versions").iterdir())


@pytest.fixture
def box(tmp_path: Path, quick_python: Path) -> Box:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    return Box(tmp_path / "box", quick_python, wheels)


def files_below(folder: Path) -> dict[str, tuple[int, float]]:
    return {
        str(path): (path.stat().st_ino, path.stat().st_mtime)
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


def test_the_second_run_changes_nothing_and_the_third_goes_on_after_a_kill(box: Box) -> None:
    box.install("0.1.0")
    assert "0.1.0" == box.runs()
    assert (ROOT / "config.yaml").read_text() == box.config.read_text()
    assert 0o640 == box.config.stat().st_mode & 0o777
    units = box.root / "etc" / "systemd" / "system"
    for name in ("wheeltapper.service", "wheeltapper-replay.service"):
        assert (ROOT / "systemd" / name).read_bytes() == (units / name).read_bytes()
    before = files_below(box.root)
    assert "is there" in box.install("0.1.0")
    assert before == files_below(box.root)
    (box.opt / "current" / "complete").unlink()  # as if it had been killed before the end
    assert "making version" in box.install("0.1.0")
    assert "0.1.0" == box.runs()


def test_an_upgrade_keeps_configuration_and_state_and_one_command_brings_the_old_version_back(
    box: Box,
) -> None:
    box.install("0.1.0", schema=1)
    assert "there is no previous version" in box.do("--rollback", check=False)
    box.config.write_text("site: mine\n")
    box.state.mkdir(parents=True)
    (box.state / "store.sqlite").write_text("events")
    box.install("0.2.0", schema=2)
    assert ("0.2.0", ["0.1.0", "0.2.0"]) == (box.runs(), box.versions())
    back = box.do("--rollback")
    assert "current version: 0.1.0" in back
    assert f"what was stored since is in {box.state}/aside" in back, "0.1.0 cannot read what 0.2.0 converted"
    assert "0.1.0" == box.runs()
    forth = box.do("--rollback")
    assert "current version: 0.2.0" in forth
    assert "aside" not in forth, "0.2.0 reads what 0.1.0 wrote"
    box.install("0.3.0", schema=2)
    assert ("0.3.0", ["0.2.0", "0.3.0"]) == (box.runs(), box.versions()), "the one before the last is removed"
    assert ("site: mine\n", "events") == (box.config.read_text(), (box.state / "store.sqlite").read_text())


def test_a_version_that_refuses_the_configuration_in_use_is_not_switched_to_and_removal_keeps_what_is_yours(
    box: Box,
) -> None:
    box.install("0.1.0")
    refusal = box.install("0.2.0", refuses=True, check=False)
    assert re.search(r"refuses .*nothing was changed: sources: none", refusal)
    assert "0.1.0" == box.runs()
    box.state.mkdir(parents=True)
    (box.state / "store.sqlite").write_text("events")
    box.do("--uninstall")
    left = sorted(str(path.relative_to(box.root)) for path in box.root.rglob("*") if not path.is_dir())
    assert ["etc/wheeltapper/config.yaml", "var/lib/wheeltapper/store.sqlite"] == left
    box.do("--uninstall", "--purge")
    assert [] == [path for path in box.root.rglob("*") if not path.is_dir()]


def test_a_wheelhouse_needs_no_name_of_the_wheel_and_extra_packages_make_another_version(
    box: Box, tmp_path: Path
) -> None:
    house = tmp_path / "house"
    house.mkdir()
    tiny_wheel(house, "0.1.9")
    tiny_wheel(house, "0.1.10")
    options = ("--python", str(box._python), "--wheelhouse", str(house))
    box.do(*options)
    assert "0.1.10" == box.runs()
    (box.config.parent / "requirements.txt").write_text("wheeltapper\n")  # it is there already
    box.do(*options)
    assert ["0.1.10", "0.1.10"] == box.versions()


@pytest.mark.parametrize("words", [("--rotate",), ("--wheel", "/not/there.whl"), ("--python", "false")])
def test_what_cannot_be_done_is_refused_and_changes_nothing(box: Box, words: tuple[str, ...]) -> None:
    done = run_install("--root", box.root, *words, check=False)
    assert done.returncode != 0
    assert done.stderr
    assert not (box.opt / "current").exists()
