"""Heat and load are read where the board has them, and absent where it has not."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.hardware import SYSFS, Hardware, read_hardware


def zone(sysfs: Path, number: int, kind: str, temperature: str) -> None:
    folder = sysfs / "class" / "thermal" / f"thermal_zone{number}"
    folder.mkdir(parents=True)
    (folder / "type").write_text(f"{kind}\n")
    (folder / "temp").write_text(f"{temperature}\n")


def test_a_board_without_sensors_has_none(tmp_path: Path) -> None:
    assert Hardware({}, {}) == read_hardware(tmp_path)
    assert isinstance(read_hardware(SYSFS), Hardware), "this machine can be asked"


def test_zones_are_named_by_what_they_measure_and_dead_ones_are_left_out(tmp_path: Path) -> None:
    zone(tmp_path, 0, "cpu-thermal", "48500")
    zone(tmp_path, 1, "gpu-thermal", "-256000")
    zone(tmp_path, 2, "acpitz", "27800")
    zone(tmp_path, 10, "acpitz", "29800")
    zone(tmp_path, 11, "soc", "")
    assert {"cpu-thermal": 48.5, "acpitz": 27.8, "acpitz-10": 29.8} == read_hardware(tmp_path).temperatures_c


@pytest.mark.parametrize(
    ("node", "text", "load"),
    [
        ("devices/gpu.0/load", "375", 0.375),
        ("devices/platform/bus@0/17000000.gpu/load", "1000", 1.0),
        ("class/devfreq/17000000.ga10b/device/load", "0", 0.0),
        ("class/drm/card0/device/gpu_busy_percent", "37", 0.37),
    ],
)
def test_a_gpu_tells_its_load_wherever_its_kernel_puts_it(
    tmp_path: Path, node: str, text: str, load: float
) -> None:
    path = tmp_path / node
    path.parent.mkdir(parents=True)
    path.write_text(text + "\n")
    assert [load] == list(read_hardware(tmp_path).gpu_busy.values())


def test_a_jetson_has_one_gpu_by_however_many_names_it_goes(tmp_path: Path) -> None:
    for node in ("devices/platform/gpu.0/load", "devices/gpu.0/load"):
        (tmp_path / node).parent.mkdir(parents=True)
        (tmp_path / node).write_text("500\n")
    (tmp_path / "class/devfreq").mkdir(parents=True)
    (tmp_path / "class/devfreq/17000000.gpu").mkdir()
    (tmp_path / "class/devfreq/17000000.gpu/device").symlink_to(tmp_path / "devices/platform/gpu.0")
    (tmp_path / "class/devfreq/15340000.vic/device").mkdir(parents=True)
    (tmp_path / "class/devfreq/15340000.vic/device/load").write_text("900\n")
    assert {"gpu.0": 0.5} == read_hardware(tmp_path).gpu_busy
