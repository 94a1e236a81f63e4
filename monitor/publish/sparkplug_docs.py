"""Writes docs/sparkplug.md from the table of tags: `python -m monitor.publish.sparkplug_docs`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from monitor.publish.sparkplug.command_tags import COMMAND_TAGS, NODE_COMMAND_TAGS
from monitor.publish.sparkplug.followed_tags import DRIFT_TAGS, SHADOW_TAGS
from monitor.publish.sparkplug.metrics import (
    ALARM_TAGS,
    BOX_TAGS,
    HEALTH_TAGS,
    MACHINE_TAGS,
    MAP_TAGS,
    SCORE_TAGS,
)
from monitor.publish.sparkplug.tags import CONTROL_TAGS, Tag

PAGE = Path(__file__).resolve().parents[2] / "docs" / "sparkplug.md"

INTRODUCTION = """# Sparkplug B

<!-- written by `python -m monitor.publish.sparkplug_docs` from monitor/publish; do not edit -->

With `sparkplug.enabled: true` the box is a Sparkplug B 3.0 edge node, beside the JSON topics of
[mqtt.md](mqtt.md) or, with `mqtt.enabled: false`, alone. MQTT 3.1.1 and 5 alike. It is tested against the
TCK's assertion list: [sparkplug-tck.md](sparkplug-tck.md) has every id. [scada.md](scada.md) shows Ignition
and others step by step.

    spBv1.0/{group}/{NBIRTH, NDATA, NDEATH, NCMD}/{node}             the box
    spBv1.0/{group}/{DBIRTH, DDATA, DDEATH, DCMD}/{node}/{device}    one source: a microphone on a machine

## Configuration

The section `sparkplug` of [config.md](config.md#sparkplug). Broker, MQTT version, login, certificates and
keep-alive are those of `mqtt`, whatever `mqtt.enabled` says; the client id is that of `mqtt` with
`-sparkplug` behind it.

```yaml
mqtt:
  enabled: false            # no JSON topics; true: both
  host: broker.plant
  port: 8883
  tls: true
  ca_file: /etc/wheeltapper/ca.pem
sparkplug:
  enabled: true
  group: hall-2             # default: site
  node: press-line          # default: box
  primary_host_id: scada    # optional
```

A plant with access lists has to let the box publish below `spBv1.0/{group}/+/{node}/#`, and subscribe to
`spBv1.0/{group}/NCMD/{node}`, `spBv1.0/{group}/DCMD/{node}/+` and, with a primary host,
`spBv1.0/STATE/{host}`.

## What a host sees

- **Births** tell every tag with its type, unit, description and value. A source is born when it has sound,
  dies (DDEATH) when its microphone is gone, and is born again with it. `Input/State` and `Input/Reason` say
  why just before.
- **Data** tells only what has changed, and no types, as Sparkplug 3.0 wants it: a decoder takes them from
  the births (pysparkplug 0.6 reads births alone). Scores are thinned by `sparkplug.score_deadband` and
  `sparkplug.score_every_s`; a score that crosses the limit, or cannot be judged, is told at once. Error
  maps are those of `mqtt.map_windows`.
- **Alarms** come from the store: each change is told once it is on disk, in order, and is kept until the
  broker has certainly read it; with a primary host a minute longer. It may come twice, equal to the last
  bit, and is never lost.
- **After an outage** of broker, host or box the births tell what is now, and what happened meanwhile
  follows as historical (`is_historical`), with its own time, oldest first: every change of an alarm, and
  one score a minute (`mqtt.offline_score_every_s`), the highest.
- **While a microphone is dead** what is still to be told of it stays in the store, however long that takes,
  and holds up nobody: scores up to `mqtt.offline_scores_max`, of which the oldest go first, counted. It is
  told as historical when the microphone is back.
- **Quality** is 0 (bad) for a score that cannot be judged: it is null, and neither an anomaly nor normal.
- **Clean stop**: DDEATH for each device, NDEATH, and with MQTT 5 disconnect with will; hosts get the same
  death twice. Any other end is told by the broker, 1.5 times `mqtt.keepalive_s` later at the latest. bdSeq
  goes on over restarts.
- **Several brokers** (`sparkplug.servers`) are used one at a time: the next one when a connection ends, or
  when the primary host has not come within ten seconds.
- **Commands** that were retained are ignored: an old command would act on another alarm.

Names and types of tags never change; new ones may be added. A tag that is not known is null, never 0.

"""

LOAD = """
## Load

500 sources on one node: {births} bytes of births. `python tests/bench/sparkplug.py` has a host ask for a
rebirth and hears all 501 births {births_s} s later; when every source then says something new each second,
the broker carries 500 messages and 37 kB a second for it and needs {cpu} % of one core (Mosquitto 2.0.11,
two cores, {beside}).
"""
MEASURED = {
    "births": "3.9 million",
    "births_s": "0.23",
    "cpu": "0.9",
    "beside": "with priority over other work",
}

GROUPS: tuple[tuple[str, str, tuple[Tag, ...]], ...] = (
    ("Score", "Of every device.", SCORE_TAGS),
    ("Alarm", "Of every device: ISA-18.2, and the limits in force.", ALARM_TAGS),
    (
        "Error map",
        "Of every device: when and at which frequencies the last flagged window was wrong.",
        MAP_TAGS,
    ),
    ("Input and engine", "Of every device.", HEALTH_TAGS),
    ("The machine", "Of every device: whether it runs. While it is off nothing is judged.", MACHINE_TAGS),
    (
        "Candidate",
        "Of every device: what judges beside the live bundle ([promotion.md](promotion.md)); null: nothing.",
        SHADOW_TAGS,
    ),
    (
        "Normal sound",
        "Of every device: whether it has moved ([drift.md](drift.md)); null: not looked into yet.",
        DRIFT_TAGS,
    ),
    (
        "Commands",
        "Of every device. A host writes them by DCMD; [commands.md](commands.md#by-sparkplug) says how.",
        COMMAND_TAGS,
    ),
    ("The box", "Of the node.", (*CONTROL_TAGS, *BOX_TAGS, *NODE_COMMAND_TAGS)),
)
"""Heading, what stands below it, and its tags."""


def page() -> str:
    """Return docs/sparkplug.md."""
    return INTRODUCTION + "## Tags\n" + "\n".join(_groups()) + "\n" + LOAD.format(**MEASURED)


def _groups() -> Iterator[str]:
    for heading, words, tags in GROUPS:
        yield f"\n### {heading}\n\n{words}\n"
        yield "| tag | type | unit | meaning |\n|---|---|---|---|"
        yield from _rows(tags)


def _rows(tags: Iterable[Tag]) -> Iterator[str]:
    for tag in tags:
        parts = [tag.description, tag.documentation]
        parts += ["*May be written.*"] if tag.writable else []
        meaning = " ".join(part for part in parts if part).replace("|", "\\|")
        yield f"| `{tag.name}` | {tag.datatype.label} | {tag.unit} | {meaning} |"


if __name__ == "__main__":
    (Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE).write_text(page(), encoding="utf-8")
