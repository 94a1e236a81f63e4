"""What a session is told once and for all, and the time, which it is told each time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from monitor.errors import SparkplugError
from monitor.publish.sparkplug.topics import EdgeNode, check_id

SEQ_COUNT = 256
"""seq and bdSeq count from 0 to one less, and begin again."""
MAX_UTC_MS = 2**63 - 1


class BirthCounter(Protocol):
    """Where the number of the connection comes from; it must outlive the process."""

    def next(self) -> int:
        """Return the number for the next CONNECT, already kept on disk: `next_bdseq` of the last one."""


def next_bdseq(last: int | None) -> int:
    """Return the bdSeq that follows `last`; None: there was none ever."""
    return 0 if last is None else (last + 1) % SEQ_COUNT


@dataclass(frozen=True, slots=True)
class Now:
    """The time, by the two clocks of the caller."""

    utc_ms: int
    """Milliseconds since 1970; may jump. Stands in messages and decides nothing."""
    steady_s: float
    """Monotonic; decides waits."""

    def __post_init__(self) -> None:
        """Refuse a time that no message can carry."""
        if not 0 <= self.utc_ms <= MAX_UTC_MS:
            raise SparkplugError(f"the time {self.utc_ms} ms is before 1970, or beyond all time")


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """How a node behaves."""

    node: EdgeNode
    """Who it is."""
    primary_host_id: str | None = None
    """The host without which nothing is said; None: it speaks whoever listens."""
    servers: int = 1
    """How many brokers there are to walk through."""
    aliases: bool = False
    """Whether data names tags by number; then only those who heard the births can read it."""
    rebirth_every_s: float = 1.0
    """However many ask, births are sent again no sooner than this after the last were written."""
    host_wait_s: float = 10.0
    """With several brokers: for so long the primary host is waited for at each."""
    host_grace_s: float = 60.0
    """With a primary host: what the broker had read less than this before the host was found to be away is
    sent again. Longer than it takes a broker to see that a host is gone, 1.5 times its keep-alive."""
    history_per_tick: int = 200
    """Samples of the past that are sent at a time, so that what is now need not wait behind them."""
    tokened_max: int = 5_000
    """Samples with a token that are held; further ones are refused."""
    loose_max: int = 1_000
    """Samples without a token that are held; the oldest goes."""

    def __post_init__(self) -> None:
        """Refuse what can never work."""
        if self.primary_host_id is not None:
            check_id("host id", self.primary_host_id)
        if min(self.servers, self.history_per_tick, self.tokened_max) < 1 or self.loose_max < 0:
            raise SparkplugError("servers, history_per_tick and tokened_max must be at least 1")
