"""Who publishes, where the publisher hands things back, and how it is getting on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from monitor.config import Config
from monitor.messages import Score
from monitor.publish.delivery import ClientCounts
from monitor.publish.explained import Voice
from monitor.publish.live import LiveCounts
from monitor.publish.outbox import OutboxCounts
from monitor.publish.signals import PlantSignals

STALLED_S = 15.0
"""A connected broker that has not acknowledged for so long is called stalled."""


@dataclass(frozen=True, slots=True)
class Box:
    """Who publishes."""

    topic_prefix: str
    """What every topic begins with; a slash follows it."""
    client_id: str
    """Our name at the broker, which ends an older connection of the same name."""
    source_ids: tuple[str, ...]
    """Whose commands are taken; those for others are refused."""
    version: str
    """Of the installed package."""
    voice: Voice
    """In which words it says what was heard."""
    state_dir: Path | None = None
    """Where it remembers which sources it has told of; None: nowhere, and those removed are not cleared."""
    is_alone: bool = True
    """Whether no other box is below the same prefix. Commands to sources that it does not have are then
    meant for it, and handed on to be refused; else they may be another box's, and are left alone."""


@dataclass(frozen=True, slots=True)
class Calls:
    """Where the publisher hands things back to the daemon."""

    on_command: Callable[[str | None, bytes], None]
    """Source id (None: the whole box) and the raw command, from the network thread: must return at once.
    An oversized command comes cut to just above the limit, so that `parse_command` refuses it."""
    offline_score: Callable[[Score], object]
    """A score that cannot be sent live, from the publishing thread: for the store, which thins them."""
    signals: PlantSignals | None = None
    """Where what the plant says of its machines goes, from the network thread; None: nobody asks."""


@dataclass(frozen=True, slots=True)
class PublisherState:
    """How publishing is getting on."""

    client: ClientCounts
    """How the connection is getting on."""
    live: LiveCounts
    """How live scores and maps are getting on."""
    outbox: OutboxCounts
    """How the records of the store are getting on."""
    commands: int
    """Handed on."""
    refused_commands: int
    """Not handed on: retained by the broker, or for a source that this box does not have."""

    @property
    def stalled(self) -> bool:
        """Whether the broker is connected and has not acknowledged the record under way for too long."""
        waiting_s = self.outbox.waiting_s
        return self.client.connected and waiting_s is not None and waiting_s > STALLED_S


def box_from_config(config: Config, voice: Voice) -> Box:
    """Return who a daemon with this configuration is on the broker."""
    return Box(
        topic_prefix=config.topic_prefix,
        client_id=config.mqtt.client_id or f"wheeltapper-{config.site}-{config.box}",
        source_ids=tuple(source.id for source in config.sources),
        version=metadata.version("wheeltapper"),
        voice=voice,
        state_dir=config.state_dir,
        is_alone="{box}" in config.mqtt.prefix,
    )
