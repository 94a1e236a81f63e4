"""The managed policy: asks now and then whether a candidate is better, and has it promoted if so.

It gives a command like an operator's, as actor `policy`: answered, on record, and refused by the same gate. A
verdict that somebody else asked for (a promotion, `wheeltapper compare`) is told as well.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from monitor.bundles.library import Library
from monitor.config import Config
from monitor.errors import ComparisonError, LibraryError
from monitor.logs import Log
from monitor.promotion.apart import Told, judged_apart
from monitor.promotion.document import kept_comparison
from monitor.shadow.facts import ShadowFacts, ShadowState

ACTOR = "policy"
LOOK_EVERY_S = 30.0
"""Between two looks whether somebody asked, or it is time to."""
PATIENCE_S = 120.0
"""So long kept sound is scored at a time; the next question goes on from there."""
COMPARED_WITHIN_S = 900.0
"""A comparison that takes longer, at its low priority, is broken off."""
NICE = 10
"""A tenth of the time that others would get; with 19 a busy box would never answer."""
NOTE_LETTERS = 900

Outcome = Literal["better", "not_better", "too_early"]
Answered = Callable[[Mapping[str, object]], None]
"""Told the reply's document, from another thread."""
Promote = Callable[[str, Mapping[str, object], Answered], bool]
"""Given a source, the command `promote` and who waits for the answer, hands it in; False: turned away."""


@dataclass(frozen=True, slots=True)
class Found:
    """A verdict on a candidate."""

    candidate: str
    """The version that it is about."""
    live: str | None
    """The version beside which it stood; None: not known."""
    outcome: Outcome
    """What was found."""
    reasons: tuple[str, ...]
    """Why, in sentences."""


class Policy:
    """Belongs to a thread of its own; `found` from any thread."""

    def __init__(
        self,
        config_now: Callable[[], Config],
        shadows: Callable[[], Mapping[str, ShadowFacts]],
        promote: Promote,
        log: Log,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config_now = config_now
        self._shadows = shadows
        self._promote = promote
        self._log = log
        self._monotonic = monotonic
        self._look_at_s = monotonic()
        self._asked_at_s: dict[tuple[str, str], float] = {}
        self._closing = threading.Event()
        self._found: dict[str, Found] = {}
        self._promoting: set[str] = set()
        """Sources whose promotion is not answered yet: another one would find the next candidate."""

    def found(self, source_id: str, candidate: str) -> Found | None:
        """Return the last verdict on a source's candidate; None: there is none."""
        found = self._found.get(source_id)
        return found if found is not None and found.candidate == candidate else None

    def run_once(self, timeout_s: float) -> None:
        """Ask for at most one source whose time has come; waits at most `timeout_s` when there is none."""
        if self._monotonic() < self._look_at_s:
            self._closing.wait(timeout_s)
            return
        config, shadows = self._config_now(), self._shadows()
        for source_id, facts in shadows.items():
            self._read(config, source_id, facts.candidate)
        for source_id, facts in shadows.items():
            if self._is_due(config, source_id, facts):
                self._asked_at_s[source_id, facts.candidate] = self._monotonic()
                self._ask(config, source_id, facts.candidate)
                return
        every_s = min(LOOK_EVERY_S, config.shadow.ask_every_s)
        self._look_at_s = self._monotonic() + every_s

    def wake(self) -> None:
        """Break off what is being compared, and wait no more. From any thread."""
        self._closing.set()

    def _is_due(self, config: Config, source_id: str, facts: ShadowFacts) -> bool:
        """Whether it is time, and there can be enough evidence by now."""
        if config.bundles.promotion != "managed" or facts.state is not ShadowState.JUDGING:
            return False
        if source_id in self._promoting or facts.heard_s < 3600.0 * config.bundles.promotion_hours:
            return False
        last_s = self._asked_at_s.get((source_id, facts.candidate))
        return last_s is None or self._monotonic() - last_s >= config.shadow.ask_every_s

    def _read(self, config: Config, source_id: str, candidate: str) -> None:
        """Take what was found last, whoever asked; beside another live version it counts no more."""
        try:
            live = Library(config.state_dir, source_id).roles().live
        except LibraryError:
            return
        kept = kept_comparison(config.state_dir, source_id, live=live or "", candidate=candidate)
        before = self._found.get(source_id)
        if kept is not None:
            self._found[source_id] = Found(candidate, live, kept[1].outcome, kept[1].reasons)
        elif before is not None and before.live != live:
            del self._found[source_id]

    def _ask(self, config: Config, source_id: str, candidate: str) -> None:
        try:
            live = Library(config.state_dir, source_id).roles().live
            told = self._told(config, source_id)
        except (ComparisonError, LibraryError) as error:
            if not self._closing.is_set():
                self._log.warning("a candidate cannot be compared", source=source_id, reason=str(error))
            return
        found = Found(candidate, live, told.outcome, told.reasons)
        self._found[source_id] = found
        self._log.info("policy", source=source_id, candidate=candidate, verdict=found.outcome)
        if found.outcome == "better":
            self._have_promoted(source_id, found)

    def _have_promoted(self, source_id: str, found: Found) -> None:
        command = {
            "id": f"{ACTOR}-{secrets.token_hex(8)}",
            "action": "promote",
            "actor": ACTOR,
            "note": "; ".join(found.reasons)[:NOTE_LETTERS],
        }
        self._promoting.add(source_id)
        if not self._promote(source_id, command, lambda _reply: self._promoting.discard(source_id)):
            self._promoting.discard(source_id)
            self._log.warning("the policy's promotion was turned away", source=source_id)

    def _told(self, config: Config, source_id: str) -> Told:
        """Return what a process of its own finds. Raises as judged_apart."""
        return judged_apart(
            config,
            source_id,
            patience_s=PATIENCE_S,
            within_s=COMPARED_WITHIN_S,
            nice=NICE,
            broken_off=self._closing.is_set,
        )
