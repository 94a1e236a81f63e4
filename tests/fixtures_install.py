"""What systemd/install.sh installs in tests: wheels made in milliseconds, environments without network."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
INSTALL = ROOT / "systemd" / "install.sh"


STAND_IN = """
import os, signal, socket, sys
def main():
    print({version!r})
    if sys.argv[1:2] == ["run"]:
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
        signal.pause()
"""


def make_wheel(folder: Path, version: str, files: Mapping[str, bytes]) -> Path:
    """Write a wheel of `wheeltapper` that holds these files, with its command."""
    info = f"wheeltapper-{version}.dist-info"
    whole = {
        **files,
        f"{info}/METADATA": (
            f"Metadata-Version: 2.1\nName: wheeltapper\nVersion: {version}\nProvides-Extra: demo\n".encode()
        ),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": b"[console_scripts]\nwheeltapper = monitor.__main__:main\n",
    }
    record = "".join(f"{name},,\n" for name in [*whole, f"{info}/RECORD"])
    path = folder / f"wheeltapper-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as wheel:
        for name, content in {**whole, f"{info}/RECORD": record.encode()}.items():
            wheel.writestr(zipfile.ZipInfo(name), content)  # of 1980: the same wheel is the same bytes
    return path


def tiny_wheel(folder: Path, version: str, *, schema: int = 1, refuses: bool = False) -> Path:
    """A stand-in: says its version, and READY; knows a schema; reads a configuration or refuses it."""
    load = "raise SystemExit('sources: none')" if refuses else "pass"
    return make_wheel(
        folder,
        version,
        {
            "monitor/__init__.py": b"",
            "monitor/__main__.py": STAND_IN.format(version=version).encode(),
            "monitor/config.py": (
                "import os, pathlib, types\ndef load_config(path):\n"
                f"    {load}\n"
                "    return types.SimpleNamespace(state_dir=pathlib.Path(os.environ['STATE_DIRECTORY']))\n"
            ).encode(),
            "monitor/errors.py": (ROOT / "monitor" / "errors.py").read_bytes(),
            "monitor/store/__init__.py": b"",
            "monitor/store/schema.py": f"NEWEST = {schema}\n".encode(),
            "monitor/store/conversion.py": (
                "def put_back(state_dir, newest):\n"
                f"    return state_dir / 'aside' if newest < {schema} else None\n"
            ).encode(),
        },
    )


def whole_wheel(folder: Path, version: str) -> Path:
    """The program itself, as it runs on a box."""
    files = {
        path.relative_to(ROOT).as_posix(): path.read_bytes()
        for package in ("monitor", "engines")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and not {"__pycache__", ".mypy_cache"} & set(path.parts)
    }
    return make_wheel(folder, version, files)


def ready_python(folder: Path, python: str, *, only: str = "", packages_at: Path | None = None) -> Path:
    """A Python whose environments have our packages from the start, or `only` one: nothing is downloaded.

    `folder` gets links to them, without the checkout's own: nobody shall find another wheeltapper installed.
    `packages_at`: where those links are found where the Python will run.
    """
    packages = folder / "packages"
    packages.mkdir(parents=True)
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        # without the records of installation: pip would read hundreds
        if entry.suffix not in {".pth", ".dist-info"} and entry.name.startswith(only):
            (packages / entry.name).symlink_to(entry)
    command = folder / "python"
    sites = '"${@: -1}"/lib/python*/site-packages'
    command.write_text(
        "#!/bin/bash\n"
        f'[ "$1 $2" = "-m venv" ] || exec {python} "$@"\n'
        f'{python} "${{@:1:2}}" --without-pip "${{@:3}}" || exit\n'
        f'for site in {sites}; do echo {packages_at or packages} >"$site/packages.pth"; done\n'
    )
    command.chmod(0o755)
    return command


@pytest.fixture(scope="session")
def quick_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python that runs the tests; its environments have pip from the start, and nothing else."""
    return ready_python(tmp_path_factory.mktemp("python"), sys.executable, only="pip")


@pytest.fixture(scope="session")
def tiny_package(tmp_path_factory: pytest.TempPathFactory, quick_python: Path) -> Path:
    """A Debian package built as `make deb` does, around a stand-in; also unpacked below `root`."""
    folder = tmp_path_factory.mktemp("deb")
    options = ["--python", str(quick_python), "--wheel", str(tiny_wheel(folder, "0.1.0"))]
    environment = {**os.environ, "DEB_OUT": str(folder), "PIP_NO_INDEX": "1"}
    subprocess.run(
        ["bash", ROOT / "scripts" / "build_deb.sh", *options],
        env=environment,
        check=True,
        capture_output=True,
    )
    (deb,) = folder.glob("*.deb")
    subprocess.run(["dpkg-deb", "--raw-extract", deb, folder / "root"], check=True)
    return deb


def run_install(*arguments: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run install.sh without network; its words and its exit code."""
    environment = {
        **os.environ,
        "PIP_NO_INDEX": "1",
        "PIP_NO_CACHE_DIR": "1",
        "PIP_ROOT_USER_ACTION": "ignore",
    }
    done = subprocess.run(
        ["bash", str(INSTALL), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        timeout=60,
    )
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done
