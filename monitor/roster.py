"""The machines that are listened to at present: the one place that knows who joins, leaves, or is succeeded.

Whoever deals with machines asks here each time anew and keeps no list. A machine that gets another bundle,
calibration or input is succeeded by another one of the same source (`successor_of`), with the same alarm.
From then on the source's windows are cut for the successor, and it is present once the first of them is
judged: each window is judged by the machine that it was cut for, never by another.

Any thread may ask. What is asked is replaced whole and never changed, so that nobody waits and a loop over
the machines sees them as they were at one moment.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence

from engines.runtime import Engine
from monitor.alarm import AlarmSnapshot
from monitor.machine import Machine
from monitor.messages import Span
from monitor.models import Model


class Roster:
    """The machines, in the order of the configuration. Read by all.

    The judging thread alone lets machines join, be expected, succeed and leave; whoever prepares a change
    holds and releases bundles.
    """

    def __init__(self, machines: Iterable[Machine]) -> None:
        self._changing = threading.Lock()
        self._present: Mapping[str, Machine] = {machine.source_id: machine for machine in machines}
        self._coming: Mapping[tuple[str, int], Machine] = {}
        self._held: Sequence[Model] = ()
        self._given_up_clips = self._missed_windows = 0

    def __iter__(self) -> Iterator[Machine]:
        return iter(self._present.values())

    def __len__(self) -> int:
        return len(self._present)

    def get(self, source_id: str) -> Machine | None:
        """Return the present machine of a source; None: there is no such source."""
        return self._present.get(source_id)

    def alarm_of(self, source_id: str) -> AlarmSnapshot | None:
        """Return the present alarm of a source; None: there is no such source."""
        machine = self.get(source_id)
        return None if machine is None else machine.alarm.snapshot

    def judge_of(self, span: Span) -> Machine:
        """Return the machine that the window over `span` was cut for.

        Raises:
            KeyError: It has left, or was never expected: a defect of the caller.
        """
        present = self._present[span.source_id]
        return present if span.machine == present.number else self._coming[span.source_id, span.machine]

    def knows(self, span: Span) -> bool:
        """Whether the machine that the window over `span` was cut for is here."""
        present = self._present.get(span.source_id)
        return present is not None and (
            span.machine == present.number or (span.source_id, span.machine) in self._coming
        )

    def newest(self, source_id: str) -> Machine | None:
        """Return the machine that a source has or will have: the last expected one, else the present one."""
        coming = [machine for (name, _), machine in self._coming.items() if name == source_id]
        return max(coming, key=lambda machine: machine.number, default=self._present.get(source_id))

    def is_present(self, machine: Machine) -> bool:
        """Whether it is the present one of its source, and not one to come."""
        return self._present.get(machine.source_id) is machine

    def join(self, machine: Machine) -> None:
        """Take in a source that was not here."""
        with self._changing:
            self._present = {**self._present, machine.source_id: machine}

    def expect(self, successor: Machine) -> None:
        """Know a machine to come; to be called before any window is cut for it."""
        with self._changing:
            self._coming = {**self._coming, (successor.source_id, successor.number): successor}

    def succeed(self, successor: Machine) -> Sequence[Machine]:
        """Let an expected machine be the present one of its source.

        Returns those that are gone by this: the one before, and expected ones that are passed over.
        """
        source_id = successor.source_id
        with self._changing:
            over = {
                key: machine
                for key, machine in self._coming.items()
                if key[0] == source_id and key[1] <= successor.number
            }
            gone = [one for one in (self._present[source_id], *over.values()) if one is not successor]
            self._present = {**self._present, source_id: successor}
            self._coming = {key: one for key, one in self._coming.items() if key not in over}
        return gone

    def leave(self, source_id: str) -> Sequence[Machine]:
        """Let go of a source; what it lost stays counted. Returns its machines, those to come too."""
        with self._changing:
            gone = self._present[source_id]
            coming = [one for key, one in self._coming.items() if key[0] == source_id]
            self._given_up_clips += gone.clips.dropped_clips
            self._missed_windows += gone.clips.missed_windows
            self._present = {name: one for name, one in self._present.items() if name != source_id}
            self._coming = {key: one for key, one in self._coming.items() if key[0] != source_id}
        return [gone, *coming]

    def arrange(self, source_ids: Sequence[str]) -> None:
        """Put the machines into this order; those that are not named come last."""
        with self._changing:
            first = {name: self._present[name] for name in source_ids if name in self._present}
            self._present = {**first, **self._present}

    def hold(self) -> Sequence[Model]:
        """Keep the bundles that are open from being closed, until `release`; return them."""
        self._held = self.models
        return self._held

    def release(self) -> None:
        """Close those of the held bundles that nobody uses by now."""
        held, self._held = self._held, ()
        for model in held:
            self.close_unused(model.engine)

    def close_unused(self, engine: Engine) -> bool:
        """Close an engine unless a machine that is present or expected needs it, or it is held."""
        is_unused = all(engine is not model.engine for model in self.models)
        if is_unused:
            engine.close()
        return is_unused

    @property
    def source_ids(self) -> tuple[str, ...]:
        """Every source, in order."""
        return tuple(self._present)

    @property
    def everyone(self) -> Sequence[Machine]:
        """Every machine, those to come too."""
        return (*self._present.values(), *self._coming.values())

    @property
    def awaited(self) -> Sequence[Machine]:
        """Of every source that has machines to come the newest one."""
        coming = self._coming
        return [coming[key] for key in dict(sorted(coming)).items()]  # of each source the highest number

    @property
    def engines(self) -> Sequence[Engine]:
        """Every engine that is in use or about to be, each once."""
        return [model.engine for model in self.models]

    @property
    def models(self) -> Sequence[Model]:
        """Every opened bundle that is in use or about to be, each once."""
        models = (*(machine.model for machine in self.everyone), *self._held)
        return list({id(model.engine): model for model in models if model is not None}.values())

    @property
    def given_up_clips(self) -> int:
        """Finished clips that nobody took in time, of all sources there ever were."""
        return self._given_up_clips + sum(machine.clips.dropped_clips for machine in self)

    @property
    def missed_windows(self) -> int:
        """Flagged windows that came too late for their clips, of all sources there ever were."""
        return self._missed_windows + sum(machine.clips.missed_windows for machine in self)
