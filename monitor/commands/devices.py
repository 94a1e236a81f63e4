"""`wheeltapper devices`: which audio inputs there are, what to call them, and whether they hear anything."""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np

from monitor.config import MicrophoneSource
from monitor.errors import SourceError
from monitor.messages import Float32
from monitor.sources import Source, open_sources
from monitor.sources.devices import InputDevice, list_devices

MAX_CHANNELS = 8
"""So many channels' levels are shown: sound servers pretend to have 32 or more."""
BAR_DBFS = -60.0
"""Where the bar of the level meter begins; it ends at 0 dBFS."""
START_WAIT_S = 5.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `wheeltapper devices`."""
    parser.add_argument("--seconds", type=float, default=1.0, help="how long to listen to each (1)")
    parser.add_argument("--no-levels", action="store_true", help="only list, open nothing")


def run(args: argparse.Namespace) -> int:
    """List the devices; return 0 when there is at least one input, else 1 and say what to do."""
    try:
        devices = list_devices()
    except SourceError as error:
        print(error, file=sys.stderr)
        return 1
    if not devices:
        print(
            "There is no audio input. Plug a microphone in; in a container pass /dev/snd; "
            "as a service the user must be in group `audio`.",
            file=sys.stderr,
        )
        return 1
    for device in devices:
        _print_device(device)
        if not args.no_levels:
            _print_levels(device, args.seconds)
    return 0


def _print_device(device: InputDevice) -> None:
    mark = "  (default)" if device.is_default else ""
    print(f"{device.name}{mark}\n    {device.title}")
    if len(device.names) > 1:
        print(f"    also {', '.join(device.names[1:])}")
    plural = "" if device.channels == 1 else "s"
    print(f"    {device.channels} channel{plural}, {device.sample_rate_hz} Hz")


def _print_levels(device: InputDevice, seconds: float) -> None:
    """Listen as the daemon would, and print one line per channel, or why nothing was heard."""
    channels = range(1, min(device.channels, MAX_CHANNELS) + 1)
    configs = [
        MicrophoneSource(id=f"channel{channel}", kind="microphone", device=device.name, channel=channel)
        for channel in channels
    ]
    (source,) = open_sources(configs)
    try:
        heard = _listen(source, seconds)
    finally:
        reason = source.health()[0].reason
        source.close()
    for channel, samples in zip(channels, heard.values(), strict=True):
        if not len(samples):
            print(f"    nothing heard: {reason or 'no sound came in time'}")
            return
        print(f"    channel {channel}: {_meter(samples)}")
    if device.channels > MAX_CHANNELS:
        print(f"    (channels {MAX_CHANNELS + 1} to {device.channels} not shown)")


def _listen(source: Source, seconds: float) -> dict[str, Float32]:
    """Return what each source id heard: up to `seconds` of sound, waiting a bounded time for it."""
    parts: dict[str, list[Float32]] = {source_id: [] for source_id in source.source_ids}
    deadline_s = time.monotonic() + seconds + START_WAIT_S
    heard_s = 0.0
    while heard_s < seconds and time.monotonic() < deadline_s:
        for block in source.read(0.5):
            parts[block.source_id].append(block.samples)
            if block.source_id == source.source_ids[0]:
                heard_s += len(block.samples) / block.sample_rate_hz
    return {
        source_id: np.concatenate([np.zeros(0, np.float32), *blocks]) for source_id, blocks in parts.items()
    }


def _meter(samples: Float32) -> str:
    """Return the level as a number and a bar; a constant offset is not sound and does not count."""
    sound = samples - samples.mean()
    power = float(np.dot(sound, sound)) / len(sound)
    if power <= 1e-14:
        return f"dead: the samples stand still at {float(samples[-1]):g}"
    level_dbfs = 10.0 * float(np.log10(power))
    share = min(max(1.0 - level_dbfs / BAR_DBFS, 0.0), 1.0)
    return f"{level_dbfs:6.1f} dBFS |{'#' * round(30 * share):30}|"
