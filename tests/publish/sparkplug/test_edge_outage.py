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
from monitor.messages import AlarmState, Quality, Reader, Score, Span
from monitor.publish.edge.news import Newsbox
from monitor.publish.edge.records import RecordFeed
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


class Day:
    """A node whose connection is the test's, on a store that is on disk, under a clock that runs fast."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.said: list[Publish] = []
        self.events = 0
        self.newsbox = Newsbox()
        settings = SessionSettings(EdgeNode("mill", "box1"), loose_max=0, tokened_max=500)
        self.session = Session(settings, BOX_TAGS, Counter(), self.now(0))
        self.feed = RecordFeed(store, VOICE, SOURCES, CapturedLog())
        self.teller = EdgeTeller(
            self.session, self.newsbox, self.feed, SparkplugConfig(), map_shape=(32, 16), act=self._act
        )
        self.teller.introduce(SOURCES, self.now(0))
        for source_id in SOURCES:
            EdgeRig.health(self, source_id)  # type: ignore[arg-type]  # it needs the newsbox alone

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

    def raise_event(self, second: int) -> None:
        source_id = SOURCES[self.events % len(SOURCES)]
        change = change_to(AlarmState.UNACKNOWLEDGED, source_id=source_id, at_utc_s=BEGIN_S + second)
        self.store.apply([replace(change, event_id=f"e{self.events:06}")], snapshot={}, bundle_id="demo-1")
        self.events += 1

    def _keep_score(self, score: Score) -> None:
        self.store.add_offline_score(score, Reader.SPARKPLUG, every_s=60.0, limit_rows=QUOTA_SCORES)

    def tell_all(self, second: float) -> None:
        """Connect, and let a broker read everything at once that it is given, until nothing waits."""
        self.session.connecting(self.now(second))
        self._act(self.session.connected(self.now(second)))
        self.store.flush_offline_scores(Reader.SPARKPLUG)
        while self.store.outbox_depth():
            second += 0.1
            self._act(self.session.tick(self.now(second)))
            self.teller.tell(self.now(second))
            self.session.confirmed(self.said[-1].number, self.now(second))
            self.feed.settle(self.session.settled(self.now(second)), second)


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
