"""Names for audio inputs that stay the same when cards are plugged in another order.

PortAudio numbers devices as it finds them, and ALSA numbers cards as they appear. Here a device is called

    usb-path:1-1.2          what is plugged into that USB socket (`usb-path:1-1.2,DEV=1`: its second PCM)
    alsa:CARD=Device,DEV=0  ALSA's id of the card; a second card of the same make becomes Device_1
    name:pulse              PortAudio's name, for what is not a card's own PCM
    default                 what the system calls the default input

No NumPy and no PortAudio here: the process that holds the microphone imports it, and tests fake the rest.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from monitor.errors import DeviceMissingError, SourceError
from monitor.worded import Worded, sentence_in, worded

SYSFS = Path("/sys")
DEFAULT = "default"
_HARDWARE = re.compile(r"\(hw:(\d+),(\d+)\)$")
_USB_PORT = re.compile(r"^\d+-\d+(\.\d+)*$")
LIST_WAIT_S = 20.0
"""A broken driver can hang PortAudio's search for devices; it is waited for no longer."""


@dataclass(frozen=True, slots=True)
class InputDevice:
    """An input that PortAudio found, with the names it can be given in the configuration."""

    index: int
    """PortAudio's number, good for this process and moment only."""
    names: tuple[str, ...]
    """Stable names, the most stable first."""
    title: str
    """What PortAudio calls it, for people."""
    channels: int
    """The most that it can record at once, at least 1."""
    sample_rate_hz: int
    """The device's own default."""
    is_default: bool
    """Whether it is what PortAudio takes when none is named."""

    @property
    def name(self) -> str:
        """The most stable name."""
        return self.names[0]


def stable_names(title: str, sysfs: Path = SYSFS) -> tuple[str, ...]:
    """Return the stable names of the device that PortAudio calls `title`, the most stable first."""
    hardware = _HARDWARE.search(title)
    if hardware is None:
        return (f"name:{title}",)
    card, pcm = hardware.groups()
    folder = sysfs / "class" / "sound" / f"card{card}"
    names = []
    port = _usb_port(folder / "device")
    if port is not None:
        names.append(f"usb-path:{port}" + (f",DEV={pcm}" if pcm != "0" else ""))
    try:
        names.append(f"alsa:CARD={(folder / 'id').read_text(encoding='ascii').strip()},DEV={pcm}")
    except OSError:  # sysfs is not mounted, or the card has just gone: there is no better name
        names.append(f"name:{title}")
    return tuple(names)


def _usb_port(device: Path) -> str | None:
    """Return the bus and ports of a USB card, such as 1-1.2; None for other cards."""
    ports = [part for part in device.resolve().parts if _USB_PORT.match(part)]
    return ports[-1] if ports else None


def inputs_from_portaudio(
    entries: Iterable[Mapping[str, object]], default_index: int, sysfs: Path = SYSFS
) -> list[InputDevice]:
    """Return the inputs among PortAudio's `entries` (as sounddevice.query_devices gives them)."""
    return [
        InputDevice(
            index=index,
            names=stable_names(str(entry["name"]), sysfs),
            title=str(entry["name"]),
            channels=int(str(entry["max_input_channels"])),
            sample_rate_hz=round(float(str(entry["default_samplerate"]))),
            is_default=index == default_index,
        )
        for index, entry in enumerate(entries)
        if int(str(entry["max_input_channels"])) > 0
    ]


def device_named(name: str, devices: Sequence[InputDevice]) -> InputDevice:
    """Return the device that goes by `name`.

    Raises:
        DeviceMissingError: None does; the text lists those that are there.
    """
    for device in devices:
        if name in device.names or (name == DEFAULT and device.is_default):
            return device
    there = ", ".join(device.name for device in devices)
    raise DeviceMissingError(_missing_default(there) if name == DEFAULT else _missing(repr(name), there))


def _missing_default(there: str) -> Worded:
    if there:
        return worded(
            "no-default-device", "there is no default audio input; name one of {devices}", devices=there
        )
    return worded(
        "no-device-at-all",
        "there is no default audio input; plug a microphone in and see `wheeltapper devices`",
    )


def _missing(name: str, there: str) -> Worded:
    if there:
        return worded(
            "device-missing",
            "audio device {device} is not there; there are {devices}; see `wheeltapper devices`",
            device=name,
            devices=there,
        )
    return worded(
        "device-missing-of-none",
        "audio device {device} is not there; there is no audio input at all; see `wheeltapper devices`",
        device=name,
    )


def list_devices() -> list[InputDevice]:
    """Return the audio inputs of this machine, searched by a process of its own that may hang.

    Raises:
        SourceError: PortAudio is missing or does not answer.
    """
    command = [sys.executable, "-m", "monitor.sources.microphone_child", "--list"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=LIST_WAIT_S, check=False)  # noqa: S603 - our own
    except subprocess.TimeoutExpired as error:
        raise SourceError(
            worded(
                "device-search-hangs",
                "the search for audio devices did not end within {seconds} s: a driver hangs; unplug the "
                "devices one by one, or restart the sound server",
                seconds=LIST_WAIT_S,
            )
        ) from error
    lines = done.stdout.decode(errors="replace").splitlines()
    if not lines:
        words = done.stderr.decode(errors="replace").split("\n")
        said = "; ".join([line for line in words if line.strip()][-2:])
        raise SourceError(f"the search for audio devices ended with {done.returncode}: {said}")
    answer: dict[str, Any] = json.loads(lines[-1])
    if "broken" in answer:
        raise SourceError(sentence_in(answer, "broken"))
    return [InputDevice(**{**entry, "names": tuple(entry["names"])}) for entry in answer["devices"]]


def find_device(name: str) -> InputDevice:
    """Return the audio input that goes by `name` on this machine now.

    Raises:
        DeviceMissingError: It is not there; the text lists those that are.
        SourceError: PortAudio is missing or does not answer.
    """
    return device_named(name, list_devices())


def tree_from_device(device: InputDevice) -> dict[str, object]:
    """Return a device as JSON-able values, as `list_devices` reads it back."""
    return asdict(device)
