"""The box as a Sparkplug B edge node. Login, TLS, MQTT version and keep-alive are those of `mqtt`."""

from __future__ import annotations

import re

from pydantic import Field, field_validator

from monitor.config.section import Section
from monitor.config.shapes import SPARKPLUG_ID

SERVER = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s:\[\]/]+):(?P<port>\d{1,5})")


class SparkplugConfig(Section):
    """The Sparkplug B 3.0 edge node: this box, with every source as a device. See docs/sparkplug.md."""

    enabled: bool = Field(
        default=False,
        description="true: speak Sparkplug, beside the JSON topics or, with mqtt.enabled: false, alone. The "
        "broker, login and TLS are those of `mqtt` either way.",
    )
    group: str | None = Field(
        default=None, pattern=SPARKPLUG_ID, description="Sparkplug group; default: site."
    )
    node: str | None = Field(default=None, pattern=SPARKPLUG_ID, description="Edge node id; default: box.")
    primary_host_id: str | None = Field(
        default=None,
        pattern=SPARKPLUG_ID,
        description="Host application without which nothing is told: while it is away, events and thinned "
        "scores wait on disk. Default: tell whoever listens.",
    )
    servers: tuple[str, ...] = Field(
        default=(),
        max_length=16,
        description="Brokers as host:port, of which one is used at a time: the next one when a connection "
        "ends, or when the primary host is not at this one. Default: that of `mqtt`.",
    )
    aliases: bool = Field(
        default=False,
        description="true: data names tags by number, which saves bytes; who has not heard the births "
        "(plain subscribers, Node-RED) cannot read it.",
    )
    score_deadband: float = Field(
        default=0.02,
        ge=0,
        le=1.0,
        description="A score is told when it differs this much from the last one told, in units of the alarm "
        "limit, when it crosses the limit, or when its input quality changes.",
    )
    score_every_s: float = Field(
        default=60.0, gt=0, le=86400, description="A score is told at least this often, if it has changed."
    )

    @field_validator("servers")
    @classmethod
    def _check_servers(cls, servers: tuple[str, ...]) -> tuple[str, ...]:
        for server in servers:
            address_from_server(server)
        if len(set(servers)) < len(servers):
            raise ValueError("a broker stands twice in the list; give each once")
        return servers


def address_from_server(server: str) -> tuple[str, int]:
    """Return host and port of `host:port`; an IPv6 address stands in brackets.

    Raises:
        ValueError: It is not of this form.
    """
    found = SERVER.fullmatch(server)
    port = 0 if found is None else int(found["port"])
    if found is None or not 1 <= port <= 65_535:
        raise ValueError(f"{server!r} is no broker; write host:port, as in broker.plant:1883")
    return found["host"].strip("[]"), port
