"""Clears what the broker still keeps of sources that this box no longer has.

A retained document stays until somebody empties its topic. The box therefore remembers in its state directory
which sources it has told of, and at a start empties the topics of those that have gone. Topics are made anew
from ids, by the table that they were written with and below the prefix of now: what stands in the file can
lead nowhere else. Below an earlier prefix nothing is touched, for another box may have it today.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from monitor.config.section import NAME
from monitor.logs import Log
from monitor.publish.homeassistant import discovery_topic
from monitor.publish.retained import RetainedTopics
from monitor.publish.topics import TOPICS

FILE = "announced.json"
"""In the state directory."""
SCHEMA = "announced/1"
MAX_BYTES = 1_000_000
"""Of the file; a longer one is not ours."""


@dataclass(frozen=True, slots=True)
class Announced:
    """A source that the broker was told of."""

    source_id: str
    """As in its topics."""
    home_assistant: str | None
    """The prefix below which Home Assistant was told of it, too; None: it was not."""

    def topics(self, prefix: str) -> list[str]:
        """Return what the broker keeps of it, in the order in which that should go.

        The introduction goes first, so that Home Assistant reads no empty state.
        """
        own = [TOPICS[kind].topic(prefix, self.source_id) for kind in ("alarm", "health")]
        if self.home_assistant is None:
            return own
        return [discovery_topic(self.home_assistant, prefix, self.source_id), *own]


class Leftovers:
    """The file, and the topics that are being emptied. For one thread."""

    def __init__(self, path: Path, prefix: str, present: Iterable[Announced], log: Log) -> None:
        """`present` are the sources of now; `prefix` begins the topics of the box."""
        self._path = path
        self._prefix = prefix
        self._present = tuple(present)
        self._log = log
        self._gone: list[Announced] = []
        self._waiting: set[str] = set()
        self._is_news = False

    def begin(self, retained: RetainedTopics) -> None:
        """Have the topics of sources that have gone emptied; remember those of now before they are told."""
        self._gone = self._remembered()
        self._empty(retained)
        self.settle(retained)

    def change(self, present: Iterable[Announced], retained: RetainedTopics) -> None:
        """Take it that `present` are the sources of now: those that were and are not have gone."""
        self._gone += self._present
        self._present = tuple(present)
        self._empty(retained)

    def _empty(self, retained: RetainedTopics) -> None:
        known = {topic for one in self._present for topic in one.topics(self._prefix)}
        self._gone = [one for one in dict.fromkeys(self._gone) if set(one.topics(self._prefix)) - known]
        topics = [topic for one in self._gone for topic in one.topics(self._prefix) if topic not in known]
        for topic in topics:
            retained.clear(topic)
        self._waiting = set(topics)
        self._is_news = True

    def settle(self, retained: RetainedTopics) -> None:
        """Write down who was told of; those that have gone until the broker has emptied all their topics."""
        if self._is_news:
            self._is_news = False
            self._remember(dict.fromkeys([*self._gone, *self._present]))
        if not self._waiting:
            return
        self._waiting -= retained.take_cleared()
        if not self._waiting:
            self._gone = []
            self._remember(self._present)
            self._log.info("the broker keeps nothing more of sources that were removed")

    def _remembered(self) -> list[Announced]:
        """Return what was told before; nothing where that is not known."""
        try:
            with self._path.open("rb") as file:
                tree = json.loads(file.read(MAX_BYTES))
            prefix, sources = tree["prefix"], tree["sources"]
            told = [Announced(_id(name), _prefix(below)) for name, below in sources]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
            self._log.warning(
                "not known which sources the broker was told of; those removed are not cleared there",
                file=str(self._path),
                reason=repr(error)[:200],
            )
            return []
        if prefix != self._prefix:
            self._log.warning(
                "the topic prefix has changed; what the broker keeps below the earlier one stays there",
                earlier=str(prefix)[:200],
            )
            return []
        return told

    def _remember(self, sources: Iterable[Announced]) -> None:
        tree = {
            "schema": SCHEMA,
            "prefix": self._prefix,
            "sources": [[one.source_id, one.home_assistant] for one in sources],
        }
        part = self._path.with_name(self._path.name + ".part")
        try:
            with part.open("w", encoding="utf-8") as file:
                json.dump(tree, file)
                file.flush()
                os.fsync(file.fileno())
            part.replace(self._path)
        except OSError as error:
            self._log.warning(
                "not remembered which sources the broker is told of; after a removal they stay there",
                file=str(self._path),
                reason=str(error),
            )


def _id(name: object) -> str:
    if not isinstance(name, str) or re.fullmatch(NAME, name) is None:
        raise ValueError(f"{name!r:.80} is no id of a source")
    return name


def _prefix(below: object) -> str | None:
    if below is None or (isinstance(below, str) and below and not set(below) & set("+#\0")):
        return below
    raise ValueError(f"{below!r:.80} is no prefix of Home Assistant's")
