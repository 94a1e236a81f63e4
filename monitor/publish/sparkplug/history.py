"""What has to reach the host and perhaps has not: bounded, in order, with a stated policy when full.

A sample waits, is under way once it has been sent, has arrived when the broker has read it, and is settled
when nothing has been heard against that for a while. When the connection or the host goes, all that is not
settled waits again, in the order in which it was given: a sample may come twice, and is then equal to the
last bit, but it is not lost.

Samples with a token are kept by the caller until they are settled (the store's outbox), and refused when
there is no room. Those that wait for a dead device are given back to the caller, so that they take no place
from the living for as long as it stays dead. Samples without are kept here only: when there is no room the
oldest goes, counted.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import islice

from monitor.errors import SparkplugError
from monitor.publish.sparkplug.tags import Reading


@dataclass(frozen=True, slots=True)
class Sample:
    """Some tags of the node or a device, as they were at one moment."""

    device_id: str | None
    """None: the node itself."""
    readings: Mapping[str, Reading]
    """By the tag's name."""
    at_ms: int
    """When that was, since 1970 UTC; it keeps this time however late it is sent."""
    token: int | None = None
    """The caller keeps it, too, until this number is settled; None: nobody else does."""
    late: bool = False
    """It tells of the past: sent as historical, and what the tags are now stays."""


@dataclass(frozen=True, slots=True)
class HistoryCounts:
    """How samples are getting on."""

    waiting: int
    """Not sent yet, or to be sent again."""
    under_way: int
    """Sent and perhaps arrived, and not yet settled."""
    dropped: int
    """Samples without a token given up unsent, because others without had come after them."""
    repeated: int
    """Taken back because they may not have arrived."""


@dataclass(frozen=True, slots=True)
class _Sent:
    sample: Sample
    number: int
    arrived_s: float | None = None


class History:
    """Samples that wait or are under way: at most `tokened_max` with and `loose_max` without a token."""

    def __init__(self, *, tokened_max: int, loose_max: int) -> None:
        self._tokened_max, self._loose_max = tokened_max, loose_max
        # by key, which rises with each sample that is taken; those under way stand in the order of sending
        self._waiting: OrderedDict[int, Sample] = OrderedDict()
        self._under_way: OrderedDict[int, _Sent] = OrderedDict()
        self._arrived: OrderedDict[int, _Sent] = OrderedDict()
        self._loose: OrderedDict[int, None] = OrderedDict()
        self._newest_key = self._dropped = self._repeated = 0

    @property
    def room(self) -> int:
        """How many samples with a token would be taken now."""
        held = len(self._waiting) + len(self._under_way) + len(self._arrived)
        return self._tokened_max - (held - len(self._loose))

    @property
    def counts(self) -> HistoryCounts:
        """What has happened so far."""
        under_way = len(self._under_way) + len(self._arrived)
        return HistoryCounts(len(self._waiting), under_way, self._dropped, self._repeated)

    def check_room(self, sample: Sample) -> None:
        """Refuse a sample with a token when there is no room.

        Raises:
            SparkplugError: There is none; ask for `room` before, and offer it again later.
        """
        if sample.token is not None and self.room <= 0:
            raise SparkplugError(
                f"{self._tokened_max} samples wait already; offer more when they are settled"
            )

    def keep(self, sample: Sample) -> None:
        """Have a sample wait."""
        key = self._admit(sample)
        if key is None:
            self._dropped += 1
        else:
            self._waiting[key] = sample

    def note_sent(self, sample: Sample, number: int) -> None:
        """Note that a new sample went out at once, in message `number`."""
        key = self._admit(sample)
        if key is not None:
            self._under_way[key] = _Sent(sample, number)

    def due(self, limit: int, is_alive: Callable[[str | None], bool]) -> list[tuple[int, Sample]]:
        """Return up to `limit` waiting samples of those that are alive, oldest first, with their keys."""
        alive = (item for item in self._waiting.items() if is_alive(item[1].device_id))
        return list(islice(alive, limit))

    def note_resent(self, key: int, number: int) -> None:
        """Note that a waiting sample went out in message `number`."""
        self._under_way[key] = _Sent(self._waiting.pop(key), number)

    def note_arrived(self, number: int, now_s: float) -> None:
        """Note that the broker has read the messages up to `number`."""
        while self._under_way:
            key, sent = next(iter(self._under_way.items()))
            if sent.number > number:
                break
            self._arrived[key] = replace(self._under_way.pop(key), arrived_s=now_s)

    def settle(self, arrived_before_s: float) -> tuple[int, ...]:
        """Let go of what has arrived by then, and return the tokens of those that have one."""
        tokens = []
        while self._arrived:
            key, sent = next(iter(self._arrived.items()))
            if sent.arrived_s is None or sent.arrived_s > arrived_before_s:
                break
            del self._arrived[key]
            self._loose.pop(key, None)
            if sent.sample.token is not None:
                tokens.append(sent.sample.token)
        return tuple(tokens)

    def take_back(self, from_number: int = 0) -> None:
        """Have what went out in message `from_number` and later ones wait again, each in its old place."""
        sent = {**self._arrived, **self._under_way}
        back = {key: each.sample for key, each in sent.items() if each.number >= from_number}
        if not back:
            return
        for key in back:
            del (self._under_way if key in self._under_way else self._arrived)[key]
        self._repeated += len(back)
        self._waiting = OrderedDict(sorted({**back, **self._waiting}.items()))

    def give_back(self, is_alive: Callable[[str | None], bool]) -> tuple[Sample, ...]:
        """Let go of waiting samples with a token whose device is dead, and return them, oldest first.

        While anything of a device is under way all of it stays, for that may have to wait again in its order.
        """
        dead = {sample.device_id for sample in self._waiting.values() if not is_alive(sample.device_id)}
        if dead:
            sent = (*self._under_way.values(), *self._arrived.values())
            dead -= {each.sample.device_id for each in sent if each.sample.token is not None}
        given = {
            key: sample
            for key, sample in self._waiting.items()
            if sample.token is not None and sample.device_id in dead
        }
        for key in given:
            del self._waiting[key]
        return tuple(given.values())

    def _admit(self, sample: Sample) -> int | None:
        """Return a key for a sample; None: there is no place for any without a token."""
        if sample.token is None and self._loose_max == 0:
            return None
        self._newest_key += 1
        if sample.token is None:
            self._loose[self._newest_key] = None
            if len(self._loose) > self._loose_max:
                self._let_go_of_oldest_loose()
        return self._newest_key

    def _let_go_of_oldest_loose(self) -> None:
        key, _ = self._loose.popitem(last=False)
        if self._waiting.pop(key, None) is not None:
            self._dropped += 1
        elif self._under_way.pop(key, None) is None:
            # either way it was sent, and is no more guarded against a loss on the way
            del self._arrived[key]
