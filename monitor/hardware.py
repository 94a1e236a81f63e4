"""What the box says of its own heat and its GPU: sysfs, as far as this kernel and board have it.

What a board does not have is absent, never 0. A Jetson tells its GPU's load at a node whose place has changed
with JetPack and the module; its temperature is one of the thermal zones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

SYSFS = Path("/sys")
TEGRA_LOADS = (
    "class/devfreq/*.gpu/device/load",  # Orin with JetPack 6 and 7; ga10b, gv11b, gp10b before
    "class/devfreq/*.g[apv]1[01]b/device/load",
    "devices/platform/bus@0/*.gpu/load",
    "devices/platform/gpu.0/load",
    "devices/gpu.0/load",
)
"""In tenths of a percent; names of one and the same GPU: the first that answers counts."""
AMD_LOADS = "class/drm/card*/device/gpu_busy_percent"
WARMEST_C = 150.0
COLDEST_C = -40.0
"""A zone whose sensor is switched off says something outside, such as -256."""


@dataclass(frozen=True, slots=True)
class Hardware:
    """What can be read at this moment."""

    temperatures_c: Mapping[str, float]
    """By the zone's type; zones of the same type are told apart by their number."""
    gpu_busy: Mapping[str, float]
    """By device: share of the last moment in which it computed, 0 to 1."""


def read_hardware(sysfs: Path = SYSFS) -> Hardware:
    """Return the temperatures and loads of this box; empty where nothing can be read."""
    return Hardware(dict(_temperatures(sysfs)), dict(_gpu_loads(sysfs)))


def _temperatures(sysfs: Path) -> Iterator[tuple[str, float]]:
    seen: set[str] = set()
    for zone in sorted(sysfs.glob("class/thermal/thermal_zone*"), key=lambda path: (len(path.name), path)):
        millidegrees = _number(zone / "temp")
        if millidegrees is None or not COLDEST_C <= millidegrees / 1000 <= WARMEST_C:
            continue
        name = _text(zone / "type") or zone.name
        if name in seen:
            name = f"{name}-{zone.name.removeprefix('thermal_zone')}"
        seen.add(name)
        yield name, millidegrees / 1000


def _gpu_loads(sysfs: Path) -> Iterator[tuple[str, float]]:
    nodes = [node for pattern in TEGRA_LOADS for node in sorted(sysfs.glob(pattern))]
    for node in nodes:
        permille = _number(node)
        if permille is not None:
            yield node.parent.resolve().name, permille / 1000
            break
    for node in sorted(sysfs.glob(AMD_LOADS)):
        percent = _number(node)
        if percent is not None:
            yield node.parent.resolve().name, percent / 100


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:  # switched off, or not for this user
        return ""


def _number(path: Path) -> float | None:
    try:
        return float(_text(path))
    except ValueError:
        return None
