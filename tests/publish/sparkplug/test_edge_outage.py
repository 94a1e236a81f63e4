"""A day without a broker, accelerated: through the real store and session, without waiting."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from edge_rig import EdgeRig
from publish_rig import VOICE, change_to
from sparkplug_oracle import OraclePayload
from sparkplug_rig import Counter

from monitor.config import SparkplugConfig
from monitor.messages import AlarmState, CaptureState, Quality, Reader, Score, Span
from monitor.publish.edge.news import Newsbox
from monitor.publish.edge.records import RecordFeed
from monitor.publish.edge.settings import EVENTS_HELD
from monitor.publish.edge.teller import EdgeTeller
from monitor.publish.sparkplug.actions import Action, Publish
from monitor.publish.sparkplug.metrics import BOX_TAGS
from monitor.publish.sparkplug.session import Session
from monitor.publish.sparkplug.settings import Now, SessionSettings
from monitor.publish.sparkplug.topics import EdgeNode
from monitor.store import Store, open_store
from monitor.testing import CapturedLog

SOURCES = ("pump", "fan", "press")
BEGIN_S = 1.75e9
HOUR_S, DAY_S = 3600, 86_400
WINDOW_S = 20
EVENT_EVERY_S = 300
QUOTA_SCORES = 3_000
SCORES_A_DAY = DAY_S // 60 + 1


class Day:
    """A node whose connection is the test's, on a store that is on disk, under a clock that runs fast."""

    def __init__(self, store: Store, *, quota_scores: int = QUOTA_SCORES) -> None:
        self.store = store
        self.quota_scores = quota_scores
        self.said: list[Publish] = []
        self.events = 0
        self.newsbox = Newsbox()
        settings = SessionSettings(EdgeNode("mill", "box1"), loose_max=0, tokened_max=EVENTS_HELD)
        self.session = Session(settings, BOX_TAGS, Counter(), self.now(0))
        self.feed = RecordFeed(store, VOICE, SOURCES, CapturedLog())
        self.teller = EdgeTeller(
            self.session, self.newsbox, self.feed, SparkplugConfig(), map_shape=(32, 16), act=self._act
        )
        self.teller.introduce(SOURCES, self.now(0))
        for source_id in SOURCES:
            self.health(source_id, CaptureState.HEALTHY)

    def set_health(self, payload: object) -> None:
        self.newsbox.put_health(payload)  # type: ignore[arg-type]

    @property
    def node(self) -> Day:
        return self

    def now(self, second: float) -> Now:
        return Now(round((BEGIN_S + second) * 1000), second)

    def _act(self, actions: Sequence[Action]) -> None:
        self.said += [action for action in actions if isinstance(action, Publish)]

    def pass_hour(self, hour: int) -> None:
        """Windows of every source, some of them alarms, while nobody can be told."""
        for second in range(hour * HOUR_S, (hour + 1) * HOUR_S, WINDOW_S):
            for source_id in SOURCES:
                span = Span(source_id, 0, second, second + 2, BEGIN_S + second, Quality.OK, -30.0)
                self.newsbox.put_score(Score(span, second % 97 / 100, 0.1, 1.0, None, "demo-1"))
            if second % EVENT_EVERY_S == 0:
                self.raise_event(second)
            self.teller.keep(self.now(second), self._keep_score)

    def raise_event(self, second: float, source_id: str | None = None) -> None:
        source_id = source_id or SOURCES[self.events % len(SOURCES)]
        change = change_to(AlarmState.UNACKNOWLEDGED, source_id=source_id, at_utc_s=BEGIN_S + second)
        self.store.apply([replace(change, event_id=f"e{self.events:06}")], snapshot={}, bundle_id="demo-1")
        self.events += 1

    def health(self, source_id: str, state: CaptureState) -> None:
        EdgeRig.health(self, source_id, state)  # type: ignore[arg-type]  # it needs the newsbox alone

    def _keep_score(self, score: Score) -> None:
        self.store.add_offline_score(score, Reader.SPARKPLUG, every_s=60.0, limit_rows=self.quota_scores)

    def connect(self, second: float) -> None:
        self.session.connecting(self.now(second))
        self._act(self.session.connected(self.now(second)))
        self.store.flush_offline_scores(Reader.SPARKPLUG)

    def step(self, second: float) -> None:
        """Let a broker read everything at once that it is given."""
        self._act(self.session.tick(self.now(second)))
        self.teller.tell(self.now(second))
        self.session.confirmed(self.said[-1].number, self.now(second))
        self.feed.settle(self.session.settled(self.now(second)), second)

    def tell_all(self, second: float) -> float:
        """Go on until nothing waits in the store; return when that is."""
        while self.store.outbox_depth():
            second += 0.1
            self.step(second)
        return second

    def told(self, name: str, source_id: str, since: int = 0) -> list[tuple[str | float, int, bool]]:
        """Return value, time and whether it is historical of every telling of a tag as data."""
        return [
            (metric.string_value or metric.double_value, metric.timestamp, metric.is_historical)
            for message in self.said[since:]
            if "/DDATA/" in message.topic and message.topic.endswith(source_id)
            for metric in OraclePayload.FromString(message.payload).metrics
            if metric.name == name
        ]


def test_a_day_without_a_broker_costs_disk_within_its_quota_and_no_memory_and_is_told_in_order(
    tmp_path: Path,
) -> None:
    store = open_store(tmp_path / "state")
    store.read_by([Reader.SPARKPLUG])
    day = Day(store)
    for hour in range(11):
        day.pass_hour(hour)
    tracemalloc.start()
    day.pass_hour(11)
    before_bytes = tracemalloc.get_traced_memory()[0]
    for hour in range(12, 24):
        day.pass_hour(hour)
    grown_bytes = tracemalloc.get_traced_memory()[0] - before_bytes
    tracemalloc.stop()
    assert grown_bytes < 200_000, "6480 scores in half a day would be megabytes"
    assert [] == day.said
    assert DAY_S // EVENT_EVERY_S == day.events
    assert store.outbox_depth() == day.events + QUOTA_SCORES
    assert 0 < store.dropped_scores, "the oldest scores made room, and are counted"
    assert sum(path.stat().st_size for path in (tmp_path / "state").iterdir()) < 20_000_000

    day.connect(float(DAY_S))
    day.tell_all(float(DAY_S))
    births = [message for message in day.said if "BIRTH" in message.topic]
    assert 1 + len(SOURCES) == len(births)
    metrics = [
        (message.topic, metric)
        for message in day.said[len(births) :]
        for metric in OraclePayload.FromString(message.payload).metrics
    ]
    events = [metric for _, metric in metrics if metric.name == "Alarm/EventId"]
    assert [f"e{index:06}" for index in range(day.events)] == [metric.string_value for metric in events]
    assert {True} == {metric.is_historical for metric in events}
    scores = [(topic, metric.timestamp) for topic, metric in metrics if metric.name == "Score"]
    assert QUOTA_SCORES == len(scores)
    for source_id in SOURCES:
        times = [at_ms for topic, at_ms in scores if topic.endswith(source_id)]
        assert sorted(times) == times
    assert 0 == day.feed.unsendable
    store.close()


def test_microphones_that_stay_dead_hold_up_nobody_and_lose_nothing(tmp_path: Path) -> None:
    store = open_store(tmp_path / "state")
    store.read_by([Reader.SPARKPLUG])
    day = Day(store, quota_scores=100_000)
    for hour in range(24):
        day.pass_hour(hour)
    for index in range(EVENTS_HELD + 200):
        day.raise_event(DAY_S + index / 10, "fan")
    waiting = store.outbox_depth()
    assert 2 * EVENTS_HELD < waiting
    for source_id in ("fan", "press"):
        day.health(source_id, CaptureState.FAILED)
    second = float(DAY_S + 300)
    day.connect(second)
    for _ in range(100):
        second += 0.1
        day.step(second)
    assert SCORES_A_DAY == len(day.told("Score", "pump"))
    said = len(day.said)
    day.raise_event(second, "pump")
    day.step(second + 0.1)
    assert [(f"e{day.events - 1:06}", False)] == [
        (event, was) for event, _, was in day.told("Alarm/EventId", "pump", said)
    ]
    assert [] == day.told("Alarm/EventId", "fan") == day.told("Score", "press")

    for source_id in ("fan", "press"):
        day.health(source_id, CaptureState.HEALTHY)
    day.tell_all(second + 0.2)
    for source_id in ("fan", "press"):
        for name in ("Alarm/EventId", "Score"):
            told = day.told(name, source_id)
            assert {True} == {was for _, _, was in told}
            assert sorted(at_ms for _, at_ms, _ in told) == [at_ms for _, at_ms, _ in told]
        assert SCORES_A_DAY == len(day.told("Score", source_id))
    assert EVENTS_HELD + 200 + DAY_S // EVENT_EVERY_S // 3 == len(day.told("Alarm/EventId", "fan"))
    assert EVENTS_HELD == day.session.room
    store.close()
