"""Takes every judged window, and hands the counts of each source on to whoever writes them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from monitor.bundles.trail import calibration_digest
from monitor.drift.period import Period, body_of
from monitor.drift.scale import Unit, quantile, unit_of
from monitor.drift.tally import Heard, Tally, groups_db
from monitor.machine import Machine
from monitor.messages import AlarmState, Inference, LogMel, Quality, Score
from monitor.store.drift import PeriodRow

CUT_SHARE = 0.96
"""From this share of the last days' windows on the highest scores are kept; tails begin above it."""
Answer = tuple[LogMel, Inference]


def basis_of(machine: Machine) -> str:
    """Return what tells the scores of one bundle and calibration from those of others."""
    return f"{machine.ear.bundle.bundle_id}/{calibration_digest(machine.calibration)}"


def first_cut(machine: Machine, unit: Unit) -> float:
    """Return from where on peaks are kept while nothing is known but the calibration."""
    levels = machine.calibration.below_levels
    return unit.of_raw(levels[len(levels) * 3 // 4])


def row_of_period(source_id: str, basis: str, period: Period) -> PeriodRow:
    """Return a period as it is stored."""
    return PeriodRow(source_id, basis, period.start_utc_s, period.span_s, period.windows, body_of(period))


@dataclass(slots=True)
class _Counted:
    number: int
    """Of the machine."""
    tally: Tally


class Counting:
    """`note` is called by the judging thread; the others by any."""

    def __init__(self, is_dated: Callable[[], bool]) -> None:
        """`is_dated` says whether the box knows the time: without it nothing is counted."""
        self._is_dated = is_dated
        self._lock = threading.Lock()
        self._counted: dict[str, _Counted] = {}
        self._left: list[tuple[str, Tally]] = []

    def note(self, machine: Machine, score: Score, answer: Answer | None) -> None:
        """Take a window that the alarm has judged."""
        span = score.span
        if score.raw is None or answer is None or span.quality is not Quality.OK or not self._is_dated():
            return
        facts = machine.alarm.snapshot
        if facts.state is AlarmState.OUT_OF_SERVICE:
            return  # whatever is done to the machine then is not its normal work
        heard = Heard(span.end_utc_s, score.raw, span.level_dbfs, normal=not facts.active)
        values = answer[0].values
        with self._lock:
            self._tally_of(machine).note(heard, lambda: groups_db(values))

    def _tally_of(self, machine: Machine) -> Tally:
        counted = self._counted.get(machine.source_id)
        if counted is not None and counted.number == machine.number:
            return counted.tally
        basis = basis_of(machine)
        if counted is not None and counted.tally.basis == basis:
            counted.number = machine.number
            return counted.tally
        if counted is not None:
            self._left.append((machine.source_id, counted.tally))
        unit = unit_of(machine.calibration)
        tally = Tally(basis, unit, first_cut(machine, unit))
        self._counted[machine.source_id] = _Counted(machine.number, tally)
        return tally

    def take(self) -> list[PeriodRow]:
        """Return what has come since the last time, of every source."""
        with self._lock:
            left, self._left = self._left, []
            tallies = [*left, *((name, one.tally) for name, one in self._counted.items())]
            taken = [(name, tally.basis, period) for name, tally in tallies for period in tally.take()]
        return [row_of_period(name, basis, period) for name, basis, period in taken]

    def forget(self, source_ids: Iterable[str]) -> None:
        """Follow these sources no more; what was counted of them is taken once more."""
        with self._lock:
            for source_id in source_ids:
                counted = self._counted.pop(source_id, None)
                if counted is not None:
                    self._left.append((source_id, counted.tally))

    def cut_at(self, source_id: str, basis: str, periods: Iterable[Period]) -> None:
        """Keep peaks from where the given periods say that the highest scores begin."""
        counts = [period.counts for period in periods]
        if not counts:
            return
        cut = quantile(sum(counts[1:], counts[0]), CUT_SHARE)
        with self._lock:
            counted = self._counted.get(source_id)
            if counted is not None and counted.tally.basis == basis and cut == cut:  # noqa: PLR0124 - not NaN
                counted.tally.cut = cut

    @property
    def source_ids(self) -> list[str]:
        """Those that were heard since the start."""
        with self._lock:
            return list(self._counted)
