"""Proves an engine on golden windows the way it will be asked: all at once and one by one, again and again.

A backend may answer a repeated shape in another way than a new one, as a CUDA graph does; one call would
prove only the first way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from engines.golden import GoldenWindows, OutputParity, compare_outputs
from engines.runtime import EngineOutput, Float32, join_outputs

REPEATS = 3
"""First a new shape, then the same again, which is captured, then the graph itself."""


def proven_parity(
    golden: GoldenWindows, answer: Callable[[Float32], EngineOutput]
) -> tuple[OutputParity, ...]:
    """Return the worst of each output over REPEATS calls with all windows and as many with single ones.

    `answer` takes shape (n, mel, frames). A row is infinite where an answer is not a number.
    """
    rounds = [compare_outputs(golden.expected, found) for found in _answers(golden.logmel, answer)]
    return tuple(_worst(rows) for rows in zip(*rounds, strict=True))


def _answers(logmel: Float32, answer: Callable[[Float32], EngineOutput]) -> Iterator[EngineOutput]:
    for _ in range(REPEATS):
        yield answer(logmel)
    # last, so that a graph for single windows is ready when the engine starts to listen
    for _ in range(REPEATS):
        yield join_outputs([answer(logmel[i : i + 1]) for i in range(len(logmel))])


def _worst(rows: Sequence[OutputParity]) -> OutputParity:
    return max(rows, key=lambda row: row.max_relative)
