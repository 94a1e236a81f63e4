"""From the configuration to what the edge node is told once and for all."""

from __future__ import annotations

from monitor.config import Config
from monitor.config.sparkplug import address_from_server
from monitor.publish.sparkplug.settings import SessionSettings
from monitor.publish.sparkplug.topics import EdgeNode

EVENTS_HELD = 2_000
"""Events under way at a time; further ones wait in the store. In a primary host's grace of a minute some 30 a
second may happen before any has to wait."""


def settings_from_config(config: Config) -> SessionSettings:
    """Return how the session behaves.

    Raises:
        SparkplugError: A name is not fit for a topic.
    """
    sparkplug = config.sparkplug
    return SessionSettings(
        node=EdgeNode(sparkplug.group or config.site, sparkplug.node or config.box),
        primary_host_id=sparkplug.primary_host_id,
        servers=max(1, len(sparkplug.servers)),
        aliases=sparkplug.aliases,
        tokened_max=EVENTS_HELD,
        loose_max=0,  # scores that cannot be told go to the store, and births tell what is now
    )


def servers_from_config(config: Config, *, embedded_port: int | None) -> list[tuple[str, int]]:
    """Return host and port of each broker; `embedded_port` is that of the daemon's own, if it runs."""
    if config.sparkplug.servers:
        return [address_from_server(server) for server in config.sparkplug.servers]
    if config.mqtt.host == "embedded" and embedded_port is not None:
        return [("127.0.0.1", embedded_port)]
    return [(config.mqtt.host, config.mqtt.port)]
