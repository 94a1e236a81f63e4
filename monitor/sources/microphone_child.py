"""The process that holds a sound card, so that it can be killed when PortAudio hangs.

It puts frames into shared memory (ring.py) and tells of them in lines of JSON on standard output:

    {"opened": {"device": ..., "sample_rate_hz": ..., "channels": ..., "capacity": ...}}   once, at first
    {"block": [end frame, frames, dropped frames, overflow flag, monotonic seconds]}       each block
    {"broken": "why"}                                                                      at most once, last

With --list it prints the devices and ends. Imports stay light; this is the only module that loads PortAudio.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import sys
import time
from collections.abc import Mapping
from typing import Any, NoReturn

from monitor.errors import DeviceMissingError
from monitor.sources.devices import InputDevice, device_named, inputs_from_portaudio, tree_from_device
from monitor.sources.ring import Frames, Header
from monitor.sources.tied import die_with_parent
from monitor.worded import beside, worded, wording_of

RING_S = 10.0
"""How much sound the ring holds: how long the parent may be busy before sound is lost."""
HEARTBEAT_S = 0.5
REASON_CHARACTERS = 600
"""Longest reason that is told: even if JSON had to escape each character, the line stays atomic."""
NO_PORTAUDIO = worded("no-portaudio", "PortAudio is missing; install it with `apt install libportaudio2`")


class Teller:
    """Writes lines to the parent without ever blocking: a line is told whole or not at all."""

    def __init__(self, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor

    def tell(self, message: Mapping[str, object]) -> bool:
        """Write one line, shorter than PIPE_BUF so that it is atomic; False when the pipe is full."""
        try:
            os.write(self._descriptor, json.dumps(message).encode() + b"\n")
        except BlockingIOError:
            return False
        return True


class Recorder:
    """Takes blocks from PortAudio's thread into the ring; drops the new one when there is no room."""

    def __init__(self, header: Header, frames: Frames, capacity: int, teller: Teller) -> None:
        self._header = header
        self._frames = frames
        self._capacity = capacity
        self._teller = teller
        self._written = 0
        self._dropped = 0
        self._overflow = False

    def take(self, sound: bytes | memoryview, count: int, *, overflow: bool) -> None:
        """Take `count` frames; those that had to be dropped before them are told with the next block."""
        now_s = time.monotonic()
        self._header.heard_s = now_s
        self._overflow |= overflow
        if self._written + count - self._header.read_frames <= self._capacity:
            self._frames.write(self._written, sound)
            told = [self._written + count, count, self._dropped, int(self._overflow), now_s]
            if self._teller.tell({"block": told}):
                self._written += count
                self._dropped, self._overflow = 0, False
                return
        self._dropped += count


def portaudio() -> Any:  # noqa: ANN401 - sounddevice has no types; Any ends in this module
    """Return the sounddevice module.

    Raises:
        OSError: The PortAudio library is not installed.
    """
    import sounddevice  # noqa: PLC0415 - it starts PortAudio, which searches all devices: only when wanted

    return sounddevice


def inputs(sd: Any) -> list[InputDevice]:  # noqa: ANN401 - see portaudio
    """Return the inputs that PortAudio found when it was loaded."""
    default_index = sd.query_hostapis(sd.default.hostapi)["default_input_device"]
    return inputs_from_portaudio(sd.query_devices(), default_index)


def record(options: argparse.Namespace, sd: Any, teller: Teller) -> str:  # noqa: ANN401 - see portaudio
    """Record until the device ends, and return why; raises what PortAudio and device_named raise."""
    device = device_named(options.device, inputs(sd))
    if device.channels < options.channels:
        return f"{device.name} has {device.channels} channels, the configuration wants {options.channels}"
    rate_hz = options.rate or device.sample_rate_hz
    capacity = round(RING_S * rate_hz)
    header = Header(options.memory)
    frames = Frames(options.memory, channels=options.channels, capacity=capacity)
    recorder = Recorder(header, frames, capacity, teller)

    def take(sound: Any, count: int, _time: object, status: Any) -> None:  # noqa: ANN401 - cffi's
        recorder.take(memoryview(sound), count, overflow=bool(status.input_overflow))

    stream = sd.RawInputStream(
        device=device.index,
        channels=options.channels,
        samplerate=rate_hz,
        blocksize=max(1, round(rate_hz * options.block_ms / 1000)),
        dtype="float32",
        latency="high",
        callback=take,
    )
    opened = {"device": device.name, "sample_rate_hz": rate_hz, "channels": options.channels}
    teller.tell({"opened": {**opened, "capacity": capacity}})
    stream.start()
    while stream.active:
        header.alive_s = time.monotonic()
        time.sleep(HEARTBEAT_S)
    return worded("device-stopped", "{device} stopped delivering", device=device.name)


def end(teller: Teller, reason: str) -> NoReturn:
    """Tell why and leave at once: closing PortAudio can hang after an unplug."""
    told: dict[str, object] = {"broken": reason[:REASON_CHARACTERS]}
    whole = {**told, **beside(reason)}
    teller.tell(whole if len(json.dumps(whole)) < select.PIPE_BUF else told)
    os._exit(1)


def main(arguments: list[str]) -> None:
    """Record or list, as the arguments say."""
    parser = argparse.ArgumentParser(prog="microphone_child")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--parent", type=int)
    parser.add_argument("--memory", type=int)
    parser.add_argument("--device")
    parser.add_argument("--channels", type=int)
    parser.add_argument("--rate", type=int, default=0)
    parser.add_argument("--block-ms", type=float)
    options = parser.parse_args(arguments)
    if options.parent is not None:
        die_with_parent(options.parent)
    # audio libraries print to standard output at will: what is ours moves away from there
    output = os.dup(1)
    os.dup2(2, 1)
    teller = Teller(output)
    try:
        sd = portaudio()
    except OSError:
        end(teller, NO_PORTAUDIO)
    if options.list:
        os.set_blocking(output, True)
        listed = [tree_from_device(device) for device in inputs(sd)]
        os.write(output, json.dumps({"devices": listed}).encode() + b"\n")
        os._exit(0)
    try:
        end(teller, record(options, sd, teller))
    except DeviceMissingError as error:
        end(teller, wording_of(error))
    except (sd.PortAudioError, ValueError) as error:
        end(teller, str(error))


if __name__ == "__main__":
    main(sys.argv[1:])
