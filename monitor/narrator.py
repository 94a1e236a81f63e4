"""Follows the open event of one source: has it described, and keeps and tells what is known of it.

    window -> Describer -> Explanation -> the event's changes, the store, the broker

An explanation must never cost an alarm. The alarm has been judged before anything here runs, every call of
the describer is guarded, and a describer that fails once is not asked again before the next start: its
source raises alarms as before, without new words. That is logged with its traceback and told in status.json.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from monitor.audience import Audience
from monitor.describe import Describer
from monitor.errors import StoreError
from monitor.explanation import Explanation, explanation_from_tree, tree_from_explanation
from monitor.logs import Log
from monitor.machine import Machine
from monitor.messages import AlarmChange, Inference, LogMel, Span
from monitor.store import Store
from monitor.supervisor import guarded

KEEP_EVERY_S = 3.0
"""An event that goes on is written and told anew at most this often. It grows with every window, a portrait
is some kilobytes, and a box may have hundreds of sources and a flash card to write to; what a kill can take
is the growth of these seconds. What is known at a change, the event's end too, is written with the change."""

TreatPortrait = Callable[[str, Mapping[str, object], float], Mapping[str, object] | None]
"""Given a source, a portrait and the stream time that it remembers its sound from, returns what may be stored
of it; None: nothing."""


def untreated(_source_id: str, portrait: Mapping[str, object], _since_s: float) -> Mapping[str, object]:
    """Return a portrait as it is."""
    return portrait


class Narrator:
    """Knows what is known of one machine's event. Belongs to the thread that judges; never raises."""

    def __init__(
        self,
        machine: Machine,
        store: Store,
        audience: Audience,
        log: Log,
        *,
        treat_portrait: TreatPortrait = untreated,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`treat_portrait` takes out of a portrait what is not to be stored."""
        self._machine = machine
        self._store = store
        self._audience = audience
        self._log = log
        self._treat_portrait = treat_portrait
        self._monotonic = monotonic
        self._heard_until_s = 0.0
        self._describer: Describer | None = machine.describer
        self._event_id: str | None = None
        self._explanation: Explanation | None = None
        self._grown = False
        self._kept_at_s = -KEEP_EVERY_S

    @property
    def failed(self) -> bool:
        """Whether the describer failed, so that nothing more is described before the next start."""
        return self._describer is None

    @property
    def explanation(self) -> Explanation | None:
        """What is known of the open event; None: nothing, or none is open."""
        return self._of(self._machine.alarm.snapshot.event_id)

    def explained(self, change: AlarmChange) -> AlarmChange:
        """Return a change of the alarm with what is known of its event."""
        return replace(change, explanation=self._of(change.event_id))

    def resume(self) -> None:
        """Go on with the event that was open when the process ended, as the store knows it.

        Raises:
            StoreError: The store cannot be read.
        """
        event_id = self._machine.alarm.snapshot.event_id
        event = None if event_id is None else self._store.event(event_id)
        if event is None:
            return
        self._event_id, self._explanation = event.event_id, event.explanation
        portrait = self._store.portrait(event.event_id)
        if portrait is not None:
            self._ask(lambda describer: self._restore(describer, event.event_id, portrait))

    def go_on_with(self, successor: Machine) -> None:
        """Follow the same source's event as another model tells it; what was heard of it before stays known.

        A describer of another front end cannot go on with the event's portrait: it describes what follows.
        """
        event_id = self._event_id
        self._machine = successor
        if successor.describer is self._describer:
            return
        portrait = None if event_id is None else self._portrait(event_id)
        self._describer = successor.describer
        if event_id is not None and portrait is not None:
            self._ask(lambda describer: _try(describer, event_id, portrait))

    def hear(self, span: Span, answer: tuple[LogMel, Inference] | None) -> None:
        """Take a window that the alarm has judged; `answer` is None where it could not be."""
        self._heard_until_s = span.end_s
        facts = self._machine.alarm.snapshot
        event_id = facts.event_id if facts.active else None
        # an event that has returned sounds normal again, and may wait for days to be acknowledged
        normal = not (facts.active or facts.warning)

        def ask(describer: Describer) -> None:
            if answer is None:
                known = describer.miss(span, event_id)
            else:
                describer.hear(*answer, normal=normal)
                known = None if event_id is None else describer.describe(event_id, *answer)
            if event_id is not None and known is not None:
                self._note(event_id, known)

        self._ask(ask)

    def keep(self, *, store_takes: bool, told: bool = False) -> None:
        """Write and tell what is new of the event, if it is time; `told`: a change has just told it.

        While the store takes nothing (`store_takes`) nothing is written: the changes that wait carry what was
        known, and the portrait follows with the next growth.
        """
        event_id, explanation = self._event_id, self._explanation
        if event_id is None or explanation is None:
            return
        over = event_id != self._machine.alarm.snapshot.event_id
        now_s = self._monotonic()
        if not over and not (self._grown and (told or now_s - self._kept_at_s >= KEEP_EVERY_S)):
            return
        if not told:
            self._audience.tell_explanation(self._machine, explanation)
        portrait = None if over else self._portrait_to_keep(event_id)  # nobody goes on with what is over
        self._grown, self._kept_at_s = False, now_s
        if over:
            self._close(event_id)
        if store_takes:
            self._write(event_id, explanation, portrait)

    def _write(self, event_id: str, explanation: Explanation, portrait: Mapping[str, object] | None) -> None:
        try:
            self._store.update_explanation(event_id, explanation, portrait=portrait)
        except StoreError as error:
            self._log.warning("explanation not stored", source=self._machine.source_id, reason=str(error))

    def _of(self, event_id: str | None) -> Explanation | None:
        return self._explanation if event_id is not None and event_id == self._event_id else None

    def _note(self, event_id: str, explanation: Explanation) -> None:
        # there and back: a number that is none fails here, and not where the change is stored
        self._explanation = explanation_from_tree(tree_from_explanation(explanation))
        self._event_id, self._grown = event_id, True

    def _portrait(self, event_id: str) -> Mapping[str, object] | None:
        drawn: list[Mapping[str, object] | None] = []
        self._ask(lambda describer: drawn.append(describer.portrait_tree(event_id)))
        return drawn[0] if drawn else None

    def _portrait_to_keep(self, event_id: str) -> Mapping[str, object] | None:
        portrait, describer = self._portrait(event_id), self._describer
        if portrait is None or describer is None:
            return None
        since_s = self._heard_until_s - describer.remembered_s
        return self._treat_portrait(self._machine.source_id, portrait, since_s)

    def _restore(self, describer: Describer, event_id: str, portrait: Mapping[str, object]) -> None:
        if not describer.restore(event_id, portrait):
            self._log.warning(
                "the portrait of an open event is not of this version; its explanation begins anew",
                source=self._machine.source_id,
                event_id=event_id,
            )

    def _close(self, event_id: str) -> None:
        self._event_id = self._explanation = None
        self._ask(lambda describer: describer.close(event_id))

    def _ask(self, question: Callable[[Describer], None]) -> None:
        describer = self._describer
        if describer is None:
            return
        event = "describer failed; its source has no new explanations before the next start"
        if not guarded(self._log, event, lambda: question(describer), source=self._machine.source_id):
            self._describer = None


def _try(describer: Describer, event_id: str, portrait: Mapping[str, object]) -> None:
    describer.restore(event_id, portrait)
