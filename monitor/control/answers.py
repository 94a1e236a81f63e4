"""Answers what the control socket is asked, from facts that other threads keep: it waits for none of them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from monitor.config import Config
from monitor.control.documents import Now, box_now, source_now, trend_document
from monitor.desk.arrivals import Arrivals
from monitor.desk.desk import Desk
from monitor.health import BoxFacts, HealthBook, status_line
from monitor.operators import Origin
from monitor.publish.fields import rfc3339_from_utc_s
from monitor.roster import Roster
from monitor.trends import STEP_S

NOW_FOR_S = 0.4
"""An answer is given again within this time: however often it is asked, it is made so seldom."""
TRENDS_FOR_S = STEP_S / 2
"""The same, for the trends."""

Told = Callable[[Mapping[str, object]], None]


class Answers(Protocol):
    """What a control server needs to know."""

    def now(self) -> bytes:
        """Return how everything is: a `Now` without trends."""
        ...

    def trends(self) -> bytes:
        """Return `{"trends": {source: Trend or null}}`."""
        ...

    def command(self, source_id: str | None, payload: bytes, told: Told, origin: Origin) -> bool:
        """Have a command carried out; `told` gets the reply, from another thread. False: turned away."""
        ...

    @property
    def arrivals(self) -> Arrivals | None:
        """What takes in bundles; None: nothing does."""
        ...

    def knows(self, source_id: str) -> bool:
        """Whether the box has a source of this name."""
        ...


class DaemonAnswers:
    """What the daemon knows. Used by one thread, the control server's."""

    def __init__(
        self,
        config: Config,
        roster: Roster,
        book: HealthBook,
        desk: Desk,
        box_facts: Callable[[], BoxFacts | None],
        *,
        arrivals: Arrivals | None = None,
    ) -> None:
        """`box_facts` returns the last known ones, without looking for newer: None, before the first."""
        self.arrivals = arrivals
        """What takes in bundles; None: nothing does."""
        self._config = config
        self._roster = roster
        self._book = book
        self._desk = desk
        self._box_facts = box_facts
        self._now = (b"", -NOW_FOR_S)
        self._trends = (b"", -TRENDS_FOR_S)

    def now(self) -> bytes:
        """Return how everything is; made at most once in NOW_FOR_S."""
        at_s = time.monotonic()
        if at_s - self._now[1] >= NOW_FOR_S:
            self._now = (self._made_now(), at_s)
        return self._now[0]

    def trends(self) -> bytes:
        """Return the last hours; made at most once in TRENDS_FOR_S, one source at a time."""
        at_s = time.monotonic()
        if at_s - self._trends[1] >= TRENDS_FOR_S:
            parts = [
                f"{json.dumps(source_id)}:{self._trend(source_id)}" for source_id in self._roster.source_ids
            ]
            self._trends = (f'{{"trends":{{{",".join(parts)}}}}}'.encode(), at_s)
        return self._trends[0]

    def command(self, source_id: str | None, payload: bytes, told: Told, origin: Origin) -> bool:
        """Lay a command on the desk, as the page's or the terminal's."""
        return self._desk.hand_in(source_id, payload, origin=origin, answered=told)

    def knows(self, source_id: str) -> bool:
        """Whether the box has a source of this name."""
        return self._roster.get(source_id) is not None

    def _made_now(self) -> bytes:
        facts, box = self._book.sources(), self._box_facts()
        if box is None:
            return b'{"error":"the daemon is starting; ask again in a moment"}'
        config, comparing = self._config, self._desk.comparing
        now = Now(
            time=rfc3339_from_utc_s(time.time()),
            box=box_now(box, site=config.site, box=config.box, line=status_line(box, facts)),
            sources=[
                source_now(fact, machine.alarm, comparing.get(fact.capture.source_id))
                for fact in facts
                if (machine := self._roster.get(fact.capture.source_id)) is not None
            ],
        )
        return now.model_dump_json(exclude={"sources": {"__all__": {"trend"}}}).encode()

    def _trend(self, source_id: str) -> str:
        trend = trend_document(self._book.trend(source_id))
        return "null" if trend is None else trend.model_dump_json()


def payload_of(command: Mapping[str, Any]) -> bytes:
    """Return a command's document as it would stand on its topic."""
    return json.dumps(command).encode()
