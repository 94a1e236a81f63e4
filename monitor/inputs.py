"""The inputs that are open, each with its capture task, and what changes of them while the daemon runs.

An input is a sound card, an address or a file; sources that name the same one share it (`input_key`). Only
an input whose own sources are configured otherwise than before is closed and opened anew; all others are
heard on without a hole.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from monitor.capture import Capture
from monitor.config import Config, SourceConfig
from monitor.lane import Lane
from monitor.machine import Machine
from monitor.sources import Source, open_sources
from monitor.supervisor import Supervisor, Task

ROOM_WITHIN_S = 2.0
"""For so long a capture that is to end may wait for room in the queue."""
MakeLane = Callable[[Machine], Lane]
_Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Input:
    """An input that is listened to, or is about to be."""

    sources: Mapping[str, SourceConfig]
    """Those that hear it."""
    capture: Capture
    task: Task


@dataclass(frozen=True, slots=True)
class InputChange:
    """What a new configuration makes of the inputs: opened, but not listened to yet."""

    ends: Sequence[_Key]
    """No longer wanted, or to be opened anew."""
    begins: Mapping[_Key, Callable[[], _Input]]
    """Makes the input, when all its lanes are there."""
    drop: Callable[[], None]
    """Closes again what was opened."""


class Inputs:
    """Owns captures and lanes. Changed by one thread at a time."""

    def __init__(self, config: Config, machines: Iterable[Machine], make_lane: MakeLane) -> None:
        """Open all that the configuration names; nothing is heard before `start`.

        Raises:
            SourceError: One of them can never work.
        """
        self._make_lane = make_lane
        self._lanes: Mapping[str, Lane] = {one.source_id: make_lane(one) for one in machines}
        self._inputs: dict[_Key, _Input] = {}
        self._changing = False
        change = self.prepare(config)
        self._inputs = {key: make() for key, make in change.begins.items()}

    @property
    def lanes(self) -> Iterable[Lane]:
        """Those of all sources."""
        return self._lanes.values()

    @property
    def captures(self) -> Sequence[Capture]:
        """Those of all inputs that are listened to."""
        return [each.capture for each in list(self._inputs.values())]

    @property
    def have_all_ended(self) -> bool:
        """Whether no sound will come any more."""
        if self._changing:
            return False
        return all(capture.source.finished for capture in self.captures)

    def start(self, supervisor: Supervisor) -> None:
        """Begin to listen."""
        for each in self._inputs.values():
            supervisor.start(each.task)

    def stop(self, supervisor: Supervisor, timeout_s: float) -> list[str]:
        """End all captures and hand on the tails; return the names of those still busy, whose tails stay."""
        busy = self._end(list(self._inputs.values()), supervisor, timeout_s)
        for each in self._inputs.values():
            if each.task.name not in busy:
                for source_id in each.sources:
                    self._lanes[source_id].finish()
        return busy

    def prepare(self, config: Config) -> InputChange:
        """Open what a configuration needs that is not open as it has to be.

        Raises:
            SourceError: One of them can never work; all that was opened is closed again.
        """
        wanted: dict[_Key, dict[str, SourceConfig]] = {}
        for source in config.sources:
            wanted.setdefault(source.input_key, {})[source.id] = source
        stays = {key for key, each in self._inputs.items() if _sounds_alike(each.sources, wanted.get(key))}
        begins: dict[_Key, Callable[[], _Input]] = {}
        with contextlib.ExitStack() as undo:
            for key, sources in wanted.items():
                if key not in stays:
                    opened = _opened(sources)
                    undo.callback(opened.close)
                    begins[key] = functools.partial(self._made, sources, opened)
            drop = undo.pop_all().close
        return InputChange([key for key in self._inputs if key not in stays], begins, drop)

    def end(self, change: InputChange, supervisor: Supervisor, timeout_s: float) -> list[str]:
        """Stop listening to what ends; return the names of captures that are still busy."""
        self._changing = True
        return self._end([self._inputs.pop(key) for key in change.ends], supervisor, timeout_s)

    def lane_of(self, source_id: str) -> Lane:
        """Return the lane of a source.

        Raises:
            KeyError: There is no such source.
        """
        return self._lanes[source_id]

    def leave(self, source_ids: Collection[str]) -> None:
        """Forget the lanes of sources whose inputs have ended."""
        self._lanes = {name: lane for name, lane in self._lanes.items() if name not in source_ids}

    def join(self, machine: Machine) -> None:
        """Make the lane of a source whose input is about to begin."""
        self._lanes = {**self._lanes, machine.source_id: self._make_lane(machine)}

    def begin(self, change: InputChange, supervisor: Supervisor) -> None:
        """Listen to what begins; sources that were heard before go on counting."""
        for key, make in change.begins.items():
            made = make()
            for source_id in made.sources:
                self._lanes[source_id].go_on()
            self._inputs[key] = made
            supervisor.start(made.task)
        self._changing = False

    def _end(self, inputs: Sequence[_Input], supervisor: Supervisor, timeout_s: float) -> list[str]:
        """End captures; one that waits for room, as a file may, soon has its windows dropped instead."""
        tasks = [each.task for each in inputs]
        room_within_s = min(ROOM_WITHIN_S, timeout_s / 2)
        if not supervisor.stop(tasks, room_within_s):
            return []
        for source_id in [name for each in inputs for name in each.sources]:
            self._lanes[source_id].hurry()
        return supervisor.stop(tasks, timeout_s - room_within_s)

    def _made(self, sources: Mapping[str, SourceConfig], source: Source) -> _Input:
        capture = Capture(source, self._lanes)
        return _Input(sources, capture, capture.task())


def _sounds_alike(now: Mapping[str, SourceConfig], wanted: Mapping[str, SourceConfig] | None) -> bool:
    """Whether an input of these sources need not be opened anew."""
    if wanted is None or now.keys() != wanted.keys():
        return False
    return all(now[name].hearing == wanted[name].hearing for name in now)


def _opened(sources: Mapping[str, SourceConfig]) -> Source:
    """Open the one input of sources that share it.

    Raises:
        SourceError: It can never work.
    """
    (source,) = open_sources(list(sources.values()))
    return source
