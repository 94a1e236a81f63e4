"""What can be tried of a configuration without listening to anything: for `check` and for `doctor`."""

from __future__ import annotations

from collections.abc import Iterator

from monitor.config import Config
from monitor.publish.edge.settings import servers_from_config, settings_from_config
from monitor.publish.walk import Step, walk_for_sparkplug, walk_to_broker
from monitor.sources import open_sources

EMBEDDED = "embedded"


def try_sources(config: Config) -> str:
    """Open every source as the daemon would: files are read, ffmpeg is looked for, no device is touched.

    Raises:
        SourceError: One of them is refused.
    """
    opened = open_sources(config.sources)
    for source in opened:
        source.close()
    return f"{len(config.sources)} from {len(opened)} inputs"


def broker_walks(config: Config) -> list[tuple[str, Iterator[Step]]]:
    """Return the walk to each broker that is configured, with its name; none goes to an embedded one.

    A walk goes on as its steps are asked for, and raises PublishError at the one that fails.
    """
    mqtt, sparkplug = config.mqtt, config.sparkplug
    walks = []
    if mqtt.enabled and mqtt.host != EMBEDDED:
        walks.append(("mqtt", walk_to_broker(mqtt, config.topic_prefix)))
    if sparkplug.enabled:
        node = settings_from_config(config).node
        device_ids = [source.id for source in config.sources]
        for host, port in servers_from_config(config, embedded_port=None):
            if host == EMBEDDED:
                continue
            there = mqtt.model_copy(update={"host": host, "port": port})
            walk = walk_for_sparkplug(there, node, device_ids, sparkplug.primary_host_id)
            walks.append((f"sparkplug at {host}:{port},", walk))
    return walks
