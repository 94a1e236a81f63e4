"""Where the daemon tells what it finds: each protocol that it speaks is one outlet, all are told the same."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from monitor.messages import Inference, Score
from monitor.publish.payloads import AlarmPayload, HealthPayload


class Outlet(Protocol):
    """One protocol to one broker. Any thread may call, nothing blocks; what finds no room is counted."""

    def offer_score(self, score: Score) -> None:
        """Tell a score, or see that it is kept while the broker is away."""
        ...

    def offer_map(self, inference: Inference, band_edges_hz: NDArray[np.float64]) -> None:
        """Tell an error map, if the broker is there.

        `band_edges_hz`, shape (mel + 2,), is that of the front end.
        """
        ...

    def set_health(self, payload: HealthPayload) -> None:
        """Remember how a source is, and tell it if that is news."""
        ...

    def set_alarm(self, payload: AlarmPayload) -> None:
        """Remember the alarm of a source, and tell it if that is news."""
        ...

    def join(self, source_id: str) -> None:
        """Take in a source that was not here; its health and alarm follow."""
        ...

    def leave(self, source_id: str) -> None:
        """Let go of a source; what is still told of it from other threads is ignored."""
        ...

    def notify(self) -> None:
        """Say that the store has a new record."""
        ...
