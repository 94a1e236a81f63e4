"""The Debian package: what is in it, which files are the box's own, what its scripts do and leave alone."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg-deb is missing: no Debian"),
]


def listed(tiny_package: Path) -> dict[str, str]:
    """What dpkg-deb lists: path -> mode and owner, with the target of a link."""
    lines = subprocess.run(
        ["dpkg-deb", "-c", tiny_package], capture_output=True, text=True, check=True
    ).stdout
    found = {}
    for line in lines.splitlines():
        mode, owner, _size, _day, _time, name = line.split(None, 5)
        found[name.partition(" -> ")[0].removeprefix(".").rstrip("/")] = f"{mode} {owner}"
    return found


def test_the_environment_the_units_and_the_command_are_in_it_and_belong_to_root(tiny_package: Path) -> None:
    files = listed(tiny_package)
    assert {owner.split()[1] for owner in files.values()} == {"root/root"}
    for name in (
        "/opt/wheeltapper/current",
        "/usr/bin/wheeltapper",
        "/usr/lib/systemd/system/wheeltapper.service",
        "/usr/lib/systemd/system/wheeltapper-replay.service",
        "/usr/share/doc/wheeltapper/copyright",
    ):
        assert name in files
    assert files["/etc/wheeltapper"].startswith("drwxr-x---")
    assert files["/etc/wheeltapper/config.yaml"].startswith("-rw-r-----")
    beside = [
        name for name in files if not re.match(r"(/etc/wheeltapper|/opt|/usr|$)", name) and name != "/etc"
    ]
    assert [] == beside, "no state, nothing enabled"


def test_no_file_names_the_place_where_it_was_built(tiny_package: Path) -> None:
    root = tiny_package.parent / "root"
    (version,) = (root / "opt" / "wheeltapper" / "versions").iterdir()
    shebang = (version / "bin" / "wheeltapper").read_bytes().splitlines()[0]
    assert f"#!/opt/wheeltapper/versions/{version.name}/bin/python".encode() == shebang
    named = [
        p for p in version.rglob("*") if p.is_file() and not p.is_symlink() and b"/tmp/tmp." in p.read_bytes()
    ]
    assert [] == named
    assert f"versions/{version.name}" == str((root / "opt" / "wheeltapper" / "current").readlink())


def test_dpkg_knows_what_it_needs_and_which_file_is_the_boxs_own(tiny_package: Path) -> None:
    control = tiny_package.parent / "root" / "DEBIAN"
    assert "/etc/wheeltapper/config.yaml\n" == (control / "conffiles").read_text()
    fields = dict(re.findall(r"^([\w-]+): (.*)$", (control / "control").read_text(), re.MULTILINE))
    assert re.fullmatch(r"0\.1\.0\+\d{14}\.[0-9a-f]{8}", fields["Version"])
    assert re.search(r"python3 \(>= 3\.\d+\), python3 \(<< 3\.\d+\), libportaudio2", fields["Depends"])
    assert int(fields["Installed-Size"]) > 0


def test_its_scripts_enable_nothing_stop_before_files_go_and_keep_the_state_until_a_purge(
    tiny_package: Path,
) -> None:
    control = tiny_package.parent / "root" / "DEBIAN"
    scripts = {name: (control / name).read_text() for name in ("preinst", "postinst", "prerm", "postrm")}
    for name, text in scripts.items():
        assert 0o755 == (control / name).stat().st_mode & 0o777
        subprocess.run(["sh", "-n", control / name], check=True)
        assert "#PEOPLE#" not in text
        commands = [line for line in text.splitlines() if not line.lstrip().startswith(("#", "echo"))]
        assert not re.search(r"systemctl.* enable", "\n".join(commands))
    assert "make_people() {" in scripts["postinst"]
    assert "systemctl stop" in scripts["prerm"]
    assert scripts["postrm"].index('[ "$1" = purge ]') < scripts["postrm"].index("rm -rf")
    assert "rm -rf" not in scripts["prerm"] + scripts["postinst"]
