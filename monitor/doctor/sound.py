"""Where the sound comes from: devices that are there and may be opened, files, streams."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence

from monitor.config import MicrophoneSource
from monitor.doctor.box import group_names, user_name
from monitor.doctor.finding import Finding, Patient, fault, fault_from_error, ok
from monitor.errors import SourceError
from monitor.messages import CaptureState
from monitor.report import is_alive
from monitor.sources.devices import device_named, list_devices
from monitor.trials import try_sources


def check_devices(patient: Patient) -> Iterator[Finding]:
    """Look for every microphone that is configured; none is opened, for the daemon may hold it.

    What the daemon hears is not looked for: ALSA lets nobody else look at a card that is in use.
    """
    microphones = [one for one in patient.config.sources if isinstance(one, MicrophoneSource)]
    if not microphones:
        return
    yield from _check_access(patient)
    heard = _heard(patient)
    for source in microphones:
        if source.id in heard:
            yield ok(f"device of {source.id}", f"{heard[source.id]}, heard by the daemon")
    yield from _search([source for source in microphones if source.id not in heard])


def _heard(patient: Patient) -> Mapping[str, str]:
    """Return the devices of the sources that a running daemon hears, by source."""
    status = patient.status
    if status is None or not is_alive(status):
        return {}
    captures = [source["capture"] for source in status["sources"]]
    healthy = CaptureState.HEALTHY.value
    return {one["source_id"]: one["device"] for one in captures if one["state"] == healthy}


def _search(microphones: Sequence[MicrophoneSource]) -> Iterator[Finding]:
    if not microphones:
        return
    try:
        devices = list_devices()
    except SourceError as error:
        yield fault_from_error("devices", error)
        return
    for source in microphones:
        name = f"device of {source.id}"
        try:
            device = device_named(source.device, devices)
        except SourceError as error:
            yield fault_from_error(name, error)
            continue
        if source.channel > device.channels:
            yield fault(
                name,
                f"{device.name} has {device.channels} channels, channel {source.channel} is configured",
                "set channel to one that it has; wheeltapper devices shows their levels",
            )
        else:
            yield ok(name, f"{device.name} ({device.title}), {device.sample_rate_hz} Hz")


def _check_access(patient: Patient) -> Iterator[Finding]:
    nodes = sorted((patient.root / "dev/snd").glob("pcmC*c"))
    closed = [node.name for node in nodes if not os.access(node, os.R_OK | os.W_OK)]
    groups = ", ".join(sorted(group_names()))
    if closed:
        yield fault(
            "sound cards",
            f"{user_name()} (groups {groups}) may not open {', '.join(closed)}",
            f"usermod -aG audio {user_name()}, and start the daemon again",
        )
    elif nodes:
        yield ok("sound cards", f"{len(nodes)} inputs, open to {user_name()} (groups {groups})")


def check_sources(patient: Patient) -> Iterator[Finding]:
    """Open every source as far as `check` does."""
    yield ok("sources", try_sources(patient.config))
