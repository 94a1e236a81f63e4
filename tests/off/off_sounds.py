"""Windows for tests of `off`: 2 s long, one a second, the first of which ends at second 2."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.config.off import OffConfig
from monitor.messages import OffCause, Quality, Span
from monitor.off import OffWatch, Verdict
from monitor.off.signal import Said

NOON_UTC_S = 1_763_812_800.0
"""Saturday, 2025-11-22 12:00:00 UTC."""
LOUD, QUIET = -30.0, -70.0
RUNNING, STOPPED = Said(running=True, heard_s=0.0), Said(running=False, heard_s=0.0)


def span_at(
    index: int, level_dbfs: float | None = LOUD, quality: Quality = Quality.OK, *, noon_s: float = 0.0
) -> Span:
    """Return window number `index`; `noon_s` says when the first one begins."""
    return Span(
        source_id="pump-3",
        first_sample=index * 16000,
        start_s=float(index),
        end_s=index + 2.0,
        start_utc_s=NOON_UTC_S + noon_s + index,
        quality=quality,
        level_dbfs=level_dbfs,
    )


def section(**keys: object) -> OffConfig:
    """Return a section `off` as it would be read."""
    return OffConfig.model_validate(keys)


def play(
    watch: OffWatch, levels: Sequence[float | None], *, said: Said | None = None, first: int = 0
) -> list[Verdict]:
    """Hear windows of these levels, a second apart; None: nothing arrived."""
    return [
        watch.hear(span_at(index, level, Quality.ABSENT if level is None else Quality.OK), said, float(index))
        for index, level in enumerate(levels, first)
    ]


def offs(verdicts: Sequence[Verdict]) -> str:
    """Return a letter for each window: o off, . running, and small q where only the window was not judged."""
    return "".join(
        "o" if one.machine.off is not None else "q" if one.span.quality is Quality.OFF else "."
        for one in verdicts
    )


def causes(verdict: Verdict) -> tuple[OffCause, ...]:
    """Return why it is off."""
    return () if verdict.machine.off is None else verdict.machine.off.causes
