"""An edge node whose thread is the test's own, what to tell it, and what a host makes of what came."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from fixtures_mosquitto import Heard, Mosquitto, Recorder, eventually
from publish_rig import LIMITS, VOICE, change_to, inference_at, span_at
from sparkplug_oracle import OraclePayload
from sparkplug_rig import Counter
from sparkplug_strict_host import StrictHost, state_payload

from monitor.config import MqttConfig, SparkplugConfig
from monitor.errors import CommandError
from monitor.frontend import FrontendParameters, band_edges_hz
from monitor.messages import AlarmState, CaptureHealth, CaptureState, Outbox, Quality, Score
from monitor.publish.box import Box
from monitor.publish.documents import Progress, alarm_payload, health_payload
from monitor.publish.edge.calls import EdgeCalls
from monitor.publish.edge.node import EdgeNode
from monitor.publish.signals import PlantSignals
from monitor.publish.sparkplug.datatypes import DataType, Value
from monitor.publish.sparkplug.encode import encode_payload
from monitor.publish.sparkplug.payload import Metric, Payload
from monitor.publish.sparkplug.phase import Phase
from monitor.publish.sparkplug.readings import BoxCondition
from monitor.publish.sparkplug.settings import BirthCounter, SessionSettings
from monitor.publish.sparkplug.topics import EdgeNode as NodeId
from monitor.publish.sparkplug.topics import Verb
from monitor.store.rendering import change_body
from monitor.testing import CapturedLog, ListOutbox

NODE = NodeId("mill", "box1")
HOST = "scada"
PROGRESS = Progress(Quality.OK, "onnxruntime 1.20.1 cpu fp32", lag_s=0.04)
BOX = BoxCondition("0.1.0", 1.75e9, None, None, 0, 0, 0, 0)
EDGES_HZ = band_edges_hz(FrontendParameters())


@dataclass
class EdgeRig:
    """An edge node with everything around it."""

    servers: Sequence[tuple[str, int]]
    version: str = "3.1.1"
    mqtt: dict[str, object] = field(default_factory=dict)
    sparkplug: dict[str, object] = field(default_factory=dict)
    hosted: bool = False
    source_ids: tuple[str, ...] = ("pump", "fan")
    outbox: Outbox = field(default_factory=ListOutbox)
    counter: BirthCounter = field(default_factory=Counter)
    grace_s: float = 0.3
    absent: tuple[str, ...] = ()
    """Sources without sound."""
    commands: list[tuple[str | None, bytes | CommandError]] = field(default_factory=list)
    offline: list[Score] = field(default_factory=list)
    flushed: int = 0
    signals: PlantSignals | None = None
    log: CapturedLog = field(default_factory=CapturedLog)

    def __post_init__(self) -> None:
        settings = SessionSettings(
            NODE,
            primary_host_id=HOST if self.hosted else None,
            servers=len(self.servers),
            aliases=bool(self.sparkplug.get("aliases")),
            host_wait_s=0.5,
            host_grace_s=self.grace_s,
            loose_max=0,
        )
        calls = EdgeCalls(
            on_command=lambda source_id, command: self.commands.append((source_id, command)),
            offline_score=self.offline.append,
            flush_scores=self._note_flush,
            signals=self.signals,
        )
        box = Box("wheeltapper/mill/box1", f"edge-{id(self):x}", self.source_ids, "0.1.0", VOICE)
        self.node = EdgeNode(
            settings, box, outbox=self.outbox, counter=self.counter, calls=calls, log=self.log
        )
        mqtt = MqttConfig.model_validate({"host": "127.0.0.1", "version": self.version, **self.mqtt})
        sparkplug = SparkplugConfig.model_validate({"enabled": True, **self.sparkplug})
        self.node.start(sparkplug, mqtt, self.servers)
        self._ended = threading.Event()
        self._turns = 0
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._loop, name="sparkplug", daemon=True)

    def _note_flush(self) -> None:
        self.flushed += 1

    def run(self) -> EdgeRig:
        """Call run_once until the end, as the daemon's thread does; every device is alive."""
        for source_id in self.source_ids:
            self.health(source_id, CaptureState.FAILED if source_id in self.absent else CaptureState.HEALTHY)
            self.alarm(source_id)
        self.node.set_box(BOX)
        self._thread.start()
        return self

    def _loop(self) -> None:
        while not self._ended.is_set():
            try:
                self.node.run_once(0.02)
                self._turns += 1
            except BaseException as error:
                self._failure = error
                raise

    def comes_round(self) -> None:
        """Wait until the node has done whatever it does with what it was given before."""
        done = self._turns + 2  # it may be in the midst of a turn, past the place that would look
        eventually(lambda: self._turns >= done, what="a turn of the node")

    def halt(self) -> None:
        """End the thread; the connection stays as it is."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(60)
        assert self._failure is None

    def stop(self, timeout_s: float = 3.0) -> None:
        self.halt()
        self.node.stop(timeout_s)

    def abandon(self) -> None:
        """End as a killed process does: the connection is torn without a word."""
        self.halt()
        self.node._started().cut()

    def born(self) -> None:
        eventually(lambda: self.node.state.phase is Phase.BORN, what="birth")

    # What to tell

    def health(self, source_id: str = "pump", state: CaptureState = CaptureState.HEALTHY) -> None:
        reason = "" if state is CaptureState.HEALTHY else "unplugged"
        health = CaptureHealth(source_id, state, reason, "usb-path:1-1.2", 16_000)
        self.node.set_health(health_payload(health, PROGRESS, at_utc_s=time.time(), bundle_id="demo-1"))

    def alarm(self, source_id: str = "pump", state: AlarmState = AlarmState.NORMAL) -> None:
        change = change_to(state, source_id=source_id, at_utc_s=time.time())
        self.node.set_alarm(alarm_payload(change, bundle_id="demo-1", voice=VOICE, limits=LIMITS))

    def event(
        self,
        name: str,
        source_id: str = "pump",
        note: str | None = None,
        *,
        at_utc_s: float | None = None,
    ) -> int:
        """Add an event to the outbox, which is then a ListOutbox; return its number."""
        assert isinstance(self.outbox, ListOutbox)
        at_utc_s = time.time() if at_utc_s is None else at_utc_s
        change = change_to(AlarmState.UNACKNOWLEDGED, source_id=source_id, at_utc_s=at_utc_s)
        body = {**change_body(change, "demo-1"), "event_id": name, "note": note}
        return self.outbox.add("event", source_id, body, at_utc_s).seq

    def score(self, value: float | None, source_id: str = "pump") -> None:
        quality = Quality.OK if value is not None else Quality.GAP
        span = replace(span_at(0, source_id=source_id, quality=quality), start_utc_s=time.time() - 2.048)
        self.node.offer_score(Score(span, value, 0.1, 1.0, None, "demo-1"))

    def map(self) -> None:
        self.node.offer_map(inference_at(1), EDGES_HZ)


@dataclass(frozen=True)
class Told:
    """One Sparkplug message as it came over the wire, read by the oracle."""

    topic: str
    qos: int
    retain: bool
    payload: Any

    @property
    def verb(self) -> str:
        return self.topic.split("/")[2]

    @property
    def device_id(self) -> str | None:
        return self.topic.split("/")[4] if self.topic.count("/") == 4 else None

    def has(self, name: str) -> bool:
        return any(metric.name == name for metric in self.payload.metrics)

    def metric(self, name: str) -> Any:  # noqa: ANN401 - a protobuf message
        (found,) = [metric for metric in self.payload.metrics if metric.name == name]
        return found

    @property
    def bdseq(self) -> int:
        return int(self.metric("bdSeq").long_value)


def told(heard: Sequence[Heard]) -> list[Told]:
    """Return what a node said, of all that was heard."""
    return [
        Told(each.topic, each.qos, each.retain, OraclePayload.FromString(each.payload))
        for each in list(heard)
        if each.topic.split("/")[1] != "STATE" and each.topic.split("/")[2] not in {"NCMD", "DCMD"}
    ]


class HostSide:
    """A host's connection to one broker: hears everything, and says whether it is there."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder

    @property
    def told(self) -> list[Told]:
        return told(self.recorder.heard)

    def of(self, *verbs: str) -> list[Told]:
        return [each for each in self.told if each.verb in verbs]

    def tellings(self, name: str, device_id: str | None = "pump") -> list[Any]:
        """Return the metrics of data about one tag, in the order in which they came."""
        return [
            metric
            for each in self.of("NDATA", "DDATA")
            if each.device_id == device_id
            for metric in each.payload.metrics
            if metric.name == name
        ]

    def waits_for(self, count: int, *verbs: str, timeout_s: float = 10.0) -> list[Told]:
        eventually(lambda: len(self.of(*verbs)) >= count, timeout_s, f"{count} {verbs}")
        return self.of(*verbs)

    def says(self, *, online: bool, timestamp_ms: int = 1) -> None:
        payload = state_payload(online=online, timestamp_ms=timestamp_ms)
        self.recorder.send(f"spBv1.0/STATE/{HOST}", payload, retain=True)

    def writes(
        self, name: str, datatype: DataType, value: Value, device_id: str | None = None, **how: bool
    ) -> None:
        self.writes_all([Metric(name, datatype, value, timestamp_ms=5)], device_id, **how)

    def writes_all(self, metrics: Sequence[Metric], device_id: str | None = None, **how: bool) -> None:
        data = encode_payload(Payload(tuple(metrics), 5, None), states_datatypes=True)
        topic = NODE.topic(Verb.NCMD if device_id is None else Verb.DCMD, device_id)
        self.recorder.send(topic, data, **how)

    def asks_rebirth(self) -> None:
        self.writes("Node Control/Rebirth", DataType.BOOLEAN, value=True)

    @property
    def violations(self) -> list[str]:
        """What a strict host holds against what came over this connection, from its beginning to now."""
        keeps = ("Alarm/EventId", "Score", "Input/State")
        host = StrictHost(ask=lambda _topic, _payload: None, keeps=keeps)
        for each in list(self.recorder.heard):
            host.receive(each.topic, each.payload, qos=each.qos, retain=each.retain)
        return host.violations


def at(broker: Mosquitto) -> tuple[str, int]:
    return ("127.0.0.1", broker.port)
