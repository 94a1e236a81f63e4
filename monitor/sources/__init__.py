"""What a source promises, and the table of its kinds.

A source turns something that can be heard into `AudioBlock`s at its own rate. What follows holds for every
kind, and tests/contracts/test_source_contract.py checks it for every kind.

Threads
    A source is read and closed by one thread, which owns it. Nothing in it is locked. Child processes that
    it starts die with that thread, however it dies.
Waiting
    `read` waits at most `timeout_s` for sound (plus the short, bounded time that stopping a hung child
    takes). It never sleeps longer than it must: blocks are handed over as soon as they are there.
Loss
    Sound that is known to be missing is counted in `lost_samples` of the next block. While a device is
    away, empty blocks report the loss about once a second, so that stream time goes on in real time.
    `first_sample` of a block is `end_sample` of the block before plus its own `lost_samples`, always.
Failure
    Opening raises `SourceError` only for what trying again cannot help: a missing file, a contradiction
    in the configuration. A device that is not there, or goes away, raises nothing: `health` says so,
    and the source tries again with growing pauses for as long as it lives.
Buffers
    `samples` of every block are the reader's to keep: read-only, and never written again.
Closing
    `close` may be called more than once, takes bounded time, and leaves no process and no shared memory
    behind. After it `read` returns nothing and `finished` is true.

This module imports nothing heavy: the child process that holds the microphone loads it too.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # pydantic and NumPy would treble the memory of the microphone's child process
    from monitor.config import SourceConfig
    from monitor.messages import AudioBlock, CaptureHealth

OPENERS: dict[str, str] = {
    "microphone": "monitor.sources.microphone",
    "file": "monitor.sources.file",
    "stream": "monitor.sources.stream",
    "simulated": "monitor.sources.simulated",
}
"""Kind of source -> the module whose `open_sources(configs)` opens all of that kind."""


class Source(Protocol):
    """One opened input; it may feed several source ids, as the channels of one sound card do."""

    source_ids: tuple[str, ...]

    @property
    def due_s(self) -> float | None:
        """When `read` next has something to hand over, at once, monotonic; None: it waits for the world."""
        ...

    def read(self, timeout_s: float) -> Sequence[AudioBlock]:
        """Return the blocks that are there, waiting at most `timeout_s` for the first; maybe none."""
        ...

    @property
    def finished(self) -> bool:
        """Whether the sound has ended and every block of it has been handed over."""
        ...

    def health(self) -> Sequence[CaptureHealth]:
        """Return the present condition, one entry per source id, in the order of `source_ids`."""
        ...

    def close(self) -> None:
        """Stop listening and end every child process; may be called again."""
        ...


def open_sources(configs: Sequence[SourceConfig]) -> list[Source]:
    """Open everything that `configs` name; inputs that several of them share are opened once.

    Raises:
        SourceError: One of them can never work; those opened before it are closed again.
    """
    opened: list[Source] = []
    with contextlib.ExitStack() as undo:
        for kind in dict.fromkeys(config.kind for config in configs):
            module = importlib.import_module(OPENERS[kind])
            for source in module.open_sources([config for config in configs if config.kind == kind]):
                undo.callback(source.close)
                opened.append(source)
        undo.pop_all()
    return opened
