"""Sound from a sound card: a child process records it, shared memory brings it here.

All channels of one device that the configuration names come from one child and one stream. A device that
is not there is no error: the source waits for it, and says so.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence

import numpy as np

from monitor.config import MicrophoneSource as MicrophoneConfig
from monitor.config import SourceConfig
from monitor.errors import SourceError
from monitor.sources import Source
from monitor.sources.child import Child
from monitor.sources.feed import Arrival, FeedBrokenError
from monitor.sources.live import LiveSource
from monitor.sources.ring import Frames, Header, create_memory
from monitor.sources.watchdog import WatchdogSettings
from monitor.worded import sentence_in, worded

USUAL_RATE_HZ = 48_000
"""In which loss is counted while the device has not yet told its own."""
DEAF_S = 2.0
"""A child that shows no life for this long hangs inside PortAudio or a driver."""


class MicrophoneFeed:
    """The child process that holds one device. See monitor.sources.feed for the contract."""

    def __init__(self, device: str, *, channels: int, sample_rate_hz: int | None, block_ms: float) -> None:
        self.device = device
        self._wanted = device
        self._channels = channels
        self._wanted_rate_hz = sample_rate_hz or 0
        self._rate_hz = 0  # the device's, once it is open
        self._block_ms = block_ms
        self._child: Child | None = None
        self._memory = -1
        self._header: Header | None = None
        self._frames: Frames | None = None
        self._rest = b""
        self._broken: str | None = None  # told after blocks that must be handed over first

    @property
    def child_pid(self) -> int | None:
        """The process that records, while one does."""
        return None if self._child is None else self._child.pid

    def start(self) -> None:
        """Start the child; it looks the device up afresh."""
        self._memory = create_memory()
        self._header = Header(self._memory)
        self._rest, self._broken = b"", None
        command = Child.python(
            "monitor.sources.microphone_child",
            f"--parent={os.getpid()}",
            f"--memory={self._memory}",
            f"--device={self._wanted}",
            f"--channels={self._channels}",
            f"--rate={self._wanted_rate_hz}",
            f"--block-ms={self._block_ms}",
        )
        self._child = Child(command, pass_fds=[self._memory])

    def poll(self, timeout_s: float) -> Sequence[Arrival]:
        """Return the blocks that the child has told of.

        Raises:
            FeedBrokenError: The child has ended, or told that the device did.
        """
        if self._child is None:
            return []
        if self._broken is not None:
            raise FeedBrokenError(self._broken)
        *lines, self._rest = (self._rest + self._child.read(timeout_s)).split(b"\n")
        arrivals = []
        for line in lines:
            message = json.loads(line)
            if "block" in message:
                arrivals.append(self._arrival(*message["block"]))
            elif "opened" in message:
                self._open(**message["opened"])
            else:
                self._broken = sentence_in(message, "broken")
        return arrivals

    def remark(self) -> str:
        """Say whether it is the child that hangs, rather than the device that is quiet."""
        if self._header is None:
            return ""
        quiet_s = time.monotonic() - self._header.alive_s
        if self._header.alive_s and quiet_s > DEAF_S:
            return worded(
                "device-process-hangs",
                "its process has not answered for {seconds} s",
                seconds=f"{quiet_s:.1f}",
            )
        return ""

    def stop(self) -> None:
        """Kill the child and release the memory."""
        if self._child is not None:
            self._child.kill()
            self._child = None
        for part in (self._header, self._frames):
            if part is not None:
                part.close()
        self._header = self._frames = None
        if self._memory >= 0:
            os.close(self._memory)
            self._memory = -1

    def _open(self, *, device: str, sample_rate_hz: int, channels: int, capacity: int) -> None:
        self.device, self._rate_hz = device, sample_rate_hz
        self._frames = Frames(self._memory, channels=channels, capacity=capacity)

    def _arrival(self, end: int, count: int, dropped: int, overflow: int, arrived_s: float) -> Arrival:
        if self._frames is None or self._header is None:
            raise FeedBrokenError("its process told of sound before it had opened the device")
        sound = np.frombuffer(self._frames.read(end - count, count), np.float32)
        self._header.read_frames = end
        return Arrival(
            frames=sound.reshape(count, self._channels),
            sample_rate_hz=self._rate_hz,
            arrived_s=arrived_s,
            lost_frames=dropped,
            overflowed=bool(overflow),
        )


def open_sources(configs: Sequence[SourceConfig]) -> list[Source]:
    """Prepare one source for each device that `configs` name, with all channels wanted of it.

    Raises:
        SourceError: Two sources want the same device at different rates.
    """
    devices: dict[str, list[MicrophoneConfig]] = {}
    for config in configs:
        if isinstance(config, MicrophoneConfig):
            devices.setdefault(config.device, []).append(config)
    return [_open_device(device, sharing) for device, sharing in devices.items()]


def _open_device(device: str, sharing: Sequence[MicrophoneConfig]) -> LiveSource:
    rates = {config.sample_rate_hz for config in sharing if config.sample_rate_hz is not None}
    if len(rates) > 1:
        names = ", ".join(config.id for config in sharing)
        raise SourceError(
            f"sources {names} share device {device!r} but want {' and '.join(map(str, sorted(rates)))} Hz; "
            "give all of them the same `sample_rate_hz`, or none"
        )
    rate_hz = next(iter(rates), None)
    feed = MicrophoneFeed(
        device,
        channels=max(config.channel for config in sharing),
        sample_rate_hz=rate_hz,
        block_ms=min(config.block_ms for config in sharing),
    )
    return LiveSource(
        {config.id: config.channel - 1 for config in sharing},
        feed,
        sample_rate_hz=rate_hz or USUAL_RATE_HZ,
        settings=WatchdogSettings(),
    )
