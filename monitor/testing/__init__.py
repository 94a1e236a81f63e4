"""Stand-ins for neighbours, for tests: small, typed, and never used at run time (an import contract)."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from engines.bundle import Bundle
from engines.runtime import Engine, EngineOutput
from monitor.messages import Float32, Reader, ReadTo, Record, Score


class ListOutbox:
    """An outbox in memory that keeps the Outbox protocol: seq rises by one, sent rows leave. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._records: list[Record] = []
        self._next_seq = 1
        self.sent: list[int] = []
        """The seq of each record that was marked as sent, in that order."""

    def add(
        self, kind: str, source_id: str, body: Mapping[str, object], created_utc_s: float = 0.0
    ) -> Record:
        """Append a record and return it."""
        with self._lock:
            record = Record(self._next_seq, kind, source_id, created_utc_s, body)
            self._next_seq += 1
            self._records.append(record)
            return record

    def pending(
        self,
        limit: int,
        reader: Reader = Reader.JSON,  # noqa: ARG002 - the protocol's; here is one reader
        *,
        after: ReadTo | None = None,
    ) -> Sequence[Record]:
        """Return up to `limit` records that were not marked as sent, oldest first; there is one reader."""
        taken = after or ReadTo()
        with self._lock:
            return [
                record
                for record in self._records
                if record.seq > (taken.score_seq if record.kind == "score" else taken.seq)
            ][:limit]

    def mark_sent(self, seq: int, reader: Reader = Reader.JSON) -> None:  # noqa: ARG002 - as above
        """Remember that the broker has acknowledged this record."""
        with self._lock:
            self.sent.append(seq)
            self._records = [record for record in self._records if record.seq != seq]

    def __len__(self) -> int:
        with self._lock:
            return len(self._records)


class CapturedCalls:
    """What the publisher hands back to the daemon, kept in the order in which it came."""

    def __init__(self) -> None:
        self.commands: list[tuple[str | None, bytes]] = []
        """(source id or None for the whole box, raw command)"""
        self.offline_scores: list[Score] = []

    def on_command(self, source_id: str | None, payload: bytes) -> None:
        """Keep a command."""
        self.commands.append((source_id, payload))

    def offline_score(self, score: Score) -> None:
        """Keep a score that could not be sent live."""
        self.offline_scores.append(score)


class CapturedLog:
    """A log that keeps its lines: (level, event, facts)."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, Any]]] = []

    def debug(self, event: str, **facts: Any) -> None:  # noqa: ANN401 - any fact may be logged
        """Keep a line."""
        self.lines.append(("debug", event, facts))

    def info(self, event: str, **facts: Any) -> None:  # noqa: ANN401 - any fact may be logged
        """Keep a line."""
        self.lines.append(("info", event, facts))

    def warning(self, event: str, **facts: Any) -> None:  # noqa: ANN401 - any fact may be logged
        """Keep a line."""
        self.lines.append(("warning", event, facts))

    def error(self, event: str, **facts: Any) -> None:  # noqa: ANN401 - any fact may be logged
        """Keep a line."""
        self.lines.append(("error", event, facts))

    def exception(self, event: str, **facts: Any) -> None:  # noqa: ANN401 - any fact may be logged
        """Keep a line; the exception that is being handled is not kept."""
        self.lines.append(("exception", event, facts))

    def text(self) -> str:
        """Return everything that was logged, to look for what must not be there."""
        return "\n".join(repr(line) for line in self.lines)


class ScriptedEngine(Engine):
    """An engine that answers the next of the given raw scores for each window, whatever the window holds."""

    def __init__(self, bundle: Bundle, raw_scores: Iterable[float]) -> None:
        super().__init__(bundle, "scripted")
        self._raw_scores: Iterator[float] = iter(raw_scores)
        self.batches: list[int] = []
        """How many windows each call had."""

    def _infer(self, batch: Float32) -> EngineOutput:
        self.batches.append(len(batch))
        score = np.array([next(self._raw_scores) for _ in batch], np.float32)
        return EngineOutput(score, np.ones_like(batch), batch.copy())
