"""The node's messages, each with topic, QoS and its place in the one sequence of the node."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.publish.sparkplug.actions import Publish
from monitor.publish.sparkplug.datatypes import DataType
from monitor.publish.sparkplug.encode import encode_payload
from monitor.publish.sparkplug.payload import Metric, Payload
from monitor.publish.sparkplug.settings import SEQ_COUNT
from monitor.publish.sparkplug.tags import BDSEQ
from monitor.publish.sparkplug.topics import EdgeNode, Verb


class Composer:
    """Counts what is sent: seq, which hosts watch for gaps, and numbers, by which we know messages."""

    def __init__(self, node: EdgeNode) -> None:
        self._node = node
        self._seq = 0
        self._number = 0

    @property
    def number(self) -> int:
        """The number of the newest message; 0 before the first."""
        return self._number

    def will(self, bdseq: int, now_ms: int) -> Publish:
        """Return the death certificate for the broker to keep; it is not counted."""
        return self._death(bdseq, now_ms, 0)

    def ndeath(self, bdseq: int, now_ms: int) -> Publish:
        """Return the same death certificate for us to publish, before we leave on purpose."""
        self._number += 1
        return self._death(bdseq, now_ms, self._number)

    def nbirth(self, metrics: Sequence[Metric], now_ms: int) -> Publish:
        """Return the node's birth; seq begins anew with 0."""
        self._seq = 0
        return self._message(Verb.NBIRTH, None, metrics, now_ms)

    def dbirth(self, device_id: str, metrics: Sequence[Metric], now_ms: int) -> Publish:
        """Return the birth of a device."""
        return self._message(Verb.DBIRTH, device_id, metrics, now_ms)

    def ddeath(self, device_id: str, now_ms: int) -> Publish:
        """Return the death of a device."""
        return self._message(Verb.DDEATH, device_id, (), now_ms)

    def data(self, device_id: str | None, metrics: Sequence[Metric], now_ms: int) -> Publish:
        """Return what has changed of a device, or of the node for None."""
        return self._message(Verb.NDATA if device_id is None else Verb.DDATA, device_id, metrics, now_ms)

    def _message(self, verb: Verb, device_id: str | None, metrics: Sequence[Metric], now_ms: int) -> Publish:
        payload = Payload(tuple(metrics), now_ms, self._seq)
        births = verb in {Verb.NBIRTH, Verb.DBIRTH}
        data = encode_payload(payload, states_datatypes=births)
        self._seq = (self._seq + 1) % SEQ_COUNT
        self._number += 1
        return Publish(self._number, self._node.topic(verb, device_id), data, 0)

    def _death(self, bdseq: int, now_ms: int, number: int) -> Publish:
        metric = Metric(BDSEQ, DataType.INT64, bdseq, timestamp_ms=now_ms)
        data = encode_payload(Payload((metric,), now_ms, None), states_datatypes=True)
        return Publish(number, self._node.topic(Verb.NDEATH), data, 1)
