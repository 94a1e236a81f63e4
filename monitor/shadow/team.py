"""The candidates that are open, those that wait for their turn, and those that were set aside."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from engines.errors import CodedError
from engines.runtime import Engine
from monitor.bundles.library import Library
from monitor.config import Config, SourceConfig
from monitor.logs import Log
from monitor.models import Model
from monitor.shadow.candidate import Candidate, open_candidate
from monitor.shadow.hangs import Hangs
from monitor.shadow.roll import Wanted
from monitor.shadow.tries import PROVEN_S, TRIES_MAX, Tries
from monitor.shadow.watch import Watch
from monitor.supervisor import guarded

OPEN_WITHIN_S = 3600.0
"""A plan for a GPU may have to be built, behind others."""
UNEXPECTED = "it failed in a way that nobody foresaw; the daemon's log has it"


@dataclass(frozen=True, slots=True)
class Member:
    """A candidate that judges."""

    watch: Watch
    """Its run."""
    wanted: Wanted
    """As the library had it when it was opened."""
    tries: Tries
    """Remembers that it is open."""
    opened_s: float
    """Monotonic time."""


class Team:
    """Belongs to the shadow thread."""

    def __init__(
        self, config: Config, hangs: Hangs, log: Log, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._config = config
        self._hangs = hangs
        self._log = log
        self._monotonic = monotonic
        self._stale: set[str] = set()
        self._without_room: dict[str, Wanted] = {}
        """Those that need an engine of their own, until one is closed."""
        self.members: dict[str, Member] = {}
        """By source."""
        self.aside: dict[str, tuple[Wanted, str]] = {}
        """By source, with the reason."""
        self.waiting: dict[str, Wanted] = {}
        """By source."""

    @property
    def watches(self) -> Sequence[Watch]:
        """The runs of all that judge."""
        return [member.watch for member in self.members.values()]

    def follow(self, config: Config, wanted: Mapping[str, Wanted]) -> None:
        """Close what is wanted no more, and open at most one of those that are: judging goes on meanwhile.

        Raises:
            ReplacedError: Opening took too long, and another thread has taken over.
        """
        if config is not self._config:  # another calibration, another key, another budget
            self._config, self._stale = config, set(self.members)
            self.aside.clear()
            self._without_room.clear()
        for source_id in [name for name in self.members if not self._is_wanted(name, wanted)]:
            self.close(source_id)
        self.aside = {name: one for name, one in self.aside.items() if wanted.get(name) == one[0]}
        self.waiting = {
            name: one
            for name, one in wanted.items()
            if name not in self.aside and (name not in self.members or name in self._stale)
        }
        for name, one in self.waiting.items():
            if self._open(name, one):
                return

    def _is_wanted(self, source_id: str, wanted: Mapping[str, Wanted]) -> bool:
        found = wanted.get(source_id)
        return found is not None and found.version == self.members[source_id].wanted.version

    def _open(self, source_id: str, wanted: Wanted) -> bool:
        """Open a candidate, or set it aside; False: nothing was tried, or there is no room for its engine."""
        source = next((one for one in self._config.sources if one.id == source_id), None)
        if source is None or self._without_room.get(source_id) == wanted:
            return False
        tries, is_open = Tries(Library(self._config.state_dir, source_id)), source_id in self.members
        ended = tries.begun(wanted.version)
        if ended >= TRIES_MAX and not is_open:
            tries.end(wanted.version)  # whoever installs it anew has it tried anew
            self.set_aside(
                source_id,
                f"the daemon ended out of order {ended} times while it was open; look into the log, and "
                "install it again to have it tried again",
                wanted,
            )
            return True
        if not is_open:  # a reload has it opened anew: that is no other try
            tries.begin(wanted.version)
        with self._hangs.during([source_id], OPEN_WITHIN_S):
            opened = self._opened(source, wanted.version)
        if not isinstance(opened, Candidate):
            if not is_open:
                tries.end(wanted.version)
            if opened is None:
                self._without_room[source_id] = wanted
            else:
                self.set_aside(source_id, opened, wanted)
            return True
        settings = self._config.alarm_for(source)
        before = self.members.pop(source_id, None)
        self.members[source_id] = Member(
            Watch(source_id, opened, settings, clip_every_s=self._config.store.clip_every_s),
            wanted,
            tries,
            self._monotonic(),
        )
        self._stale.discard(source_id)
        self.waiting.pop(source_id, None)
        if before is not None:
            self._close_unused(before.watch.candidate.model.engine)
        self._log.info("a candidate judges beside the live bundle", source=source_id, version=wanted.version)
        return True

    def _models(self) -> Collection[Model]:
        models = [member.watch.candidate.model for member in self.members.values()]
        return {id(model.engine): model for model in models}.values()

    def _opened(self, source: SourceConfig, version: str) -> Candidate | str | None:
        """Return an opened candidate, or why it cannot be; None: there is no room for its engine."""
        found: list[Candidate | str | None] = []

        def opening() -> None:
            try:
                found.append(open_candidate(self._config, source, version, self._models()))
            except CodedError as error:
                found.append(" ".join(str(error).split()))

        guarded(self._log, "a candidate could not be opened", opening, source=source.id)
        return found[0] if found else UNEXPECTED

    def set_aside(self, source_id: str, reason: str, wanted: Wanted | None = None) -> None:
        """Ask a candidate no more until it is installed anew, or the configuration changes."""
        member = self.members.get(source_id)
        wanted = wanted or (self.waiting.get(source_id) if member is None else member.wanted)
        if wanted is None:
            return
        self.close(source_id)
        self.waiting.pop(source_id, None)
        self.aside[source_id] = (wanted, reason)
        self._log.warning("a candidate is set aside", source=source_id, version=wanted.version, reason=reason)

    def abandon(self, source_id: str) -> None:
        """Set a candidate aside whose engine did not come back: it stays as it is, for it is in use."""
        shared = {
            name
            for name, member in self.members.items()
            if source_id in self.members
            and member.watch.candidate.model.engine is self.members[source_id].watch.candidate.model.engine
        }
        for name in shared or {source_id}:
            member = self.members.pop(name, None)
            wanted = self.waiting.get(name) if member is None else member.wanted
            if wanted is not None:
                self.waiting.pop(name, None)
                self.aside[name] = (wanted, "its engine did not come back")
                self._log.error("a candidate does not come back; it is set aside", source=name)

    def close(self, source_id: str) -> None:
        """Let go of a candidate that is open; others that share its engine go on."""
        member = self.members.pop(source_id, None)
        self._stale.discard(source_id)
        if member is not None:
            member.tries.end(member.wanted.version)
            self._close_unused(member.watch.candidate.model.engine)

    def close_all(self) -> None:
        """Let go of all of them."""
        for source_id in list(self.members):
            self.close(source_id)

    def note_proven(self) -> None:
        """Take it that those which have been open for long do not end the process."""
        for member in self.members.values():
            if self._monotonic() - member.opened_s >= PROVEN_S:
                member.tries.end(member.wanted.version)

    def _close_unused(self, engine: Engine) -> None:
        if all(engine is not model.engine for model in self._models()):
            engine.close()
            self._without_room.clear()
