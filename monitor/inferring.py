"""Has windows answered by their machines' engines, and knows what that costs."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence

from engines.errors import EngineError
from engines.runtime import Engine
from monitor.listening import inferences_from_logmels
from monitor.logs import Log
from monitor.machine import Machine
from monitor.messages import Inference, LogMel, Quality, Span, Window
from monitor.roster import Roster

UNKNOWN_COST_S = 0.001
"""What a window is taken to cost before its engine has answered once."""
COST_SHARE = 0.2
"""Weight of an engine's last call in what its windows cost."""

Place = tuple[str, int, int]
"""Of a window: its source, the machine it was cut for, and its first sample. Machines may count otherwise."""
Answer = tuple[LogMel, Inference]
"""What an engine took, and what it answered."""


def place_of(span: Span) -> Place:
    """Return what tells a window from all others."""
    return span.source_id, span.machine, span.first_sample


def awaits_nothing(span: Span, answers: Mapping[Place, Answer]) -> bool:
    """Whether a window is answered, or not to be: its input cannot be judged."""
    return span.quality is not Quality.OK or place_of(span) in answers


class Inferring:
    """Belongs to the thread that judges; any thread may ask what a window costs."""

    def __init__(self, roster: Roster, log: Log) -> None:
        self._roster = roster
        self._log = log
        self._costs_s: dict[int, float] = {}
        self._failing: dict[int, EngineError] = {}
        """Of the engines that did not answer when they were asked last: why."""

    def answers(self, windows: Sequence[Window]) -> Iterator[Mapping[Place, Answer]]:
        """Yield the answers to windows of any sources, call by call, of each engine in as few calls as pay.

        Windows of an engine that fails have none, from that call on; it is asked again with the next ones.
        """
        heard: dict[int, tuple[Engine, list[tuple[Machine, Window]]]] = {}
        for window in windows:
            machine = self._roster.judge_of(window.span)
            if machine.engine is not None:  # else there is nobody to ask
                heard.setdefault(id(machine.engine), (machine.engine, []))[1].append((machine, window))
        for engine, batch in heard.values():
            # in parts from the sound on, so that what one step leaves in the caches the next one finds there
            for first in range(0, len(batch), engine.call_windows):
                answers = self._answered(engine, batch[first : first + engine.call_windows])
                if answers is None:
                    break
                yield answers

    def _answered(
        self, engine: Engine, batch: Sequence[tuple[Machine, Window]]
    ) -> Mapping[Place, Answer] | None:
        """Return the answers to windows of one engine, in one call of it; None: it failed."""
        logmels = [machine.frontend.logmel_from_window(window) for machine, window in batch]
        began_s = time.perf_counter()
        try:
            inferences = inferences_from_logmels(engine, logmels)
        except EngineError as error:
            self._note_failure(id(engine), batch[0][0], error)
            return None
        self._note_cost(id(engine), (time.perf_counter() - began_s) / len(batch))
        self._note_answer(id(engine), batch[0][0])
        return {
            place_of(logmel.span): (logmel, inference)
            for logmel, inference in zip(logmels, inferences, strict=True)
        }

    def check_any_answers(self) -> None:
        """Do nothing unless every engine of a present machine failed when it was asked last.

        Raises:
            EngineError: They all did.
        """
        in_use = {id(machine.engine) for machine in self._roster if machine.engine is not None}
        if in_use and in_use <= self._failing.keys():
            raise self._failing[in_use.pop()]

    def cost_s(self, source_id: str) -> float:
        """Return what a window of a source lately cost, in seconds of the judging thread. From any thread."""
        machine = self._roster.get(source_id)
        return UNKNOWN_COST_S if machine is None else self._costs_s.get(id(machine.engine), UNKNOWN_COST_S)

    def let_go(self, machine: Machine) -> None:
        """Close the engine of a machine that has left, unless another needs it."""
        if machine.engine is not None and self._roster.close_unused(machine.engine):
            self._costs_s.pop(id(machine.engine), None)
            self._failing.pop(id(machine.engine), None)

    def _note_failure(self, engine: int, machine: Machine, error: EngineError) -> None:
        if engine not in self._failing:
            self._log.error(
                "an engine fails; its windows are not judged",
                bundle=machine.ear.bundle.bundle_id,
                reason=str(error),
            )
        self._failing[engine] = error

    def _note_answer(self, engine: int, machine: Machine) -> None:
        if self._failing.pop(engine, None) is not None:
            self._log.info("an engine answers again", bundle=machine.ear.bundle.bundle_id)

    def _note_cost(self, engine: int, cost_s: float) -> None:
        known_s = self._costs_s.get(engine, cost_s)
        self._costs_s[engine] = known_s + COST_SHARE * (cost_s - known_s)
