"""What other threads have told since the edge node last looked, bounded by the number of sources.

Of each source the newest word of each kind is kept, and of its scores the newest and the worst: when the node
is slow, or waits for a connection, what happened in between is thinned here, and no peak goes unseen.
"""

from __future__ import annotations

import threading
from collections.abc import Container
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from monitor.messages import Inference, Score
from monitor.publish.payloads import AlarmPayload, HealthPayload
from monitor.publish.sparkplug.readings import BoxCondition


@dataclass(slots=True)
class News:
    """What is new, by source."""

    healths: dict[str, HealthPayload] = field(default_factory=dict)
    """The newest of each source."""
    alarms: dict[str, AlarmPayload] = field(default_factory=dict)
    """The newest of each source."""
    scores: dict[str, tuple[Score, ...]] = field(default_factory=dict)
    """Of each source one score, or the worst and then the newest."""
    maps: dict[str, tuple[Inference, NDArray[np.float64]]] = field(default_factory=dict)
    """The newest of each source, and the edges of its front end's bands, shape (mel + 2,)."""
    box: BoxCondition | None = None
    """How the box is; None: as it was."""

    def of(self, source_ids: Container[str]) -> News:
        """Return what is of these sources; others have left, though some thread still told of them."""
        return News(
            healths={name: one for name, one in self.healths.items() if name in source_ids},
            alarms={name: one for name, one in self.alarms.items() if name in source_ids},
            scores={name: one for name, one in self.scores.items() if name in source_ids},
            maps={name: one for name, one in self.maps.items() if name in source_ids},
            box=self.box,
        )


class Newsbox:
    """Any thread puts in, one takes out; nothing waits for more than a few assignments."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._news = News()

    def put_score(self, score: Score) -> None:
        """Take a score; of those not yet taken out the worst stays, too."""
        source_id = score.span.source_id
        with self._lock:
            worst = self._news.scores.get(source_id, (score,))[0]
            is_worst = worst is score or not _worse(worst, score)
            self._news.scores[source_id] = (score,) if is_worst else (worst, score)

    def put_map(self, inference: Inference, band_edges_hz: NDArray[np.float64]) -> None:
        """Take an error map; `band_edges_hz` has shape (mel + 2,)."""
        with self._lock:
            self._news.maps[inference.span.source_id] = (inference, band_edges_hz)

    def put_health(self, payload: HealthPayload) -> None:
        """Take how a source is."""
        with self._lock:
            self._news.healths[payload.source] = payload

    def put_alarm(self, payload: AlarmPayload) -> None:
        """Take the state of a source's alarm."""
        with self._lock:
            self._news.alarms[payload.source] = payload

    def put_box(self, box: BoxCondition) -> None:
        """Take how the box is."""
        with self._lock:
            self._news.box = box

    def take(self) -> News:
        """Return what is new, and begin again with nothing."""
        with self._lock:
            news, self._news = self._news, News()
        return news


class ScoreGate:
    """Report by exception: lets a score pass that says something new."""

    def __init__(self, *, deadband: float, every_s: float) -> None:
        """`deadband` is in units of the alarm limit."""
        self._deadband, self._every_s = deadband, every_s
        self._told: dict[str, tuple[Score, float]] = {}

    def passes(self, score: Score, limit: float, now_s: float) -> bool:
        """Whether to tell it: another quality, the limit crossed, far from the last told, or long since."""
        told = self._told.get(score.span.source_id)
        news = told is None or now_s - told[1] >= self._every_s or self._differs(score, told[0], limit)
        if news:
            self._told[score.span.source_id] = (score, now_s)
        return news

    def forget(self, source_id: str) -> None:
        """Forget what was told of a source."""
        self._told.pop(source_id, None)

    def _differs(self, score: Score, told: Score, limit: float) -> bool:
        if score.value is None or told.value is None or score.span.quality is not told.span.quality:
            return (score.value, score.span.quality) != (told.value, told.span.quality)
        crossed = (score.value >= limit) != (told.value >= limit)
        return crossed or abs(score.value - told.value) >= self._deadband


def _worse(score: Score, other: Score) -> bool:
    return score.value is not None and (other.value is None or score.value > other.value)
