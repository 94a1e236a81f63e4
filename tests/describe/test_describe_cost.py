"""What the words cost: far less than a window's inference, and bounded with room for a busy machine."""

from __future__ import annotations

import time
from collections.abc import Callable

from describe_rig import AT, Machine, knocks

from monitor.describe.describer import PASSED_OVER

HEAR_MS, DESCRIBE_MS = 0.3, 2.0
"""What is promised on one free core, for as many windows as one is learned of, and for a flagged one."""
ROOM = 5.0


def fastest_ms(work: Callable[[], object], times: int = 40) -> float:
    """The fastest of many runs: what else the machine does only ever adds."""
    best_s = float("inf")
    for _ in range(times):
        started_s = time.perf_counter()
        work()
        best_s = min(best_s, time.perf_counter() - started_s)
    return 1000.0 * best_s


def test_words_cost_little() -> None:
    values = knocks(slice(70, 111), 15.0, every=25.0)
    machine = Machine(
        event=values, event_at=AT, model=lambda logmel: logmel.mean(axis=1, keepdims=True) + 0 * logmel
    )
    describer = machine.describer()
    normal = next(iter(machine.windows(AT - 100, 1)))

    def hear() -> None:
        for _ in range(PASSED_OVER + 1):  # one of which teaches
            describer.hear(*normal, normal=True)

    hear_ms = fastest_ms(hear)
    windows = iter(list(machine.windows(AT, 60)))
    for _ in range(20):
        describer.describe("e", *next(windows))
    describe_ms = fastest_ms(lambda: describer.describe("e", *next(windows)))
    assert hear_ms < ROOM * HEAR_MS
    assert describe_ms < ROOM * DESCRIBE_MS
    print(f"hear {hear_ms:.3f} ms, describe {describe_ms:.3f} ms")  # noqa: T201 - pytest -s shows it
