"""Who is told what the pipeline found, as the pipeline sees them."""

from __future__ import annotations

from typing import Protocol

from monitor.explanation import Explanation
from monitor.machine import Machine
from monitor.messages import AlarmChange, Inference, MachineCondition, Score


class Audience(Protocol):
    """Who is told: the publisher, as the pipeline sees it. Nothing here may block."""

    def offer_score(self, score: Score) -> None:
        """Tell a window's score."""
        ...

    def wake(self) -> None:
        """Say that the store has something new to send."""
        ...

    def offer_map(self, inference: Inference, *, flagged: bool) -> None:
        """Tell a window's error map, if the configuration wants it."""
        ...

    def tell_alarm(self, machine: Machine, change: AlarmChange) -> None:
        """Tell the state of a source's alarm after `change`."""
        ...

    def tell_joined(self, machine: Machine) -> None:
        """Tell that a source is listened to from now on."""
        ...

    def tell_succeeded(self, successor: Machine, explanation: Explanation | None) -> None:
        """Tell that a source is judged by another machine from now on, its alarm being as it was."""
        ...

    def tell_left(self, source_id: str) -> None:
        """Tell that a source is not listened to any more."""
        ...

    def tell_present_alarm(self, machine: Machine, explanation: Explanation | None) -> None:
        """Tell the state of a source's alarm, which has not changed, but how it is dated."""
        ...

    def tell_explanation(self, machine: Machine, explanation: Explanation) -> None:
        """Tell that more is known of the open event; nothing else has changed."""
        ...

    def tell_machine(self, source_id: str, machine: MachineCondition) -> None:
        """Note whether a machine runs, for health."""
        ...

    def tell_window(self, score: Score, *, lag_s: float) -> None:
        """Note how a window went, for health."""
        ...
