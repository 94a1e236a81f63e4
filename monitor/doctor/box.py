"""The box itself: who asks, what is installed, its clock, its heat."""

from __future__ import annotations

import grp
import os
import platform
import pwd
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from monitor.clock import CLOCK_SET_UTC_S
from monitor.doctor.finding import Finding, Patient, ok, warning
from monitor.hardware import read_hardware
from monitor.known_time import KnownTime, clock_is_synchronised

PACKAGES = ("wheeltapper", "numpy", "onnxruntime", "tensorrt", "paho-mqtt", "sounddevice", "soxr", "amqtt")
HOT_C = 85.0
"""Most boards throttle their clocks not far above."""


def versions(root: Path = Path("/")) -> dict[str, str]:
    """Return what is installed on this box, by what it is."""
    found = {"python": platform.python_version(), "kernel": platform.release(), "machine": platform.machine()}
    for name, path in (("system", "etc/os-release"), ("jetpack", "etc/nv_tegra_release")):
        text = _read(root / path)
        if text:
            lines = dict(line.partition("=")[::2] for line in text.splitlines())
            found[name] = lines.get("PRETTY_NAME", text.splitlines()[0]).strip('"')
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def check_versions(patient: Patient) -> Iterator[Finding]:
    """Say what is installed, and whether the daemon runs another version."""
    found = versions(patient.root)
    yield ok("versions", ", ".join(f"{name} {version}" for name, version in found.items()))
    runs = None if patient.status is None else patient.status["box"]["version"]
    if runs is not None and runs != found["wheeltapper"]:
        yield warning(
            "versions",
            f"the daemon runs version {runs}, installed is {found['wheeltapper']}",
            "restart the daemon: systemctl restart wheeltapper",
        )


def check_user(patient: Patient) -> Iterator[Finding]:
    """Say who asks: another user than the daemon's may be refused what the daemon may do."""
    me, owner = os.geteuid(), _owner(patient.config.state_dir)
    if owner is None or owner == me:
        yield ok("user", _user_name(me))
        return
    yield warning(
        "user",
        f"{_user_name(me)} asks, {patient.config.state_dir} belongs to {_user_name(owner)}: what follows is "
        "true for who asks",
        f"ask as the daemon's user: sudo -u {_user_name(owner)} wheeltapper doctor",
    )


def check_clock(patient: Patient) -> Iterator[Finding]:
    """Say whether the clock is set, and kept right."""
    now_utc_s = time.time()
    now = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now_utc_s))
    remedy = "let the box reach a time server: timedatectl set-ntp true; timedatectl timesync-status"
    if now_utc_s < CLOCK_SET_UTC_S:
        yield warning("clock", f"it says {now}: nobody has set it; events will have wrong times", remedy)
        return
    synchronised = clock_is_synchronised()
    trusted = patient.config.clock == "trusted"
    knows = KnownTime(vouched=trusted, root=patient.root, synchronised=lambda: synchronised)
    if not knows(now_utc_s):
        said = f"it says {now}, and nobody vouches for it: events may have wrong times"
        yield warning("clock", said, f"{remedy}; without one: config key clock")
    elif synchronised is None:
        yield ok("clock", f"{now}; this system does not say whether it is synchronised")
    elif synchronised:
        yield ok("clock", f"{now}, synchronised")
    else:
        yield warning("clock", f"{now}, not synchronised: times of events drift", remedy)


def check_heat(patient: Patient) -> Iterator[Finding]:
    """Say how warm the box is."""
    warm = read_hardware(patient.root / "sys").temperatures_c
    if not warm:
        yield ok("temperature", "this board does not tell")
        return
    zone, highest_c = max(warm.items(), key=lambda item: item[1])
    said = f"at most {highest_c:.0f} °C ({zone})"
    if highest_c >= HOT_C:
        yield warning("temperature", said, "cool the box: dust, fan, heat sink, its place")
    else:
        yield ok("temperature", said)


def group_names() -> set[str]:
    """Return the groups of who asks."""
    names = set()
    for number in {os.getegid(), *os.getgroups()}:
        try:
            names.add(grp.getgrgid(number).gr_name)
        except KeyError:  # a number without a name
            continue
    return names


def user_name() -> str:
    """Return who asks."""
    return _user_name(os.geteuid())


def _user_name(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:  # a number without a name, as in containers
        return str(number)


def _owner(path: Path) -> int | None:
    try:
        return path.stat().st_uid
    except OSError:
        return None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
