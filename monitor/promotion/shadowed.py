"""What live bundle and candidate said beside each other, read from the store as alarms.

Rows that go are made into alarms in the same way, so that the hours of a shadow run only grow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from monitor.alarm import AlarmSnapshot
from monitor.config import AlarmConfig
from monitor.messages import SAME_TIME_S, Quality
from monitor.promotion.pairing import Stretches
from monitor.promotion.rehearsed import AGAIN_S, Alarmed, RehearsedAlarm, Value, clock_jumped
from monitor.store.shadow import ShadowWindow
from monitor.store.shadow_past import Past, PastAlarm, PastHeard, Reckoned, Side

NOTHING = Past()


@dataclass(frozen=True, slots=True)
class Shadowed:
    """The hours that both have judged."""

    live: tuple[Alarmed, ...]
    """Alarms of the live bundle."""
    candidate: tuple[Alarmed, ...]
    """Alarms that the candidate would have raised."""
    covered: Stretches
    """When both judged."""
    hours: float
    """Of sound that both judged, each second once."""
    since_utc_s: float | None
    """Since when; None: never."""
    until_utc_s: float | None
    """Up to when; None: never."""


@dataclass(slots=True)
class _Stretch:
    start_utc_s: float
    end_utc_s: float
    heard_s: float


class _Beside:
    """Takes windows in order of time."""

    def __init__(
        self, settings: AlarmConfig, facts: AlarmSnapshot, *, heard_until_utc_s: float | None
    ) -> None:
        self.live = RehearsedAlarm(settings, facts)
        self.candidate = RehearsedAlarm(settings, facts, again_s=AGAIN_S)
        self._covered: list[_Stretch] = []
        self._until_utc_s = heard_until_utc_s
        self._last: ShadowWindow | None = None

    @property
    def is_idle(self) -> bool:
        """Whether no alarm goes on, nor may be about to begin."""
        return self.live.is_idle and self.candidate.is_idle

    @property
    def heard(self) -> list[PastHeard]:
        """When both had judged."""
        return [PastHeard(one.start_utc_s, one.end_utc_s, one.heard_s) for one in self._covered]

    def take(self, window: ShadowWindow) -> None:
        """Take the next one. What one of them has not judged counts as not judged by the other.

        Only so are they compared on the same sound.
        """
        both = window.live is not None and window.candidate_value is not None
        quality = window.quality if both or window.quality is not Quality.OK else Quality.DROPPED
        end_s = _end_s(window)
        for side, value in ((self.live, window.live), (self.candidate, window.candidate_value)):
            side.take(Value(window.start_s, end_s, window.start_utc_s, value if both else None, quality))
        if both:
            self._cover(window)

    def _cover(self, window: ShadowWindow) -> None:
        last, self._last = self._last, window
        before_s = None if last is None else _end_s(last)
        if (
            last is not None
            and before_s is not None
            and window.start_s - SAME_TIME_S <= before_s < _end_s(window)
            and not clock_jumped(last, window)
        ):
            self._covered[-1].end_utc_s = window.end_utc_s
            self._covered[-1].heard_s += _end_s(window) - before_s
            return
        heard_s = window.end_utc_s - window.start_utc_s
        if self._until_utc_s is not None and window.start_utc_s <= self._until_utc_s < window.end_utc_s:
            heard_s = window.end_utc_s - self._until_utc_s
        self._covered.append(_Stretch(window.start_utc_s, window.end_utc_s, heard_s))


def shadowed(
    windows: Iterable[ShadowWindow],
    settings: AlarmConfig,
    facts: AlarmSnapshot,
    *,
    past: Past = NOTHING,
    since_utc_s: float | None = None,
) -> Shadowed:
    """Return the alarms of both in what both have judged.

    `past`: what rows had said that are gone by now, of which only that after `since_utc_s` counts.
    """
    before = list(_heard_since(past.heard, since_utc_s))
    until_utc_s = before[-1].end_utc_s if before else None
    beside = _Beside(settings, facts, heard_until_utc_s=until_utc_s)
    for window in windows:
        beside.take(window)
    covered = [*before, *beside.heard]
    heard = Stretches(covered)
    candidate = (*_alarms(past, "candidate", since_utc_s), *beside.candidate.finish())
    return Shadowed(
        live=(*_alarms(past, "live", since_utc_s), *beside.live.finish()),
        # one that stays counts again and again, but not through a weekend in which nothing was heard
        candidate=tuple(one for one in candidate if heard.meets(one)),
        covered=heard,
        hours=sum(one.heard_s for one in covered) / 3600.0,
        since_utc_s=covered[0].start_utc_s if covered else None,
        until_utc_s=covered[-1].end_utc_s if covered else None,
    )


def reckoned(
    windows: Sequence[ShadowWindow],
    settings: AlarmConfig,
    facts: AlarmSnapshot,
    *,
    heard_until_utc_s: float | None,
    whole: bool,
) -> Reckoned:
    """Return what windows said as it is kept when they go: as far as no alarm goes on, or of all of them."""
    count = len(windows)
    if not whole:
        looking, count = _Beside(settings, facts, heard_until_utc_s=None), 0
        for number, window in enumerate(windows, 1):
            looking.take(window)
            count = number if looking.is_idle else count
    beside = _Beside(settings, facts, heard_until_utc_s=heard_until_utc_s)
    for window in windows[:count]:
        beside.take(window)
    sides: tuple[tuple[Side, RehearsedAlarm], ...] = (("live", beside.live), ("candidate", beside.candidate))
    alarms = [
        PastAlarm(name, one.start_utc_s, one.end_utc_s, one.peak)
        for name, side in sides
        for one in side.finish()
    ]
    return Reckoned(count, Past(alarms, beside.heard))


def _alarms(past: Past, side: Side, since_utc_s: float | None) -> Iterator[Alarmed]:
    for one in past.alarms:
        if one.alarmed == side and (since_utc_s is None or one.start_utc_s >= since_utc_s):
            yield Alarmed(one.start_utc_s, one.end_utc_s, one.peak)


def _heard_since(heard: Iterable[PastHeard], since_utc_s: float | None) -> Iterator[PastHeard]:
    """Yield what was heard since then; of a stretch that had begun before, its part of the sound."""
    for one in heard:
        if since_utc_s is None or one.start_utc_s >= since_utc_s:
            yield one
        elif one.end_utc_s > since_utc_s:
            share = (one.end_utc_s - since_utc_s) / (one.end_utc_s - one.start_utc_s)
            yield PastHeard(since_utc_s, one.end_utc_s, share * one.heard_s)


def _end_s(window: ShadowWindow) -> float:
    return window.start_s + window.end_utc_s - window.start_utc_s
