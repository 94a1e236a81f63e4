"""What the edge node tells: news of the daemon's threads and records of the store, as changes of tags.

news (newest of each kind) -> present tags, and births when a microphone is back
records (outbox)           -> changes of alarms, in order, with the record's number as token
scores                     -> tags, thinned; the store while nobody can be told
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from monitor.config.sparkplug import SparkplugConfig
from monitor.messages import CaptureState, Score
from monitor.publish.edge.news import News, Newsbox, ScoreGate
from monitor.publish.edge.records import RecordFeed
from monitor.publish.fields import ms_from_rfc3339
from monitor.publish.payloads import AlarmPayload, HealthPayload
from monitor.publish.sparkplug.actions import Action
from monitor.publish.sparkplug.history import Sample
from monitor.publish.sparkplug.metrics import DEVICE_TAGS
from monitor.publish.sparkplug.phase import Phase
from monitor.publish.sparkplug.readings import (
    Readings,
    alarm_readings,
    box_readings,
    health_readings,
    limit_readings,
    map_readings,
    ms_from_utc_s,
    score_readings,
)
from monitor.publish.sparkplug.session import Session
from monitor.publish.sparkplug.settings import Now

GONE = {CaptureState.RECOVERING, CaptureState.FAILED}
"""In these a source has no sound to give: its device is dead to hosts."""

Act = Callable[[Sequence[Action]], None]
"""Carries out what the session asks for, at once."""


class EdgeTeller:
    """Feeds the session. From one thread only."""

    def __init__(
        self,
        session: Session,
        newsbox: Newsbox,
        feed: RecordFeed,
        config: SparkplugConfig,
        *,
        map_shape: tuple[int, int],
        act: Act,
    ) -> None:
        """`map_shape` is rows and columns of `Error/Map`."""
        self._session = session
        self._newsbox = newsbox
        self._feed = feed
        self._map_shape = map_shape
        self._act = act
        self._meet: Callable[[], None] = lambda: None
        self._gate = ScoreGate(deadband=config.score_deadband, every_s=config.score_every_s)
        self._known: set[str] = set()
        self._alive: set[str] = set()
        self._limits: dict[str, float] = {}
        self._in_doubt: set[str] = set()
        """Sources whose alarm is uncertain though their machine does not count as off."""

    def meet_by(self, meet: Callable[[], None]) -> None:
        """Have `meet` introduce who has joined whenever news was taken: before that they are strangers."""
        self._meet = meet

    def _take_news(self) -> News:
        """Return what is new of the sources that are here; whoever tells of one has had it join before."""
        news = self._newsbox.take()
        self._meet()
        return news.of(self._known)

    def introduce(self, source_ids: Sequence[str], now: Now) -> None:
        """Let the session know sources as devices, so that they may be written to; none is alive yet."""
        for source_id in source_ids:
            self._known.add(source_id)
            self._act(self._session.device_known(source_id, DEVICE_TAGS, now))

    def take_leave(self, source_id: str, now: Now) -> None:
        """Have a source's device die, and tell no more of it."""
        self._known.discard(source_id)
        self._alive.discard(source_id)
        self._limits.pop(source_id, None)
        self._in_doubt.discard(source_id)
        self._gate.forget(source_id)
        self._act(self._session.device_forgotten(source_id, now))

    def tell(self, now: Now) -> None:
        """Tell hosts what is new."""
        news = self._take_news()  # before the records: an alarm in it is never newer than those
        unborn = {name: one for name, one in news.alarms.items() if name not in self._alive}
        self._tell_alarms(unborn, now, {})  # so that births say it
        self._tell_healths(news, now)
        told_ms = self._tell_records(now)
        born = {name: one for name, one in news.alarms.items() if name not in unborn}
        self._tell_alarms(born, now, told_ms)
        self._tell_scores(news, now)
        for source_id, (inference, edges) in news.maps.items():
            readings = map_readings(inference, self._map_shape, edges)
            self._change(source_id, readings, ms_from_utc_s(inference.span.end_utc_s), now)
        self._tell_box(news, now)

    def keep(self, now: Now, offline_score: Callable[[Score], object]) -> None:
        """Have the tags say what is now, while nobody can be told; scores go to `offline_score`.

        Raises:
            StoreRefusedError: A score is no number.
        """
        self._feed.fall_behind()
        news = self._take_news()
        self._tell_healths(news, now)
        for scores in news.scores.values():
            self._change_score(scores[-1], now)
        self._tell_alarms(news.alarms, now, {})
        self._tell_box(news, now)
        for scores in news.scores.values():
            for score in scores:
                offline_score(score)

    def _tell_healths(self, news: News, now: Now) -> None:
        for source_id, payload in news.healths.items():
            self._tell_health(source_id, payload, now)

    def _tell_health(self, source_id: str, payload: HealthPayload, now: Now) -> None:
        readings = health_readings(payload)
        if payload.state not in GONE and source_id not in self._alive:
            self._alive.add(source_id)
            self._act(self._session.device_appeared(source_id, DEVICE_TAGS, readings, now))
            return
        self._change(source_id, readings, ms_from_rfc3339(payload.time), now)
        if payload.state in GONE and source_id in self._alive:
            self._alive.discard(source_id)
            self._act(self._session.device_lost(source_id, now))

    def _tell_records(self, now: Now) -> Mapping[str | None, int]:
        """Tell what the store has, as far as there is room; return when the last of each device was."""
        told_ms: dict[str | None, int] = {}
        self._feed.take_back(self._session.given_back())
        for sample in self._feed.take(self._session.room, now.steady_s, self._session.is_alive):
            self._act(self._session.changed(sample, now))
            told_ms[sample.device_id] = sample.at_ms
        return told_ms

    def _tell_alarms(
        self, alarms: Mapping[str, AlarmPayload], now: Now, told_ms: Mapping[str | None, int]
    ) -> None:
        for source_id, payload in alarms.items():
            at_ms = ms_from_rfc3339(payload.time)
            self._limits[source_id] = payload.limits.limit
            self._note_doubt(source_id, in_doubt=payload.uncertain and payload.off_reason is None)
            readings = limit_readings(payload.limits)
            if at_ms >= told_ms.get(source_id, 0):  # else a record of just now is newer, and news will follow
                readings.update(alarm_readings(payload, payload.state))
            self._change(source_id, readings, at_ms, now)

    def _note_doubt(self, source_id: str, *, in_doubt: bool) -> None:
        if in_doubt is not (source_id in self._in_doubt):
            self._in_doubt ^= {source_id}
            self._gate.forget(source_id)  # the next score says another quality, though it is null as before

    def _tell_scores(self, news: News, now: Now) -> None:
        for source_id, scores in news.scores.items():
            for score in scores:
                if self._gate.passes(score, self._limits.get(source_id, 1.0), now.steady_s):
                    self._change_score(score, now)

    def _change_score(self, score: Score, now: Now) -> None:
        source_id = score.span.source_id
        readings = score_readings(score, in_doubt=source_id in self._in_doubt)
        self._change(source_id, readings, ms_from_utc_s(score.span.end_utc_s), now)

    def _tell_box(self, news: News, now: Now) -> None:
        if news.box is not None:
            self._change(None, box_readings(news.box), now.utc_ms, now)

    def _change(self, device_id: str | None, readings: Readings, at_ms: int, now: Now) -> None:
        self._act(self._session.changed(Sample(device_id, readings, at_ms), now))

    @property
    def is_told(self) -> bool:
        """Whether hosts have been told all that the store has, as far as they can be now."""
        return (
            self._feed.caught_up
            and self._session.phase is Phase.BORN
            and self._session.counts.history.waiting == 0
        )
