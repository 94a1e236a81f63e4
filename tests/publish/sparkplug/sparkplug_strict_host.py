"""A Sparkplug host application that believes nothing: it notes every rule that an edge node breaks.

It has no connection and no clock. Whoever has one feeds it (`receive`), says when it was away
(`interrupted`), and sends its rebirth requests. It reads with the schema of pysparkplug, which is not ours.

What it holds against the node: Sparkplug 3.0, chapters 5 (sessions) and 6 (payloads), as far as a subscriber
of `spBv1.0/#` can see. What it cannot know, because it was away, it does not hold against anybody: it asks
for a rebirth, as hosts do.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any

from sparkplug_oracle import OraclePayload

NAMESPACE = "spBv1.0"
VERBS = {True: {"NBIRTH", "NDEATH", "NDATA"}, False: {"DBIRTH", "DDEATH", "DDATA"}}
"""Of the node itself, and of its devices."""
REBIRTH = "Node Control/Rebirth"
SEQ_COUNT = 256
INT64, BOOLEAN = 4, 11
SIGNED_BITS = {1: 8, 2: 16, 3: 32, 4: 64}
"""Datatype -> bits: the wire has them unsigned."""
FIELDS = {
    **dict.fromkeys((1, 2, 3, 5, 6), "int_value"),
    **dict.fromkeys((4, 7, 8, 13), "long_value"),
    9: "float_value",
    10: "double_value",
    BOOLEAN: "boolean_value",
    **dict.fromkeys((12, 14, 15), "string_value"),
    **dict.fromkeys((17, *range(22, 35)), "bytes_value"),
}
"""Datatype -> the field that holds such a value."""


@dataclass(frozen=True, slots=True)
class Telling:
    """One value of one tag, as the host was told it."""

    device_id: str | None
    """None: of the node itself."""
    name: str
    value: Any
    """None: null."""
    at_ms: int
    historical: bool


@dataclass(slots=True)
class _Tag:
    name: str
    datatype: int


@dataclass(slots=True)
class NodeView:
    """What the host knows of one edge node."""

    bdseq: int | None = None
    """Of the session that is alive; None: dead, or not known."""
    latest_bdseq: int | None = None
    """The newest that a birth or a death has told."""
    complete: bool = False
    """Whether nothing was missed since a birth or a death, so that data before a birth is a fault."""
    expected_seq: int = 0
    tags: dict[str | None, dict[str, _Tag]] = field(default_factory=dict)
    """By device (None: the node), of those that are alive."""
    aliases: dict[int, tuple[str | None, _Tag]] = field(default_factory=dict)
    newest_past: dict[Hashable, int] = field(default_factory=dict)
    newest_ms: dict[Hashable, int] = field(default_factory=dict)
    """By device and tag: when what is now began."""
    births: int = 0


class StrictHost:
    """Takes messages one at a time. `violations` stays empty if the node keeps to the rules."""

    def __init__(
        self,
        *,
        ask: Callable[[str, bytes], None],
        keeps: Collection[str],
        stream_of: Callable[[Telling], Hashable] = lambda told: (told.device_id, told.name),
        deaths_come_first: bool = True,
    ) -> None:
        """`ask` sends a topic and a payload; `keeps` names the tags whose values are remembered.

        Of those, historical values of one `stream_of` must come in order, and live ones of one tag. With
        several brokers a will may come behind the birth that follows it: then not `deaths_come_first`.
        """
        self.violations: list[str] = []
        self.tellings: list[Telling] = []
        self.nodes: dict[tuple[str, str], NodeView] = {}
        self.counts: Counter[str] = Counter()
        self._ask = ask
        self._keeps = frozenset(keeps)
        self._stream_of = stream_of
        self._deaths_come_first = deaths_come_first

    def interrupted(self) -> None:
        """Forget who is alive: something may have been missed."""
        for view in self.nodes.values():
            view.bdseq = None
            view.complete = False
            view.tags = {}

    def receive(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int | None = None,
        retain: bool = False,
        at_ms: int | None = None,
    ) -> None:
        """Take one message as it came; `qos` and the time of arrival where they are known."""
        namespace, group_id, verb, node_id, *more = [*topic.split("/"), "", "", ""][:6]
        device_id = more[0] or None
        if namespace != NAMESPACE or group_id == "STATE" or verb in {"NCMD", "DCMD"}:
            return None
        if topic.count("/") != (3 if device_id is None else 4) or verb not in VERBS[device_id is None]:
            return self._blame(topic, "is a topic of no message")
        try:
            message = OraclePayload.FromString(payload)
        except Exception as error:  # noqa: BLE001 - protobuf's implementations raise different classes
            return self._blame(topic, f"a payload that is no Sparkplug B ({error})")
        if retain or qos not in {None, 1 if verb == "NDEATH" else 0}:
            self._blame(topic, f"comes with QoS {qos}, retained: {retain}")
        if not message.HasField("timestamp") or (at_ms is not None and message.timestamp > at_ms):
            self._blame(topic, "has no time, or one that is yet to come")
        self.counts[verb] += 1
        view = self.nodes.setdefault((group_id, node_id), NodeView())
        if verb == "NDEATH":
            self._take_ndeath(view, topic, message)
        elif verb == "NBIRTH":
            self._take_nbirth(view, topic, message)
        elif view.bdseq is None:
            if view.complete:
                self._blame(topic, "comes before a birth")
            self.ask_rebirth(group_id, node_id)
        else:
            self._take_in_session(view, topic, message, verb, device_id)
        return None

    def ask_rebirth(self, group_id: str, node_id: str) -> None:
        """Ask a node for all its births."""
        self.counts["asked"] += 1
        message = OraclePayload()
        metric = message.metrics.add()
        metric.name, metric.datatype, metric.boolean_value = REBIRTH, BOOLEAN, True
        self._ask(f"{NAMESPACE}/{group_id}/NCMD/{node_id}", message.SerializeToString())

    def told(self, device_id: str | None, name: str) -> list[Telling]:
        """Return what data, live and historical, has told of a tag, in the order in which it came."""
        return [each for each in self.tellings if (each.device_id, each.name) == (device_id, name)]

    # Sessions

    def _take_ndeath(self, view: NodeView, topic: str, message: Any) -> None:  # noqa: ANN401 - protobuf's
        if message.HasField("seq") or ["bdSeq"] != [metric.name for metric in message.metrics]:
            self._blame(topic, "has more or less than a bdSeq")
            return
        bdseq = int(message.metrics[0].long_value)
        if view.bdseq is None and view.latest_bdseq is None:
            view.complete = True
        if bdseq == view.bdseq:
            view.bdseq, view.complete, view.tags = None, True, {}
        else:
            self.counts["other deaths"] += 1
        if view.bdseq is None:
            view.latest_bdseq = bdseq if view.latest_bdseq is None else _later(view.latest_bdseq, bdseq)

    def _take_nbirth(self, view: NodeView, topic: str, message: Any) -> None:  # noqa: ANN401 - protobuf's
        bdseqs = [metric for metric in message.metrics if metric.name == "bdSeq"]
        if [INT64] != [metric.datatype for metric in bdseqs] or not 0 <= bdseqs[0].long_value < SEQ_COUNT:
            return self._blame(topic, "has no bdSeq of 0 to 255")
        if not message.HasField("seq") or message.seq != 0:
            self._blame(topic, f"has seq {message.seq}, not 0")
        bdseq = int(bdseqs[0].long_value)
        self._check_session(view, topic, bdseq)
        rebirth = [metric for metric in message.metrics if metric.name == REBIRTH]
        if [(BOOLEAN, False, False)] != [(m.datatype, m.boolean_value, m.HasField("alias")) for m in rebirth]:
            self._blame(topic, f"has no {REBIRTH} that is false and without an alias")
        view.bdseq = view.latest_bdseq = bdseq
        view.complete, view.expected_seq = True, 1
        view.tags, view.aliases, view.newest_past, view.newest_ms = {}, {}, {}, {}
        view.births += 1
        return self._learn(view, topic, message, None)

    def _check_session(self, view: NodeView, topic: str, bdseq: int) -> None:
        """Hold a birth's bdSeq against those before: the same is a rebirth, a new one needs a death first."""
        if view.latest_bdseq is None:
            return
        ahead = (bdseq - view.latest_bdseq) % SEQ_COUNT
        alive = view.bdseq is not None
        if ahead >= SEQ_COUNT // 2 or (ahead == 0 and view.complete and not alive):
            self._blame(topic, f"is born with the stale bdSeq {bdseq} after {view.latest_bdseq}")
        if ahead and alive and self._deaths_come_first:
            self._blame(topic, f"is born with bdSeq {bdseq} while {view.bdseq} has not died")

    def _take_in_session(
        self,
        view: NodeView,
        topic: str,
        message: Any,  # noqa: ANN401 - protobuf's
        verb: str,
        device_id: str | None,
    ) -> None:
        seq = message.seq if message.HasField("seq") else None
        if seq != view.expected_seq:
            self._blame(topic, f"has seq {seq}, {view.expected_seq} is missing")
            self.ask_rebirth(*topic.split("/")[1:4:2])
        view.expected_seq = ((view.expected_seq if seq is None else seq) + 1) % SEQ_COUNT
        if verb == "DBIRTH":
            self._learn(view, topic, message, device_id)
        elif device_id not in view.tags:
            self._blame(topic, "tells of a device before its birth")
        elif verb == "DDEATH":
            del view.tags[device_id]
        else:
            self._take_data(view, topic, message, device_id)

    # Tags

    def _learn(self, view: NodeView, topic: str, message: Any, device_id: str | None) -> None:  # noqa: ANN401
        tags: dict[str, _Tag] = {}
        for metric in message.metrics:
            tag = _Tag(metric.name, metric.datatype)
            wrong = _fault_of_definition(metric, tags)
            if wrong:
                self._blame(topic, f"{metric.name or metric.alias}: {wrong}")
            elif metric.HasField("alias") and view.aliases.get(metric.alias, (device_id, tag)) != (
                device_id,
                tag,
            ):
                self._blame(topic, f"{metric.name}: another tag has its alias {metric.alias}")
            tags[metric.name] = tag
            if metric.HasField("alias"):
                view.aliases[metric.alias] = (device_id, tag)
            view.newest_ms[device_id, tag.name] = metric.timestamp
        view.tags[device_id] = tags

    def _take_data(self, view: NodeView, topic: str, message: Any, device_id: str | None) -> None:  # noqa: ANN401
        if not message.metrics:
            self._blame(topic, "says nothing")
        for metric in message.metrics:
            owner, tag = (
                view.aliases.get(metric.alias, (None, None))
                if metric.HasField("alias")
                else (
                    device_id,
                    view.tags[device_id].get(metric.name),
                )
            )
            label = metric.name or f"alias {metric.alias}"
            if tag is None or owner != device_id:
                self._blame(topic, f"{label}: was not in the birth")
                continue
            wrong = _fault_of_value(metric, tag.datatype)
            if wrong:
                self._blame(topic, f"{label}: {wrong}")
                continue
            told = Telling(
                device_id, tag.name, _value(metric, tag.datatype), metric.timestamp, metric.is_historical
            )
            self._check_order(view, topic, told)
            if tag.name in self._keeps:
                self.tellings.append(told)

    def _check_order(self, view: NodeView, topic: str, told: Telling) -> None:
        """What is now never goes back in time, and history goes forward in each of its streams."""
        if told.historical:
            newest, key = view.newest_past, self._stream_of(told)
        else:
            newest, key = view.newest_ms, (told.device_id, told.name)
        if told.name in self._keeps and told.at_ms < newest.get(key, 0):
            self._blame(topic, f"goes back from {newest[key]} to {told}")
        newest[key] = told.at_ms

    def _blame(self, topic: str, words: str) -> None:
        self.violations.append(f"{topic} {words}")


def state_payload(*, online: bool, timestamp_ms: int) -> bytes:
    """Return what a host says of itself (6.4.26)."""
    return json.dumps({"online": online, "timestamp": timestamp_ms}).encode()


def _later(one: int, other: int) -> int:
    return other if (other - one) % SEQ_COUNT < SEQ_COUNT // 2 else one


def _fault_of_definition(metric: Any, others: Iterable[str]) -> str | None:  # noqa: ANN401 - protobuf's
    if not metric.HasField("name") or not metric.HasField("datatype"):
        return "has no name or no datatype"
    if metric.name.lower() in {name.lower() for name in others}:
        return "stands there twice"
    if metric.is_historical:
        return "is historical in a birth"
    return _fault_of_value(metric, metric.datatype)


def _fault_of_value(metric: Any, datatype: int) -> str | None:  # noqa: ANN401 - protobuf's
    if metric.HasField("datatype") and metric.datatype != datatype:
        return f"changes its datatype from {datatype} to {metric.datatype}"
    if not metric.HasField("timestamp"):
        return "has no time"
    found = metric.WhichOneof("value")
    if metric.is_null:
        return None if found is None else "is null and has a value"
    return None if found == FIELDS.get(datatype) else f"of datatype {datatype} stands in {found}"


def _value(metric: Any, datatype: int) -> Any:  # noqa: ANN401 - protobuf's
    """Return the value of a metric whose field was found right; None: null."""
    if metric.is_null:
        return None
    value = getattr(metric, FIELDS[datatype])
    bits = SIGNED_BITS.get(datatype)
    return value - 2**bits if bits is not None and value >= 2 ** (bits - 1) else value
