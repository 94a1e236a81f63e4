"""Decides for one source, window by window, whether its machine is off and whether the window is judged.

    any condition holds                -> off, on record from the end of that window
    none holds any more                -> it settles: still off until sound begins that is settle_s later
    a window too quiet for a machine   -> not judged, although off only after level.after_s
    a deaf microphone                  -> keeps its own quality: that is a fault at any time

So a machine that stops is not judged once it is too quiet, and one that starts not before it has settled.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from monitor.clock import is_set, utc_text
from monitor.config.off import OffConfig
from monitor.messages import (
    DEAF_QUALITIES,
    RUNS,
    SAME_TIME_S,
    MachineCondition,
    MachineOff,
    OffCause,
    Quality,
    SignalState,
    Span,
)
from monitor.off.level import LevelCondition
from monitor.off.schedule import ScheduleCondition
from monitor.off.signal import Said, signal_from_said


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is decided at one window."""

    machine: MachineCondition
    """Whether the machine runs, from the end of this window on."""
    span: Span
    """The window's own, with quality OFF where it is not to be judged."""
    is_news: bool = False
    """Whether `machine` differs from what was decided at the window before."""


class OffWatch:
    """Pure: time comes with the windows and as an argument. Belongs to the thread that judges."""

    def __init__(self, section: OffConfig | None, *, was: MachineOff | None = None) -> None:
        """`was`: how it was before a restart. What said so then is believed until it can be known again.

        A section that is None has no conditions: the machine always runs.
        """
        self.machine = RUNS if was is None else MachineCondition(off=was)
        """What was decided last."""
        self._section: OffConfig | None = None
        self._level: LevelCondition | None = None
        self._take(section)

    @property
    def section(self) -> OffConfig | None:
        """The section that holds."""
        return self._section

    def configure(self, section: OffConfig | None) -> None:
        """Take another section of the configuration; a machine that is off stays so until that differs."""
        if section != self._section:
            self._take(section)

    def _take(self, section: OffConfig | None) -> None:
        was = () if self.machine.off is None else self.machine.off.causes
        level = None if section is None else section.level
        schedule = None if section is None else section.schedule
        same_level = self._section is not None and self._section.level == level
        self._section = section
        if level is None:
            self._level = None
        elif not same_level:  # one that is the same goes on with what it has heard
            self._level = LevelCondition(level, was_off=OffCause.LEVEL in was)
        self._schedule = None if schedule is None else ScheduleCondition(schedule)
        self._believed: Said | None = None
        self._believe_signal = OffCause.SIGNAL in was
        self._settles: Span | None = None

    def hear(self, span: Span, said: Said | None, now_s: float) -> Verdict:
        """Take the next window, and what the signal said last; `now_s` is monotonic, as in `Said`."""
        section, before = self._section, self.machine
        if section is None:
            self.machine = RUNS
            return Verdict(RUNS, span, before is not RUNS)
        signal, missing, held = self._held(section, span, said, now_s)
        if held:
            self._settles = None
        elif self.machine.off is not None and not self._has_settled(section, span):
            held = {OffCause.SETTLING: self._settling_words(section)}
        off = self._off(held, span)
        self.machine = MachineCondition(off, signal, missing)
        judged = off is None and not (self._level is not None and self._level.too_quiet)
        keeps_quality = judged or span.quality in DEAF_QUALITIES
        span = span if keeps_quality else replace(span, quality=Quality.OFF)
        return Verdict(self.machine, span, self.machine != before)

    def _held(
        self, section: OffConfig, span: Span, said: Said | None, now_s: float
    ) -> tuple[SignalState | None, str, dict[OffCause, str]]:
        """Return what the signal says, why it is missing, and the conditions that hold, in words."""
        held: dict[OffCause, str] = {}
        if self._level is not None:
            self._level.hear(span)
            if self._level.off:
                held[OffCause.LEVEL] = self._level.reason
        if self._schedule is not None and (why := self._schedule.reason_at(span.end_utc_s)):
            held[OffCause.SCHEDULE] = why
        if section.signal is None:
            return None, "", held
        if said is None and self._believe_signal:
            # nobody has spoken since the restart: as if the line had been lost when it ended
            said = self._believed = self._believed or Said(running=False, heard_s=now_s, lost_s=now_s)
        signal, missing = signal_from_said(said, section.signal, now_s)
        if signal is SignalState.OFF:
            held[OffCause.SIGNAL] = "the plant's signal"
        return signal, missing, held

    def _has_settled(self, section: OffConfig, span: Span) -> bool:
        """Whether the whole window lies where the machine had run for settle_s."""
        if self._settles is None or span.end_s < self._settles.end_s:  # the stream may have begun anew
            self._settles = span
        return span.start_s >= self._settles.end_s + section.settle_s - SAME_TIME_S

    def _settling_words(self, section: OffConfig) -> str:
        since = "" if self._settles is None else f" at {utc_text(self._settles.end_utc_s)}"
        return f"started{since}, settles for {section.settle_s:g} s"

    def _off(self, held: dict[OffCause, str], span: Span) -> MachineOff | None:
        if not held:
            self._settles = None
            return None
        before = self.machine.off
        # what was dated by a box without the time is dated anew when it has it
        known = before is not None and (is_set(before.since_utc_s) or not is_set(span.end_utc_s))
        since_utc_s = before.since_utc_s if before is not None and known else span.end_utc_s
        return MachineOff(tuple(held), "; ".join(held.values()), since_utc_s)


def machine_off_from_facts(
    reason: str | None, causes: str | None, since_utc_s: float | None
) -> MachineOff | None:
    """Return how a machine was, from what an AlarmSnapshot kept of it; None: it counted as running."""
    if reason is None:
        return None
    known = {cause.value: cause for cause in OffCause}
    return MachineOff(
        tuple(known[word] for word in (causes or "").split() if word in known), reason, since_utc_s or 0.0
    )
