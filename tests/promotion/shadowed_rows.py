"""Rows of a shadow run, by the second of the stream."""

from __future__ import annotations

from monitor.alarm import AlarmSnapshot
from monitor.messages import Quality
from monitor.store.shadow import RunKey, ShadowWindow

T0 = 1_790_000_000.0
PUMP = AlarmSnapshot("pump")
RUN = RunKey("pump", "mae-1", "mae-2")


def window(second: float, live: float | None, candidate: float | None) -> ShadowWindow:
    """Two seconds that both have judged, or one of them."""
    start = T0 + second
    return ShadowWindow(
        RUN.source_id, RUN.live_bundle_id, RUN.candidate, start, start + 2.0, second, live, candidate,
        Quality.OK,
    )  # fmt: skip
