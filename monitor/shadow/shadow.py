"""The shadow run of a daemon: whose turn it is, and what is told of the candidates.

    hear        judging thread   puts a window down and goes on
    run_once    shadow thread    looks who has a candidate, opens, asks, keeps
    look_after  main thread      replaces the shadow thread when an engine does not come back

A candidate is asked only while no window waits for a live bundle, a few windows at a time, and within
shadow.cpu_share. The thread has no lower priority than others: whoever holds the interpreter's lock and does
not get to run keeps the judging thread waiting.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from engines.errors import CodedError
from monitor.config import Config
from monitor.inferring import Answer
from monitor.listening import inferences_from_logmels
from monitor.logs import Log
from monitor.machine import Machine
from monitor.messages import Inference, LogMel, Score
from monitor.shadow.around import Surroundings
from monitor.shadow.budget import CpuBudget
from monitor.shadow.evidence import Evidence
from monitor.shadow.facts import ShadowFacts, ShadowState
from monitor.shadow.hangs import Hangs, ReplacedError
from monitor.shadow.queue import ShadowQueue
from monitor.shadow.roll import Roll
from monitor.shadow.team import UNEXPECTED, Member, Team
from monitor.shadow.telling import facts_of_member, facts_of_team
from monitor.shadow.watch import Heard
from monitor.supervisor import Supervisor, Task, guarded

LOOK_EVERY_S = 2.0
"""Between two looks at the libraries."""
KEEP_EVERY_S = 5.0
"""Between two writes of what was found: a kill loses no more."""
CALL_WINDOWS = 8
"""Most windows in one call: one that comes for a live bundle meanwhile does not wait long for the CPU."""
ASK_EVERY_S = 0.25
"""While there are candidates: between two looks whether they may be asked again."""
LET_PASS_S = 0.01
"""Between two looks whether windows still wait for a live bundle."""
ANSWER_WITHIN_S = 30.0
"""A call that takes longer hangs."""
HANGS_MAX = 3
"""So many threads may be given up; then no candidate is asked any more until the daemon starts anew."""
FAILURES_MAX = 3
"""So many calls in a row in which a candidate's engine may fail."""


class Shadow:
    """Knows the candidates of all sources."""

    def __init__(
        self,
        config: Config,
        around: Surroundings,
        log: Log,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config = config
        self._around = around
        self._log = log
        self._monotonic = monotonic
        self._queue = ShadowQueue()
        self._budget = CpuBudget(config.shadow.cpu_share, monotonic=monotonic)
        self._roll = Roll(log)
        self._hangs = Hangs(monotonic=monotonic)
        self._team = Team(config, self._hangs, log, monotonic=monotonic)
        self._evidence = Evidence(around.store, around.sounds, log)
        self._failures: Counter[int] = Counter()
        self._why = ""
        self._cpu_s: dict[str, float] = {}
        self._listens: tuple[frozenset[str], bool] | None = None
        self._look_at_s = self._keep_at_s = monotonic()
        self._task: Task | None = None
        self._facts: Mapping[str, ShadowFacts] = {}

    # the judging thread ---------------------------------------------------------------------------

    def hear(self, machine: Machine, score: Score, answer: Answer | None) -> None:
        """Take a window that has been judged; never waits."""
        if score.span.source_id not in self._queue.sources or score.bundle_id is None:
            return
        logmel = None if answer is None else answer[0]
        self._queue.put(Heard(machine, score, logmel, machine.alarm.snapshot))

    # the main thread ------------------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        """How many windows wait for candidates; at most CAPACITY_WINDOWS."""
        return len(self._queue)

    def start(self, supervisor: Supervisor, wait_s: float) -> None:
        """Start the thread; again, when the one before was given up."""
        task = Task("shadow", lambda: self.run_once(wait_s), wake=self._queue.close)
        self._task = supervisor.start(task)

    def look_after(self, supervisor: Supervisor, wait_s: float) -> None:
        """Replace the shadow thread if an engine keeps it for too long."""
        if self._task is None or not self._hangs.overdue():
            return
        self._task.stopping.set()
        if self._hangs.count >= HANGS_MAX:
            self._give_up()
            return
        self.start(supervisor, wait_s)

    def _give_up(self) -> None:
        """Ask no candidate any more, and have that told of all of them: no thread is left that would."""
        reason = f"{HANGS_MAX} candidates did not come back; none is asked until the daemon starts anew"
        self._log.error(reason)
        self._queue.listen_to((), rests=True)
        self._task = None
        told = self._facts.items()
        self._facts = {name: replace(one, state=ShadowState.SET_ASIDE, reason=reason) for name, one in told}
        self._around.tell(self._facts)

    def stop(self, supervisor: Supervisor, timeout_s: float) -> list[str]:
        """End the thread and keep what it found; return its name if it is still busy."""
        task, self._task = self._task, None
        busy = [] if task is None else supervisor.stop([task], timeout_s)
        if task is not None and not busy:
            self._queue.listen_to((), rests=True)
            self._keep()
            self._team.close_all()
        return busy

    @property
    def facts(self) -> Mapping[str, ShadowFacts]:
        """What is known of each source's candidate, as of seconds ago; sources without one are absent."""
        return self._facts

    # the shadow thread ----------------------------------------------------------------------------

    def run_once(self, timeout_s: float) -> None:
        """Do what is due: look, ask, keep; waits at most `timeout_s` for a window."""
        try:
            self._look()
            if (
                self._queue.wait(min(timeout_s, ASK_EVERY_S) if self._team.members else timeout_s)
                and not self._budget.rests
            ):
                self._ask()
            if self._monotonic() >= self._keep_at_s:
                self._keep()
        except ReplacedError:  # another thread goes on
            return

    def _look(self) -> None:
        for source_id in self._hangs.take_hung():
            self._evidence.forget(source_id)
            self._team.abandon(source_id)
        if self._monotonic() >= self._look_at_s:
            self._look_at_s = self._monotonic() + LOOK_EVERY_S
            self._config = config = self._around.config_now()
            self._budget.share = config.shadow.cpu_share
            known = set(self._team.members)
            self._team.follow(config, self._roll.wanted(config))
            for source_id in known - set(self._team.members):
                self._evidence.forget(source_id)
            self._team.note_proven()
        listens = (frozenset(self._team.members), self._budget.rests)
        if listens != self._listens:
            self._queue.listen_to(listens[0], rests=listens[1])
            self._listens = listens

    def _ask(self) -> None:
        """Have the oldest window's candidate judge it, and others of the same engine with it."""
        if self._around.live_waiting():
            time.sleep(LET_PASS_S)
            return
        batch = self._queue.take(CALL_WINDOWS, self._engine_of)
        members = [self._team.members.get(heard.score.span.source_id) for heard in batch]
        known = [(heard, one) for heard, one in zip(batch, members, strict=True) if one is not None]
        if not known:
            return
        began_s = time.perf_counter()
        sources = sorted({heard.score.span.source_id for heard, _ in known})
        with self._hangs.during(sources, ANSWER_WITHIN_S):
            logmels = [self._logmels_for(heard, one) for heard, one in known]
            answers = self._answers(known[0][1], [each for some in logmels for each in some or ()])
        if answers is None:
            self._queue.give_back([heard for heard, _ in known])
            self._note_failure(sources, known[0][1])
        else:
            rest = iter(answers)
            for (heard, one), some in zip(known, logmels, strict=True):
                self._take(heard, one, None if some is None else [next(rest) for _ in some])
        spent_s = time.perf_counter() - began_s
        self._budget.spend(spent_s)
        for source_id in sources:
            self._cpu_s[source_id] = self._cpu_s.get(source_id, 0.0) + spent_s / len(sources)
        if any(one.watch.changes for _, one in known):
            self._keep()

    def _logmels_for(self, heard: Heard, member: Member) -> Sequence[LogMel] | None:
        """Return what the candidate is to be given; None: its windows cannot be made."""
        found: list[Sequence[LogMel]] = []
        guarded(
            self._log,
            "a candidate failed",
            lambda: found.append(list(member.watch.logmels(heard))),
            source=member.watch.source_id,
        )
        return found[0] if found else None

    def _take(self, heard: Heard, member: Member, inferences: Sequence[Inference] | None) -> None:
        """Have a window's answers judged; a candidate that fails at that is set aside, and no other."""
        source_id = member.watch.source_id
        if self._team.members.get(source_id) is not member:  # it failed at the window before
            return
        if inferences is not None and guarded(
            self._log,
            "a candidate failed",
            lambda: member.watch.take(heard, inferences),
            source=source_id,
        ):
            return
        self._evidence.forget(source_id)
        self._team.set_aside(source_id, UNEXPECTED)

    def _engine_of(self, heard: Heard) -> int:
        member = self._team.members.get(heard.score.span.source_id)
        return 0 if member is None else id(member.watch.candidate.model.engine)

    def _answers(self, member: Member, logmels: Sequence[LogMel]) -> list[Inference] | None:
        """Return the engine's answers; None: it failed."""
        found: list[list[Inference]] = []
        engine = member.watch.candidate.model.engine

        def asking() -> None:
            try:
                found.append(inferences_from_logmels(engine, logmels) if logmels else [])
            except CodedError as error:
                self._log.warning(
                    "a candidate's engine fails", bundle=engine.bundle.bundle_id, reason=str(error)
                )
                self._why = str(error)

        self._why = UNEXPECTED
        guarded(self._log, "a candidate failed", asking, source=member.watch.source_id)
        if found:
            self._failures.pop(id(engine), None)
        return found[0] if found else None

    def _note_failure(self, source_ids: Sequence[str], member: Member) -> None:
        engine = member.watch.candidate.model.engine
        self._failures[id(engine)] += 1
        if self._failures[id(engine)] < FAILURES_MAX:
            return
        self._failures.pop(id(engine))
        for source_id in source_ids:
            self._evidence.forget(source_id)
            self._team.set_aside(source_id, f"its engine failed {FAILURES_MAX} times in a row: {self._why}")

    def _keep(self) -> None:
        self._keep_at_s = self._monotonic() + KEEP_EVERY_S
        for (source_id, bundle_id), skipped in self._queue.take_skipped().items():
            member = self._team.members.get(source_id)
            if member is not None:
                member.watch.skip(skipped.count, skipped.at_utc_s, bundle_id, skipped.hop_s)
        self._evidence.keep(self._team.watches)
        self._facts = facts_of_team(self._team, self._told)
        self._around.tell(self._facts)

    def _told(self, source_id: str, member: Member) -> ShadowFacts:
        watch, machine = member.watch, self._around.roster.get(source_id)
        live = "" if machine is None else machine.bundle_id or ""
        return facts_of_member(
            member,
            run=self._evidence.run_of(source_id, live, watch.candidate.version),
            found=self._around.verdict(source_id, watch.candidate.version),
            cpu_s=self._cpu_s.get(source_id, 0.0),
            lost_windows=self._evidence.lost[source_id],
        )
