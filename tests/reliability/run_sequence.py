"""Runs one sequence of faults against one real daemon and holds what comes of it against the oracles."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from fault_table import FAULTS, MARGIN_S, Fault
from oracles import (
    Blind,
    kept_in,
    lost_records,
    open_ledgers,
    silent_alarms,
    two_stories,
    unjudged_values,
    untold_records,
    wrong_normals,
)
from plant_lab import MIC, Lab, LabTimes, wait_until
from sequences import Step

RAISED_WITHIN_S = 10.0
"""From the first sound of a faulty machine to its alarm at SCADA."""
HANDED_OUT_WITHIN_S = 30.0
"""What a broker has acknowledged has reached its subscriber by then."""
PATIENCE_S = 120.0
"""Beyond the stated time, before a sequence is given up."""
FORGETFUL = {"broker down", "broker restarted"}
"""Faults in which SCADA misses what the broker was told."""


@dataclass(slots=True)
class StepResult:
    """What came of one step."""

    step: Step
    told_after_s: dict[str, float] = field(default_factory=dict)
    """For each fault that was told from outside."""
    recovered_after_s: float | None = None
    """From the end of the faults to healthy; None: it was not."""
    load: float = 0.0
    """Processes that wanted a core, on average over the minute before the step's end."""
    late: list[str] = field(default_factory=list)
    """Stated times that were not kept, which a busy machine may explain."""
    violations: list[str] = field(default_factory=list)
    """What no machine explains."""

    @property
    def late_by_itself(self) -> list[str]:
        """What was late on a machine that had a core for whoever wanted one."""
        return self.late if self.load <= (os.cpu_count() or 1) else []


@dataclass(slots=True)
class SequenceResult:
    """What came of a sequence."""

    seed: int
    steps: list[StepResult] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    """Found at its end; those of a step stand there."""
    events: int = 0
    """Transitions of alarms that SCADA was told and that had to be in the store."""
    commands: int = 0
    """Commands whose answer had to be in the store."""
    lives: int = 0
    """Of the daemon."""

    @property
    def found(self) -> list[str]:
        """All that is wrong, each with its step; what is only late counts where others left a core."""
        of_steps = [
            f"[{one.step.text}] {text}" for one in self.steps for text in one.violations + one.late_by_itself
        ]
        return of_steps + self.violations


def run_sequence(
    folder: Path,
    steps: Sequence[Step],
    seed: int,
    times: LabTimes,
    *,
    note: Callable[[StepResult], None] = lambda _result: None,
    longest_s: float = float("inf"),
) -> SequenceResult:
    """Run the steps in a lab of their own, below `folder`; `note` is told of each when it is over.

    After `longest_s` no further step is begun.
    """
    until_s = time.monotonic() + longest_s
    result = SequenceResult(seed)
    chance = random.Random(seed)
    with closing(Lab(folder, times)) as lab:
        runner = _Runner(lab, chance)
        lab.systemd.start()
        if wait_until(lambda: not lab.ails(0.0), 180.0) is None:
            result.violations.append(f"it was not healthy after its start: {lab.ails(0.0)}")
            return result
        for step in steps:
            if time.monotonic() > until_s:
                break
            result.steps.append(runner.run(step))
            note(result.steps[-1])
            if result.steps[-1].recovered_after_s is None:
                break
        result.violations += runner.judge_the_end([one.step for one in result.steps])
        result.lives = len(lab.systemd.lives)
        result.events = len(lab.scada.on("mic/event")) + len(lab.scada.on("pump/event"))
        result.commands = len(lab.scada.on("mic/reply"))
    return result


class _Runner:
    """Makes and mends faults, and remembers when."""

    def __init__(self, lab: Lab, chance: random.Random) -> None:
        self._lab = lab
        self._chance = chance
        self._blind: list[Blind] = []
        self._stores_damaged = 0
        self._since_s = 0.0
        """Since when every record must be kept: a damaged store may lose those before."""
        self._commands = 0

    def run(self, step: Step) -> StepResult:
        """Make the faults of one step, mend them, and wait until everything is well."""
        lab, result = self._lab, StepResult(step)
        faults = [FAULTS[name] for name in step.faults]
        began_s = time.monotonic()
        if step.alarmed:
            lab.microphone.play("faulty")
            self._expect_alarm(result, "before the fault")
        made_s = self._make(faults)
        self._await_told(faults, made_s, result)
        self._hold(step, faults, result)
        mending_s = time.monotonic()
        self._note_blind(step, faults, made_s, mending_s)
        for fault in faults:
            fault.heal(lab)
        self._await_health(faults, mending_s, result)
        if step.alarmed and not any(fault.group == "microphone" for fault in faults):
            self._expect_alarm(result, "after the fault, with the machine still faulty")
        self._quieten(result)
        self._note_damage()
        result.violations += self._violations_since(began_s)
        result.load = round(os.getloadavg()[0], 1)
        return result

    def judge_the_end(self, steps: Sequence[Step]) -> list[str]:
        """Stop the daemon and look at what it leaves behind."""
        lab = self._lab
        # a daemon that is just being started ends as it is
        up = lab.systemd.ready
        code = lab.systemd.stop()
        found = [] if code == 0 or not up else [f"it ended with {code} when it was stopped"]
        kept = kept_in(lab.daemon.state_dir)
        time.sleep(0.5)  # what the broker still hands out
        heard_all = not FORGETFUL & {name for step in steps for name in step.faults}
        if heard_all:
            wait_until(lambda: not untold_records(list(lab.scada.told), kept), HANDED_OUT_WITHIN_S)
        told = list(lab.scada.told)
        found += lost_records(told, kept, self._since_s) + two_stories(told) + unjudged_values(told)
        if heard_all:
            found += untold_records(told, kept)
        status = lab.daemon.status()
        found += ["no last status.json"] if status is None else open_ledgers(status)
        found += [f"{path.name} was left behind" for path in lab.daemon.state_dir.rglob("*.part")]
        return found

    def _make(self, faults: Sequence[Fault]) -> dict[str, float]:
        made_s: dict[str, float] = {}
        for fault in faults:
            if made_s:
                time.sleep(self._chance.uniform(0.0, 2.0))
            made_s[fault.name] = time.monotonic()
            fault.inflict(self._lab, self._chance)
        return made_s

    def _await_told(self, faults: Sequence[Fault], made_s: dict[str, float], result: StepResult) -> None:
        """Wait until each fault is told; one of two may hide the other, so only a single one must be."""
        lab = self._lab
        within_s = sum(fault.detect_within_s(lab.times) for fault in faults)
        until_s = max(made_s.values()) + within_s
        waiting = [fault for fault in faults if fault.seen_how]
        while waiting and time.monotonic() < until_s:
            for fault in list(waiting):
                if fault.seen(lab, made_s[fault.name]):
                    result.told_after_s[fault.name] = time.monotonic() - made_s[fault.name]
                    waiting.remove(fault)
            time.sleep(0.02)
        if waiting and len(faults) == 1:
            result.late.append(f"not told within {within_s:g} s ({faults[0].seen_how})")

    def _hold(self, step: Step, faults: Sequence[Fault], result: StepResult) -> None:
        until_s = time.monotonic() + step.hold_s
        self._acknowledge()
        if all(fault.hears for fault in faults) and not step.alarmed:
            self._lab.microphone.play("faulty")
            self._expect_alarm(result, "during the fault")
        time.sleep(max(0.0, until_s - time.monotonic()))

    def _note_blind(
        self, step: Step, faults: Sequence[Fault], made_s: dict[str, float], mending_s: float
    ) -> None:
        from_s = max(made_s.values()) + sum(fault.detect_within_s(self._lab.times) for fault in faults)
        # two on one small machine: the second may come while the first is being found
        from_s += MARGIN_S * (len(faults) - 1)
        self._blind += [
            Blind(source, from_s, mending_s, step.text)
            for fault in faults
            for source in fault.blinds
            if from_s < mending_s
        ]

    def _await_health(self, faults: Sequence[Fault], mending_s: float, result: StepResult) -> None:
        within_s = sum(fault.recover_within_s(self._lab.times) for fault in faults)
        if wait_until(lambda: not self._lab.ails(mending_s), within_s + PATIENCE_S) is None:
            result.late.append(f"never healthy again: {self._lab.ails(mending_s)}")
            return
        result.recovered_after_s = took_s = time.monotonic() - mending_s
        if took_s > within_s:
            result.late.append(f"healthy after {took_s:.1f} s, stated are {within_s:g} s")

    def _expect_alarm(self, result: StepResult, when: str) -> None:
        if wait_until(lambda: self._lab.scada.alarm(MIC).get("active"), RAISED_WITHIN_S) is None:
            result.late.append(f"no alarm within {RAISED_WITHIN_S:g} s {when}")

    def _quieten(self, result: StepResult) -> None:
        """Let the machine be well again and acknowledge, as an operator would, until nothing is open."""
        lab = self._lab
        lab.microphone.play("normal")
        if result.recovered_after_s is None:
            return
        if wait_until(lambda: not lab.scada.alarm(MIC).get("active", True), 20.0) is None:
            result.late.append("the alarm did not clear within 20 s of normal sound")
        for _ in range(5):
            if lab.scada.alarm(MIC).get("event_id") is None:
                return
            self._acknowledge()
            wait_until(lambda: lab.scada.alarm(MIC).get("event_id") is None, 2.0)
        result.late.append("the event could not be acknowledged within 10 s")

    def _acknowledge(self) -> None:
        self._commands += 1
        document = {"id": f"campaign-{self._commands}", "action": "ack", "actor": "campaign"}
        self._lab.scada.send(f"{MIC}/command", document)

    def _note_damage(self) -> None:
        said = len(self._lab.daemon.events("the store was damaged; a new one was begun"))
        if said > self._stores_damaged:
            self._stores_damaged = said
            self._since_s = time.monotonic()

    def _violations_since(self, began_s: float) -> list[str]:
        told = [one for one in list(self._lab.scada.told) if one.at_s >= began_s]
        beliefs = list(self._lab.scada.beliefs)
        blind = [one for one in self._blind if one.from_s >= began_s]
        return wrong_normals(beliefs, blind) + silent_alarms(told, beliefs)
