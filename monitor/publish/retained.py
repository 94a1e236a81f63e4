"""The documents that the broker keeps for us, and that are told again at every connect.

Of each topic at most one message is under way, and no newer one follows before it is acknowledged. So a
stale state that paho sends again after a reconnect can never arrive behind the fresh one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from monitor.publish.delivery import Delivery, Message

UNDER_WAY_MAX = 64
"""Retained messages not yet acknowledged, over all topics; the others wait here, newest state only."""


class Document(Protocol):
    """What can be kept on a topic."""

    def encode(self) -> bytes:
        """Return it as it goes over the line."""
        ...

    @property
    def user_properties(self) -> tuple[tuple[str, str], ...]:
        """What MQTT 5 carries beside it."""
        ...

    def says_more_than(self, other: Any, /) -> bool:  # noqa: ANN401 - each document knows its own kind
        """Whether it says something that `other`, of the same topic, does not."""
        ...


class _Nothing:
    """An empty topic: what the broker kept there goes."""

    user_properties: tuple[tuple[str, str], ...] = ()

    def encode(self) -> bytes:
        return b""

    def says_more_than(self, other: object) -> bool:
        return not isinstance(other, _Nothing)


_NOTHING = _Nothing()


@dataclass(slots=True)
class _Entry:
    payload: Document
    """The newest document of the topic."""
    unsent: bool = True
    """Whether the broker has yet to be sent `payload`."""
    delivery: Delivery | None = None
    """The message under way, perhaps an older one; None when there is none."""
    last: bool = False
    """Whether it waits until nothing else is unsent."""

    @property
    def settled(self) -> bool:
        """Whether the broker has acknowledged `payload`."""
        return not self.unsent and (self.delivery is None or self.delivery.done)


class RetainedTopics:
    """The newest document of each topic. Thread-safe; memory is one document a topic."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[str, _Entry] = {}
        self._restless = True
        """Whether something is unsent or under way: else a pass, of which each score makes one, skips all."""

    def put(self, topic: str, payload: Document, *, last: bool = False) -> bool:
        """Remember `payload`; returns whether it says something new, so that it will be sent.

        `last`: it goes when all others have gone, as what says that they hold.
        """
        with self._lock:
            entry = self._entries.get(topic)
            if entry is None:
                self._entries[topic] = _Entry(payload, last=last)
                self._restless = True
                return True
            entry.last = last
            # a source that had left and is back says more than nothing
            news = payload is not entry.payload and (
                entry.payload is _NOTHING or payload.says_more_than(entry.payload)
            )
            entry.payload = payload
            entry.unsent = entry.unsent or news
            self._restless = self._restless or news
            return news

    def clear(self, topic: str) -> None:
        """Have the broker keep nothing there any more; told again at every connect until it is taken."""
        self.put(topic, _NOTHING)

    def take_cleared(self) -> set[str]:
        """Return the topics that the broker has acknowledged to be empty, and forget them."""
        with self._lock:
            cleared = {
                topic
                for topic, entry in self._entries.items()
                if isinstance(entry.payload, _Nothing) and entry.settled
            }
            for topic in cleared:
                del self._entries[topic]
        return cleared

    def send_all_again(self) -> None:
        """Forget what the broker has: it may have lost everything with its last restart."""
        with self._lock:
            self._restless = True
            for entry in self._entries.values():
                entry.unsent = True

    def send(self, publish: Callable[[Message], Delivery]) -> int:
        """Hand over what may go now and return how many that were. From the publishing thread only."""
        with self._lock:
            if not self._restless:
                return 0
            for entry in self._entries.values():
                if entry.delivery is not None and entry.delivery.done:
                    entry.delivery = None
            under_way = sum(entry.delivery is not None for entry in self._entries.values())
            due = self._due()[: max(0, UNDER_WAY_MAX - under_way)]
            for _, entry in due:
                entry.unsent = False
            messages = [_message(topic, entry.payload) for topic, entry in due]
        # outside the lock: paho holds locks of its own while it calls back
        deliveries = [publish(message) for message in messages]
        with self._lock:
            for (_, entry), delivery in zip(due, deliveries, strict=True):
                entry.delivery = None if delivery.failed else delivery
                entry.unsent = entry.unsent or delivery.failed
            self._restless = any(
                entry.unsent or entry.delivery is not None for entry in self._entries.values()
            )
        return sum(not delivery.failed for delivery in deliveries)

    def _due(self) -> list[tuple[str, _Entry]]:
        unsent = [(topic, entry) for topic, entry in self._entries.items() if entry.unsent]
        first = [(topic, entry) for topic, entry in unsent if not entry.last]
        return [(topic, entry) for topic, entry in first or unsent if entry.delivery is None]

    @property
    def restless(self) -> bool:
        """Whether anything is unsent, or was under way when last looked at."""
        return self._restless

    @property
    def settled(self) -> bool:
        """Whether the broker has acknowledged the newest document of every topic."""
        with self._lock:
            return all(entry.settled for entry in self._entries.values())


def _message(topic: str, document: Document) -> Message:
    return Message(topic, document.encode(), 1, retain=True, user_properties=document.user_properties)
