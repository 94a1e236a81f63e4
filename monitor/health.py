"""What is known of how the daemon is, in one place; MQTT, /metrics, `wheeltapper status` and systemd tell it.

Facts are noted by the threads that know them; nothing here decides anything. Once a second they become one
`monitor.report.Report`, from which all four places are told.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from engines.histogram import Histogram, HistogramCounts
from monitor.drift.facts import DriftFacts
from monitor.keeping_up import NO_WINDOWS, Lately, PaceMeter, percent, share_of
from monitor.messages import (
    RUNS,
    AlarmState,
    CaptureHealth,
    CaptureState,
    MachineCondition,
    Quality,
    Score,
    SignalState,
)
from monitor.operators import Limits
from monitor.shadow.facts import ShadowFacts
from monitor.store.retention.report import RetentionFacts
from monitor.trends import Trend, TrendSteps
from monitor.window import Ledger
from monitor.window_queue import Passed

STARTING = "starting"
"""The reason of a source that has not said anything yet."""


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """What is known of one source."""

    capture: CaptureHealth
    """The last that its capture said of it."""
    bundle_id: str | None
    """The bundle that judges it; None: it waits for its first, and nothing is judged."""
    backend: str | None
    """The library that answers, with its version, place and precision; None with `bundle_id`."""
    fallback: str = ""
    """Why no better backend answers where `auto` was set; empty: this one was the choice."""
    knows_another: bool = False
    """Whether the bundle knows the simulated pump alone, and the source is something else."""
    quality: Quality | None = None
    """Of the last window; None before the first."""
    level_dbfs: float | None = None
    """Of the last window."""
    value: float | None = None
    """The last score, in units of the alarm limit."""
    expected_per_day: float | None = None
    """False alarms a day at the last score."""
    alarm: AlarmState = AlarmState.NORMAL
    """State after its last change."""
    uncertain: bool = False
    """Whether the input cannot be judged at present, so that the state of the alarm is frozen."""
    machine: MachineCondition = RUNS
    """Whether the machine runs; while it is off nothing is judged."""
    limits: Limits | None = None
    """What its scores are held against; None: not told yet."""
    lag_s: float | None = None
    """From the end of the last window's sound to its score."""
    windows: int = 0
    """Judged, or found unfit for it, since the start; those that were dropped are not among them."""
    dropped_windows: int = 0
    """Given up because the engine could not keep up."""
    keeps_up: bool = True
    """Whether no window was given up in the last minute, and the engine comes back."""
    stands_still: bool = False
    """Whether the engine has not come back for so long that the state of the alarm is not to be believed."""
    lately: Lately = NO_WINDOWS
    """What became of the windows of the last minute."""
    ledger: Ledger | None = None
    """Where every sample went, at the model's rate; None before the first."""
    drift: DriftFacts | None = None
    """Whether its normal sound has moved; None: not looked into yet."""
    shadow: ShadowFacts | None = None
    """How its candidate is getting on; None: it has none."""


@dataclass(frozen=True, slots=True)
class QueueFacts:
    """One of the daemon's bounded queues."""

    waiting: int
    """In it now."""
    limit: int
    """With so many it is full."""


@dataclass(frozen=True, slots=True)
class BoxFacts:
    """What is known of the daemon as a whole."""

    version: str
    """Of the installed package."""
    pid: int
    """The daemon's process."""
    started_utc_s: float
    """When this process began, by the clock as it is now."""
    broker: str
    """`connected`, `away`, `stalled` (connected, but nothing is acknowledged), `not yet connected`, `off`."""
    clock_set: bool = True
    """Whether the wall clock can be right; else nothing that is dated can be trusted."""
    broker_error: str = ""
    """What last went wrong with the connection; empty when nothing has since it was made."""
    sparkplug: str = "off"
    """`connected`, `waiting` (for the primary host), `away`, `off`."""
    sparkplug_error: str = ""
    """What last went wrong with that connection; empty when nothing has since it was made."""
    outbox_records: int | None = 0
    """Events, replies and thinned scores that wait for the broker; None: the store does not answer."""
    outbox_by_reader: Mapping[str, int] | None = None
    """The same, for each protocol that reads them; None: the store does not answer."""
    queues: Mapping[str, QueueFacts] = field(default_factory=dict)
    """What waits for a thread."""
    store_error: str | None = None
    """Why alarms cannot be stored at present."""
    unsaved_changes: int = 0
    """Alarm changes that wait for the store."""
    clips_error: str | None = None
    """Why no clips and maps are written at present."""
    retention: RetentionFacts = field(default_factory=RetentionFacts)
    """What of clips and maps was removed, and why not more."""
    kept_bytes: int | None = None
    """Clips and maps on disk, as of a minute ago at most; None: the store does not answer."""
    free_bytes: int | None = None
    """What the daemon may still write to the disk of the state directory; None: the disk does not answer."""
    watchdog_s: float | None = None
    """Within so long systemd wants a sign that work has moved; None: nobody watches."""
    restarted_threads: int = 0
    """Times that the supervisor had to start a thread again."""
    refused_commands: int = 0
    """Commands that were not done, readable or not, since the start; the record says which."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """Losses that have no place elsewhere: dropped messages, clips, commands."""


class HealthBook:
    """The facts, by source; thread-safe.

    Notes come with every block and every window, questions once a second: what was noted is kept as it came
    and put into the facts when somebody asks, for a new record of all of them costs ten microseconds.
    """

    def __init__(self, facts: Sequence[SourceFacts]) -> None:
        self._lock = threading.Lock()
        self._facts: dict[str, SourceFacts] = {}
        self._news: dict[str, dict[str, Any]] = {}
        """Of each source what differs from its facts, by the names of their fields."""
        self._windows: dict[str, int] = {}
        self._paces: dict[str, PaceMeter] = {}
        self._trends: dict[str, Trend] = {}
        self._lags: dict[str, Histogram] = {}
        self._stands_still = False
        for fact in facts:
            self.join(fact)

    def join(self, facts: SourceFacts) -> None:
        """Take in a source that was not here."""
        source_id = facts.capture.source_id
        with self._lock:
            self._facts[source_id], self._news[source_id] = facts, {}
            self._windows[source_id] = facts.windows
            self._trends[source_id], self._lags[source_id] = Trend(), Histogram()

    def leave(self, source_id: str) -> None:
        """Forget a source."""
        with self._lock:
            for known in (self._facts, self._news, self._windows, self._paces, self._trends, self._lags):
                known.pop(source_id, None)

    def arrange(self, source_ids: Sequence[str]) -> None:
        """Put the sources into this order; those that are not named come last."""
        with self._lock:
            first = {name: self._facts[name] for name in source_ids if name in self._facts}
            self._facts = {**first, **self._facts}

    def note_model(self, facts: SourceFacts) -> None:
        """Note by which bundle and backend a source is judged from now on."""
        with self._lock:
            self._news[facts.capture.source_id].update(
                bundle_id=facts.bundle_id,
                backend=facts.backend,
                fallback=facts.fallback,
                knows_another=facts.knows_another,
            )

    def note_capture(self, healths: Sequence[CaptureHealth]) -> None:
        """Note how sources are, as their capture says."""
        with self._lock:
            for health in healths:
                self._news[health.source_id]["capture"] = health

    def note_ledger(self, source_id: str, ledger: Ledger) -> None:
        """Note where every sample of a source went."""
        with self._lock:
            self._news[source_id]["ledger"] = ledger

    def note_score(self, score: Score, *, lag_s: float) -> None:
        """Note how the last window of a source went."""
        span = score.span
        with self._lock:
            self._news[span.source_id].update(
                quality=span.quality,
                level_dbfs=span.level_dbfs,
                value=score.value,
                expected_per_day=score.expected_per_day,
            )
            self._trends[span.source_id].add(score)
            if span.quality is Quality.DROPPED:  # no work done: systemd's watchdog is fed with work
                return
            self._windows[span.source_id] += 1
            self._news[span.source_id].update(lag_s=lag_s, windows=self._windows[span.source_id])
            self._lags[span.source_id].note(lag_s)

    def note_alarm(self, source_id: str, state: AlarmState, limits: Limits, *, uncertain: bool) -> None:
        """Note the state of a source's alarm, whether it is frozen, and the limits in force."""
        with self._lock:
            self._news[source_id].update(alarm=state, limits=limits, uncertain=uncertain)

    def note_machine(self, source_id: str, machine: MachineCondition) -> None:
        """Note whether a machine runs."""
        with self._lock:
            self._news[source_id]["machine"] = machine

    def note_passed(self, passed: Mapping[str, Passed]) -> None:
        """Note how many windows of each source were handed in and given up; unknown ones are passed over."""
        now_s = time.monotonic()
        with self._lock:
            for source_id in passed.keys() & self._facts.keys():
                counts = passed[source_id]
                keeps_up, lately = self._paces.setdefault(source_id, PaceMeter()).note(counts, now_s)
                self._news[source_id].update(dropped_windows=counts.dropped, keeps_up=keeps_up, lately=lately)

    def note_drift(self, source_id: str, drift: DriftFacts) -> None:
        """Note whether a source's normal sound has moved; an unknown source is passed over."""
        with self._lock:
            if source_id in self._news:
                self._news[source_id]["drift"] = drift

    def note_shadows(self, shadows: Mapping[str, ShadowFacts]) -> None:
        """Note how candidates are getting on; sources that are not named have none."""
        with self._lock:
            for source_id, news in self._news.items():
                news["shadow"] = shadows.get(source_id)

    def note_standstill(self, *, stands_still: bool) -> None:
        """Note whether judging stands still, which all sources share: then none keeps up."""
        with self._lock:
            self._stands_still = stands_still

    @property
    def all_have_spoken(self) -> bool:
        """Whether every source has delivered sound, or said why it cannot."""
        return all(
            fact.capture.received_samples or fact.capture.reason != STARTING for fact in self.sources()
        )

    def sources(self) -> Sequence[SourceFacts]:
        """Return what is known of every source, in the order of the configuration."""
        with self._lock:
            for source_id, news in self._news.items():
                if news:
                    self._facts[source_id] = replace(self._facts[source_id], **news)
                    news.clear()
            facts = list(self._facts.values())
            if not self._stands_still:
                return facts
            return [replace(fact, keeps_up=False, stands_still=True) for fact in facts]

    def trend(self, source_id: str) -> TrendSteps | None:
        """Return a source's last hour; None before its first window, and where there is no such source."""
        with self._lock:
            trend = self._trends.get(source_id)
            return None if trend is None else trend.steps()

    def lags(self, source_id: str) -> HistogramCounts:
        """Return how long after their sound a source's scores came; none where there is no such source."""
        with self._lock:
            return self._lags.get(source_id, Histogram()).counts()


def status_line(box: BoxFacts, facts: Sequence[SourceFacts]) -> str:
    """Return one line for systemd and the terminal, worst news first."""
    disk = {"STORE FAILS, alarms wait in memory": box.store_error, "no clips are written": box.clips_error}
    parts = [words for words, error in disk.items() if error is not None]
    if not box.clock_set:
        parts.append("the clock is not set")
    deaf = [fact.capture.source_id for fact in facts if fact.capture.state is not CaptureState.HEALTHY]
    if deaf:
        parts.append(f"no sound from {', '.join(deaf)}")
    raised = [
        fact.capture.source_id
        for fact in facts
        if fact.alarm in {AlarmState.UNACKNOWLEDGED, AlarmState.ACKNOWLEDGED}
    ]
    if raised:
        parts.append(f"ALARM {', '.join(raised)}")
    unlearned = [fact.capture.source_id for fact in facts if fact.bundle_id is None]
    if unlearned:
        parts.append(f"not judged, for no bundle is live yet: {', '.join(unlearned)}")
    unsure = [f.capture.source_id for f in facts if f.machine.signal is SignalState.MISSING]
    if unsure:
        parts.append(f"no signal whether it runs from {', '.join(unsure)}")
    if box.broker == "away":
        parts.append(f"broker away, {box.outbox_records} records wait")
    if box.sparkplug == "away":
        parts.append("sparkplug away")
    if box.sparkplug == "waiting":
        parts.append("sparkplug waits for its primary host")
    parts += _pace(facts)
    off = [f"{f.capture.source_id} ({f.machine.off.reason})" for f in facts if f.machine.off is not None]
    if off:
        parts.append(f"off: {', '.join(off)}")
    listening = len(facts) - len(deaf)
    return "; ".join([*parts, f"listening to {listening} of {len(facts)} sources{_losses(facts)}"])


def _pace(facts: Sequence[SourceFacts]) -> list[str]:
    """Return what is wrong with the engine's pace; empty: nothing."""
    if any(fact.stands_still for fact in facts):
        return ["THE ENGINE DOES NOT COME BACK, nothing is judged"]
    if all(fact.keeps_up for fact in facts):
        return []
    share = share_of([fact.lately for fact in facts])
    return ["can't keep up" + (f": {percent(share)} of windows dropped" if share else "")]


def _losses(facts: Sequence[SourceFacts]) -> str:
    """Return what was lost since the start, in brackets; nothing when nothing was."""
    lost = sum(fact.capture.lost_samples for fact in facts)
    dropped = sum(fact.dropped_windows for fact in facts)
    said = [f"{lost} samples lost"] * (lost > 0) + [f"{dropped} windows dropped"] * (dropped > 0)
    return f" (since the start: {', '.join(said)})" if said else ""
