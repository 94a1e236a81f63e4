"""What is known of how the daemon is, in one place; MQTT, `wheeltapper status` and systemd tell the same.

Facts are noted by the threads that know them; nothing here decides anything.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from monitor.messages import AlarmState, CaptureHealth, CaptureState, Quality, Score
from monitor.operators import Limits
from monitor.trends import Trend, TrendSteps
from monitor.window import Ledger

STATUS_FILE = "status.json"
STARTING = "starting"
"""The reason of a source that has not said anything yet."""
KEEPS_UP_AFTER_S = 60.0
"""So long after the last dropped window a source is said to keep up again."""
KNOWINGLY_ABSENT = {CaptureState.RECOVERING, CaptureState.FAILED, CaptureState.ENDED}
"""States in which no sound is expected, and everybody has been told so."""


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """What is known of one source."""

    capture: CaptureHealth
    """The last that its capture said of it."""
    bundle_id: str
    """The bundle that judges it."""
    backend: str
    """The library that answers, with its version, place and precision."""
    fallback: str = ""
    """Why no better backend answers where `auto` was set; empty: this one was the choice."""
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
    limits: Limits | None = None
    """What its scores are held against; None: not told yet."""
    lag_s: float | None = None
    """From the end of the last window's sound to its score."""
    windows: int = 0
    """Judged or not, since the start."""
    dropped_windows: int = 0
    """Given up because the engine could not keep up."""
    keeps_up: bool = True
    """Whether no window was given up in the last minute."""
    ledger: Ledger | None = None
    """Where every sample went, at the model's rate; None before the first."""


@dataclass(frozen=True, slots=True)
class BoxFacts:
    """What is known of the daemon as a whole."""

    version: str
    """Of the installed package."""
    pid: int
    """The daemon's process."""
    started_utc_s: float
    """When this process began."""
    broker: str
    """`connected`, `away`, `stalled` (connected, but nothing is acknowledged), `not yet connected`, `off`."""
    broker_error: str = ""
    """What last went wrong with the connection; empty when nothing has since it was made."""
    outbox_records: int | None = 0
    """Events, replies and thinned scores that wait for the broker; None: the store does not answer."""
    store_error: str | None = None
    """Why alarms cannot be stored at present."""
    unsaved_changes: int = 0
    """Alarm changes that wait for the store."""
    clips_error: str | None = None
    """Why no clips and maps are written at present."""
    restarted_threads: int = 0
    """Times that the supervisor had to start a thread again."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """Losses that have no place elsewhere: dropped messages, clips, commands."""


class HealthBook:
    """The facts, by source; thread-safe."""

    def __init__(self, facts: Sequence[SourceFacts]) -> None:
        self._lock = threading.Lock()
        self._facts = {fact.capture.source_id: fact for fact in facts}
        self._dropped_at_s: dict[str, float] = {}
        self._trends = {source_id: Trend() for source_id in self._facts}

    def note_capture(self, healths: Sequence[CaptureHealth]) -> None:
        """Note how sources are, as their capture says."""
        with self._lock:
            for health in healths:
                self._facts[health.source_id] = replace(self._facts[health.source_id], capture=health)

    def note_score(self, score: Score, *, lag_s: float) -> None:
        """Note how the last window of a source went."""
        with self._lock:
            before = self._facts[score.span.source_id]
            self._facts[score.span.source_id] = replace(
                before,
                quality=score.span.quality,
                level_dbfs=score.span.level_dbfs,
                value=score.value,
                expected_per_day=score.expected_per_day,
                lag_s=lag_s,
                windows=before.windows + 1,
            )
            self._trends[score.span.source_id].add(score)

    def note_alarm(self, source_id: str, state: AlarmState, limits: Limits) -> None:
        """Note the state of a source's alarm, and the limits in force."""
        with self._lock:
            self._facts[source_id] = replace(self._facts[source_id], alarm=state, limits=limits)

    def note_dropped(self, dropped: Mapping[str, int]) -> None:
        """Note how many windows of each source were given up."""
        now_s = time.monotonic()
        with self._lock:
            for source_id, count in dropped.items():
                if count > self._facts[source_id].dropped_windows:
                    self._dropped_at_s[source_id] = now_s
                lately = (
                    now_s - self._dropped_at_s.get(source_id, now_s - KEEPS_UP_AFTER_S) < KEEPS_UP_AFTER_S
                )
                self._facts[source_id] = replace(
                    self._facts[source_id], dropped_windows=count, keeps_up=not lately
                )

    def note_ledger(self, source_id: str, ledger: Ledger) -> None:
        """Note where every sample of a source went."""
        with self._lock:
            self._facts[source_id] = replace(self._facts[source_id], ledger=ledger)

    @property
    def all_have_spoken(self) -> bool:
        """Whether every source has delivered sound, or said why it cannot."""
        return all(
            fact.capture.received_samples or fact.capture.reason != STARTING for fact in self.sources()
        )

    def sources(self) -> Sequence[SourceFacts]:
        """Return what is known of every source, in the order of the configuration."""
        with self._lock:
            return list(self._facts.values())

    def trend(self, source_id: str) -> TrendSteps | None:
        """Return a source's last hour; None before its first window.

        Raises:
            KeyError: There is no such source.
        """
        with self._lock:
            return self._trends[source_id].steps()


class WatchdogEvidence:
    """Decides whether work has moved, so that systemd's watchdog is fed by work and not by a timer."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, int]] = {}
        self._asked_s = -float("inf")

    def due(self, every_s: float) -> bool:
        """Say whether `every_s` has passed since it last said so."""
        now_s = time.monotonic()
        if now_s - self._asked_s < every_s:
            return False
        self._asked_s = now_s
        return True

    def moved(self, facts: Sequence[SourceFacts]) -> bool:
        """Say whether every source was captured and judged since the last call, or is knowingly absent.

        A source whose windows are all dropped has not moved: its engine hangs or is far too slow.
        """
        result = True
        for fact in facts:
            now = (fact.capture.received_samples + fact.capture.lost_samples, fact.windows)
            before = self._seen.get(fact.capture.source_id)
            self._seen[fact.capture.source_id] = now
            if before is None or fact.capture.state in KNOWINGLY_ABSENT:
                continue
            result = result and now[0] > before[0] and now[1] > before[1]
        return result


def status_line(box: BoxFacts, facts: Sequence[SourceFacts]) -> str:
    """Return one line for systemd and the terminal, worst news first."""
    parts = []
    if box.store_error is not None:
        parts.append("STORE FAILS, alarms wait in memory")
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
    if box.broker == "away":
        parts.append(f"broker away, {box.outbox_records} records wait")
    if not all(fact.keeps_up for fact in facts):
        parts.append("can't keep up")
    listening = len(facts) - len(deaf)
    return "; ".join([*parts, f"listening to {listening} of {len(facts)} sources"])


def write_status(
    state_dir: Path, box: BoxFacts, facts: Sequence[SourceFacts], *, line: str | None = None
) -> None:
    """Replace status.json, which `wheeltapper status` reads; `line` stands in for the status line.

    Raises:
        OSError: It cannot be written; health is told elsewhere too.
    """
    tree = {
        "updated_utc_s": time.time(),
        "line": status_line(box, facts) if line is None else line,
        "box": asdict(box),
        "sources": [asdict(fact) for fact in facts],
    }
    part = state_dir / (STATUS_FILE + ".part")
    part.write_text(json.dumps(tree), encoding="utf-8")
    part.replace(state_dir / STATUS_FILE)
