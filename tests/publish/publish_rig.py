"""A publisher whose thread is the test's own, and messages to publish."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from fixtures_mosquitto import eventually

from monitor.config import MqttConfig
from monitor.explanation import Explanation, Finding, SoundKind
from monitor.messages import (
    AlarmChange,
    AlarmState,
    ChangeReason,
    Inference,
    Quality,
    Score,
    Span,
)
from monitor.operators import Limits
from monitor.publish.box import Box, Calls
from monitor.publish.explained import Voice
from monitor.publish.publisher import Publisher
from monitor.publish.signals import PlantSignals
from monitor.store.rendering import change_body
from monitor.testing import CapturedCalls, CapturedLog, ListOutbox

LIMITS = Limits(1.0, 0.7, 0.1, 0.0, 5.0)
VOICE = Voice("en", lambda explanation: f"{explanation.findings[0].kind.value} in {explanation.windows}")
SQUEAL = Explanation(
    findings=(
        Finding(SoundKind.TONE, 3012.34, 3398.7, 1.75e9 - 2.5, 1.75e9 - 0.5, 17.26),
        Finding(SoundKind.RHYTHM, 900.0, 1800.0, 1.75e9 - 2.0, 1.75e9 - 0.25, 6.0, period_s=0.40012),
    ),
    start_utc_s=1.75e9 - 3,
    end_utc_s=1.75e9,
    windows=2,
)


def span_at(index: int, *, source_id: str = "pump", quality: Quality = Quality.OK) -> Span:
    return Span(
        source_id,
        index * 16384,
        index * 1.024,
        index * 1.024 + 2.048,
        1.75e9 + index * 1.024,
        quality,
        -31.25 if quality is not Quality.ABSENT else None,
    )


def score_at(index: int, *, value: float | None = 0.5, source_id: str = "pump") -> Score:
    judged = value is not None
    return Score(
        span_at(index, source_id=source_id, quality=Quality.OK if judged else Quality.GAP),
        value,
        12.5 if judged else None,
        33.125 if judged else None,
        np.linspace(0.1, 2.0, 64, dtype=np.float32) if judged else None,
        "demo-1",
        "onnxruntime 1.20.1 cpu fp32" if judged else None,
    )


def inference_at(index: int) -> Inference:
    rng = np.random.default_rng(index)
    error_map = rng.gamma(1.0, 2.0, (128, 64)).astype(np.float32)
    return Inference(span_at(index), 33.0, error_map, np.zeros_like(error_map), "demo-1")


def change_to(state: AlarmState, *, at_utc_s: float = 1.75e9, source_id: str = "pump") -> AlarmChange:
    return AlarmChange(
        source_id=source_id,
        event_id="pump-20250615-1",
        old_state=AlarmState.NORMAL,
        new_state=state,
        reason=ChangeReason.LIMIT,
        at_utc_s=at_utc_s,
        event_start_utc_s=1.75e9 - 3,
        peak=1.75,
        warning=True,
        uncertain=False,
        active=True,
    )


@dataclass
class Rig:
    """A publisher with everything around it."""

    prefix: str
    outbox: ListOutbox = field(default_factory=ListOutbox)
    calls: CapturedCalls = field(default_factory=CapturedCalls)
    log: CapturedLog = field(default_factory=CapturedLog)
    source_ids: tuple[str, ...] = ("pump", "fan")
    state_dir: Path | None = None
    signals: PlantSignals | None = None
    is_alone: bool = True
    publisher: Publisher = field(init=False)
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def build(self, **mqtt: object) -> None:
        config = MqttConfig.model_validate({"host": "127.0.0.1", **mqtt})
        self.publisher = Publisher(
            config,
            Box(
                self.prefix,
                f"box-{self.prefix[-6:]}",
                self.source_ids,
                "0.1.0",
                VOICE,
                self.state_dir,
                is_alone=self.is_alone,
            ),
            outbox=self.outbox,
            calls=Calls(self.calls.on_command, self.calls.offline_score, self.signals),
            log=self.log,
        )

    def run(self) -> None:
        """Start, and call run_once until the end, as the daemon's publish thread does."""
        self.publisher.start()
        self._ended.clear()
        self._thread = threading.Thread(target=self._loop, name="publish")
        self._thread.start()

    def _loop(self) -> None:
        while not self._ended.is_set():
            self.publisher.run_once(0.05)

    def online(self) -> None:
        """Wait until the broker has taken `online`: what is sent to it from now on is heard.

        `connected` alone is true before the topics are subscribed to.
        """
        eventually(lambda: self.publisher.connected and self.publisher._retained.settled, what="online")

    def halt(self) -> None:
        """End the thread that publishes; the connection stays."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(60)

    def stop(self, timeout_s: float = 5.0) -> None:
        self.halt()
        self.publisher.stop(timeout_s)

    def add_event(self, state: AlarmState = AlarmState.UNACKNOWLEDGED) -> int:
        body = change_body(change_to(state), "demo-1")
        return self.outbox.add("event", "pump", body).seq

    def has_sent(self, count: int) -> bool:
        return len(self.outbox.sent) >= count
