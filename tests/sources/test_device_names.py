from __future__ import annotations

import sys
from pathlib import Path

import pytest

from monitor.errors import DeviceMissingError, SourceError
from monitor.sources import devices
from monitor.sources.devices import (
    InputDevice,
    device_named,
    inputs_from_portaudio,
    list_devices,
    stable_names,
)


def card(sysfs: Path, number: int, card_id: str, hardware: str) -> None:
    """Make what the kernel shows of a sound card: a folder of its bus, and a link to it."""
    bus = sysfs / "devices" / hardware
    folder = bus / "sound" / f"card{number}"
    folder.mkdir(parents=True)
    (folder / "id").write_text(f"{card_id}\n")
    (folder / "device").symlink_to(bus)
    (sysfs / "class" / "sound").mkdir(parents=True, exist_ok=True)
    (sysfs / "class" / "sound" / f"card{number}").symlink_to(folder)


def entry(name: str, channels: int = 1, rate_hz: float = 48000.0) -> dict[str, object]:
    return {"name": name, "max_input_channels": channels, "default_samplerate": rate_hz}


USB = "pci0000:00/0000:00:14.0/usb1/1-1/1-1.2/1-1.2:1.0"


def test_a_usb_microphone_is_named_by_its_socket_first_and_by_its_card(tmp_path: Path) -> None:
    card(tmp_path, 2, "Device", USB)
    expected = ("usb-path:1-1.2", "alsa:CARD=Device,DEV=0")
    assert expected == stable_names("USB PnP Sound Device: Audio (hw:2,0)", tmp_path)


def test_the_name_stays_when_the_card_gets_another_number(tmp_path: Path) -> None:
    card(tmp_path / "before", 1, "Device", USB)
    card(tmp_path / "after", 3, "Device", USB)
    before = stable_names("USB PnP: Audio (hw:1,0)", tmp_path / "before")
    assert before == stable_names("USB PnP: Audio (hw:3,0)", tmp_path / "after")


def test_the_second_pcm_of_a_card_has_a_name_of_its_own(tmp_path: Path) -> None:
    card(tmp_path, 0, "Interface", USB)
    assert ("usb-path:1-1.2,DEV=1", "alsa:CARD=Interface,DEV=1") == stable_names("X (hw:0,1)", tmp_path)


def test_a_card_on_the_board_is_named_by_alsa(tmp_path: Path) -> None:
    card(tmp_path, 1, "APE", "platform/sound")
    assert ("alsa:CARD=APE,DEV=0",) == stable_names("tegra-ape: - (hw:1,0)", tmp_path)


def test_what_is_no_card_goes_by_portaudios_name(tmp_path: Path) -> None:
    assert ("name:pulse",) == stable_names("pulse", tmp_path)
    assert ("name:Gone (hw:7,0)",) == stable_names("Gone (hw:7,0)", tmp_path)


def test_outputs_are_not_listed_and_the_default_is_marked(tmp_path: Path) -> None:
    entries = [entry("HDMI", channels=0), entry("pulse", 32, 44100.0), entry("default", 2)]
    found = inputs_from_portaudio(entries, 2, tmp_path)
    assert [(1, False, 44100), (2, True, 48000)] == [(d.index, d.is_default, d.sample_rate_hz) for d in found]


def two_devices() -> list[InputDevice]:
    return [
        InputDevice(
            0, ("usb-path:1-1", "alsa:CARD=Device,DEV=0"), "USB (hw:0,0)", 1, 48000, is_default=False
        ),
        InputDevice(1, ("name:pulse",), "pulse", 32, 44100, is_default=True),
    ]


@pytest.mark.parametrize(
    ("name", "index"),
    [("usb-path:1-1", 0), ("alsa:CARD=Device,DEV=0", 0), ("name:pulse", 1), ("default", 1)],
)
def test_every_name_of_a_device_finds_it(name: str, index: int) -> None:
    assert index == device_named(name, two_devices()).index


def test_a_missing_device_is_told_with_those_that_are_there() -> None:
    with pytest.raises(
        DeviceMissingError, match=r"'usb-path:9-9' is not there; there are usb-path:1-1, name"
    ):
        device_named("usb-path:9-9", two_devices())
    with pytest.raises(DeviceMissingError, match="no audio input at all"):
        device_named("usb-path:9-9", [])
    with pytest.raises(DeviceMissingError, match="no default audio input; plug a microphone in"):
        device_named("default", [])


def test_a_search_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hanging = tmp_path / "python"
    hanging.write_text("#!/bin/sh\nexec sleep 60\n")
    hanging.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(hanging))
    monkeypatch.setattr(devices, "LIST_WAIT_S", 0.2)
    with pytest.raises(SourceError, match=r"did not end within 0\.2 s"):
        list_devices()
