"""A session with a recorder around it, and tags to play with. No broker, no clock but the rig's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sparkplug_oracle import OraclePayload

from monitor.publish.sparkplug.actions import Action, Connect, Disconnect, Publish, Subscribe
from monitor.publish.sparkplug.datatypes import DataType, Value
from monitor.publish.sparkplug.history import Sample
from monitor.publish.sparkplug.host import HostState
from monitor.publish.sparkplug.session import Session
from monitor.publish.sparkplug.settings import Now, SessionSettings, next_bdseq
from monitor.publish.sparkplug.tags import Reading, Tag
from monitor.publish.sparkplug.topics import EdgeNode

NODE = EdgeNode("mill", "box1")
START_MS = 1_769_860_800_000
DEVICE_TAGS = (
    Tag("Score", DataType.DOUBLE, "How unusual it is.", "alarm limits", low=0.0, high=2.0),
    Tag("Alarm/EventId", DataType.STRING, "The open event."),
    Tag("Alarm/Active", DataType.BOOLEAN, "Whether it is active."),
    Tag("Error/Map", DataType.FLOAT_ARRAY, "Where it is unusual.", kept=False),
)
NODE_TAGS = (Tag("Box/Losses", DataType.INT64, "What was given up."),)


class Counter:
    """Counts connections as the store would; `last` is what is on disk."""

    def __init__(self, last: int | None = None) -> None:
        self.last = last

    def next(self) -> int:
        """Return the number for the next connection."""
        self.last = next_bdseq(self.last)
        return self.last


@dataclass(frozen=True)
class Heard:
    """One message as the wire has it, decoded by the oracle."""

    topic: str
    qos: int
    retain: bool
    payload: Any
    number: int

    @property
    def verb(self) -> str:
        return self.topic.split("/")[2]

    @property
    def device_id(self) -> str | None:
        return self.topic.split("/")[4] if self.topic.count("/") == 4 else None

    @property
    def names(self) -> list[str]:
        return [metric.name for metric in self.payload.metrics]

    def metric(self, name: str) -> Any:  # noqa: ANN401 - a protobuf message
        (found,) = [metric for metric in self.payload.metrics if metric.name == name]
        return found


def heard(message: Publish) -> Heard:
    return Heard(
        message.topic,
        message.qos,
        message.retain,
        OraclePayload.FromString(message.payload),
        message.number,
    )


def readings(values: Mapping[str, Value | None]) -> dict[str, Reading]:
    return {name: Reading(value) for name, value in values.items()}


@dataclass
class Rig:
    """Drives one session and keeps everything that it asked for, in order."""

    settings: SessionSettings = field(default_factory=lambda: SessionSettings(NODE, loose_max=100))
    counter: Counter = field(default_factory=Counter)
    seconds: float = 0.0
    actions: list[Action] = field(default_factory=list)
    connects: list[Connect] = field(default_factory=list)
    sent_ms: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.session = Session(self.settings, NODE_TAGS, self.counter, self.now)

    @property
    def now(self) -> Now:
        return Now(START_MS + round(self.seconds * 1000), self.seconds)

    def keep(self, actions: list[Action]) -> list[Heard]:
        self.actions.extend(actions)
        self.sent_ms |= {each.number: self.now.utc_ms for each in actions if isinstance(each, Publish)}
        return [heard(action) for action in actions if isinstance(action, Publish)]

    @property
    def heard(self) -> list[Heard]:
        return [heard(action) for action in self.actions if isinstance(action, Publish)]

    @property
    def subscribed(self) -> list[str]:
        return [topic for action in self.actions if isinstance(action, Subscribe) for topic in action.topics]

    @property
    def disconnects(self) -> list[Disconnect]:
        return [action for action in self.actions if isinstance(action, Disconnect)]

    def of(self, *verbs: str) -> list[Heard]:
        return [message for message in self.heard if message.verb in verbs]

    def connect(self) -> list[Heard]:
        self.connects.append(self.session.connecting(self.now))
        return self.keep(self.session.connected(self.now))

    def appear(self, device_id: str = "pump", **values: Value | None) -> list[Heard]:
        tags = {name.replace("_", "/"): value for name, value in values.items()}
        return self.keep(self.session.device_appeared(device_id, DEVICE_TAGS, readings(tags), self.now))

    def lose(self, device_id: str = "pump") -> list[Heard]:
        return self.keep(self.session.device_lost(device_id, self.now))

    def change(
        self,
        values: Mapping[str, Value | None],
        device_id: str | None = "pump",
        *,
        token: int | None = None,
        late: bool = False,
        at_ms: int | None = None,
    ) -> list[Heard]:
        at_ms = self.now.utc_ms if at_ms is None else at_ms
        sample = Sample(device_id, readings(values), at_ms, token=token, late=late)
        return self.keep(self.session.changed(sample, self.now))

    def host(self, *, online: bool, timestamp_ms: int) -> list[Heard]:
        return self.keep(self.session.host_said(HostState(online, timestamp_ms), self.now))

    def rebirth(self) -> list[Heard]:
        """Ask, and return what comes with the next tick."""
        self.session.rebirth_asked()
        return self.tick()

    def tick(self, after_s: float = 0.0) -> list[Heard]:
        self.seconds += after_s
        return self.keep(self.session.tick(self.now))

    def stop(self) -> list[Heard]:
        return self.keep(self.session.stopping(self.now))
