"""Scores that were not told live, thinned: one per reader, source and period, the highest."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence

from monitor.errors import StoreError
from monitor.messages import Reader, Score
from monitor.store.database import Database
from monitor.store.outbox import RANKS, SCORE, put_record
from monitor.store.rendering import json_text, score_body


class OfflineScores:
    """The highest score of each period, on disk when its period is over. Thread-safe.

    Until then it is in memory: nobody was promised a score, so a kill may take the running period's.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._highest: dict[tuple[Reader, str], tuple[int, Score]] = {}
        self._limit_rows = 0
        self._rows: Counter[Reader] = Counter()
        self.dropped = 0
        """Periods whose score made room for a later one or found none, since the store was opened."""
        self.recount()

    def recount(self) -> None:
        """Find out how many scores are on disk for whom, after others than `add` and `sent` changed it.

        Raises:
            StoreError: The database refuses.
        """
        query = "SELECT reader, COUNT(*) FROM awaited WHERE rank = ? GROUP BY reader"
        found = self._database.rows(query, (RANKS[SCORE],))
        with self._lock:
            self._rows = Counter({Reader(name): int(rows) for name, rows in found})

    def add(self, score: Score, reader: Reader, *, every_s: float, limit_rows: int) -> None:
        """Take a score; what it costs is a comparison, and one write per source and period.

        Raises:
            StoreRefusedError: A number of the score is not finite.
        """
        json_text(score_body(score))
        place, period = (reader, score.span.source_id), int(score.span.start_utc_s // every_s)
        with self._lock:
            self._limit_rows = limit_rows
            known = self._highest.get(place)
            if known is None:
                self._highest[place] = (period, score)
            elif known[0] != period:
                self._write(reader, [known[1]])
                self._highest[place] = (period, score)
            elif _higher(score, known[1]):
                self._highest[place] = (period, score)

    def flush(self, reader: Reader) -> None:
        """Write the running periods' scores of a reader too."""
        with self._lock:
            held = [place for place in self._highest if place[0] is reader]
            if held:
                self._write(reader, [self._highest.pop(place)[1] for place in held])

    def flush_all(self) -> None:
        """Write the running periods' scores of every reader."""
        for reader in Reader:
            self.flush(reader)

    def drop(self) -> int:
        """Give up what is on disk for every reader; return how many rows.

        Raises:
            StoreError: The database refuses.
        """
        with self._lock:
            with self._database.transaction(durable=False) as connection:
                given_up = connection.execute("DELETE FROM outbox WHERE rank = ?", (RANKS[SCORE],)).rowcount
            self._rows.clear()
            self.dropped += given_up
        return given_up

    def sent(self, reader: Reader) -> None:
        """Count one row less."""
        with self._lock:
            self._rows[reader] = max(self._rows[reader] - 1, 0)

    def _write(self, reader: Reader, scores: Sequence[Score]) -> None:
        try:
            self._insert(reader, scores)
        except StoreError:  # a score is no alarm: it is not worth stopping for, only worth counting
            self.dropped += len(scores)

    def _insert(self, reader: Reader, scores: Sequence[Score]) -> None:
        with self._database.transaction(durable=False) as connection:
            for score in scores:
                body = json_text(score_body(score))
                put_record(connection, SCORE, score.span.source_id, score.span.end_utc_s, body, only=reader)
            surplus = max(self._rows[reader] + len(scores) - self._limit_rows, 0)
            connection.execute(
                "DELETE FROM outbox WHERE seq IN "
                "(SELECT seq FROM awaited WHERE reader = ? AND rank = ? ORDER BY seq LIMIT ?)",
                (reader.value, RANKS[SCORE], surplus),
            )
        self._rows[reader] += len(scores) - surplus
        self.dropped += surplus


def _higher(score: Score, other: Score) -> bool:
    """Say whether `score` is worse news; one that could not be judged is less than any that was."""
    if score.value is None:
        return False
    return other.value is None or score.value > other.value
