"""When a machine is off, so that its alarm is suppressed by design: by sound, schedule or signal.

    level, schedule, signal -> OffWatch -> MachineCondition, and whether a window is judged

All but `board.py`, where signals arrive, is pure: no I/O and no clock of its own. Whatever is not known for
sure counts as running, so that nothing is suppressed by mistake.
"""

from __future__ import annotations

from monitor.off.board import SignalBoard
from monitor.off.watch import OffWatch, Verdict, machine_off_from_facts

__all__ = ["OffWatch", "SignalBoard", "Verdict", "machine_off_from_facts"]
