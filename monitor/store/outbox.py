"""Records that wait for the broker: events and replies in order, behind them a thinned trail of scores."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Mapping

from monitor.errors import StoreError, StoreRefusedError
from monitor.messages import Record, Score
from monitor.operators import WHOLE_BOX
from monitor.store.database import Database
from monitor.store.records import Reply
from monitor.store.rendering import json_text, json_tree, score_body

EVENT, REPLY, SCORE = "event", "reply", "score"
RANKS = {EVENT: 0, REPLY: 0, SCORE: 1}
REPLIES_KEPT = 10_000


def put_record(
    connection: sqlite3.Connection, kind: str, source_id: str, created_utc_s: float, body: str
) -> int:
    """Add a record and return its number: higher than any before it, sent ones included."""
    cursor = connection.execute(
        "INSERT INTO outbox (rank, kind, source_id, created_utc_s, body) VALUES (?, ?, ?, ?, ?)",
        (RANKS[kind], kind, source_id, created_utc_s, body),
    )
    return int(cursor.lastrowid or 0)


def pending(database: Database, limit: int) -> list[Record]:
    """Return up to `limit` records: events and replies in order first, then scores in order."""
    query = "SELECT seq, kind, source_id, created_utc_s, body FROM outbox ORDER BY rank, seq LIMIT ?"
    return [
        Record(
            seq=row["seq"],
            kind=row["kind"],
            source_id=row["source_id"],
            created_utc_s=row["created_utc_s"],
            body={**json_tree(row["body"]), "seq": row["seq"]},
        )
        for row in database.rows(query, (limit,))
    ]


def forget(database: Database, seq: int) -> str | None:
    """Remove a record that the broker has and return its kind; after a power cut it may be sent twice."""
    with database.transaction(durable=False) as connection:
        row = connection.execute("SELECT kind FROM outbox WHERE seq = ?", (seq,)).fetchone()
        connection.execute("DELETE FROM outbox WHERE seq = ?", (seq,))
    return None if row is None else str(row["kind"])


def start_after(database: Database, seq: int) -> None:
    """Let the numbers of records begin above `seq`, when what had the lower ones has been lost."""
    with database.transaction() as connection:
        connection.execute("DELETE FROM sqlite_sequence WHERE name = 'outbox'")
        connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('outbox', ?)", (seq,))


def put_reply(connection: sqlite3.Connection, reply: Reply, body: str) -> None:
    """Send a command's reply, and remember it if it has an id; the oldest beyond REPLIES_KEPT are forgotten.

    Raises:
        StoreRefusedError: The command was answered before; nothing of the transaction may be kept.
    """
    source_id = WHOLE_BOX if reply.source_id is None else reply.source_id
    if reply.command_id is None:
        put_record(connection, REPLY, source_id, reply.at_utc_s, body)
        return
    known = connection.execute("SELECT 1 FROM replies WHERE command_id = ?", (reply.command_id,)).fetchone()
    if known is not None:
        raise StoreRefusedError(
            f"command {reply.command_id!r} was already carried out; repeat its reply, do not do it again"
        )
    seq = put_record(connection, REPLY, source_id, reply.at_utc_s, body)
    connection.execute(
        "INSERT INTO replies (command_id, source_id, at_utc_s, body, seq) VALUES (?, ?, ?, ?, ?)",
        (reply.command_id, source_id, reply.at_utc_s, body, seq),
    )
    connection.execute(
        "DELETE FROM replies WHERE n <= (SELECT MAX(n) FROM replies) - ?",
        (REPLIES_KEPT,),
    )


def repeat_reply(connection: sqlite3.Connection, command_id: str) -> bool:
    """Send a known command's reply again, unless it still waits; say whether the command is known."""
    row = connection.execute(
        "SELECT source_id, at_utc_s, body, seq FROM replies WHERE command_id = ?", (command_id,)
    ).fetchone()
    if row is None:
        return False
    if connection.execute("SELECT 1 FROM outbox WHERE seq = ?", (row["seq"],)).fetchone() is None:
        seq = put_record(connection, REPLY, row["source_id"], row["at_utc_s"], row["body"])
        connection.execute("UPDATE replies SET seq = ? WHERE command_id = ?", (seq, command_id))
    return True


def reply_text(reply: Reply) -> str:
    """Render a reply with its command's id.

    Raises:
        StoreRefusedError: It holds what JSON cannot.
    """
    known = {} if reply.command_id is None else {"command_id": reply.command_id}
    return json_text({**reply.body, **known})


def known_reply(database: Database, command_id: str) -> Mapping[str, object] | None:
    """Return what a command was answered, or None when it is new."""
    rows = database.rows("SELECT body FROM replies WHERE command_id = ?", (command_id,))
    return json_tree(rows[0]["body"]) if rows else None


class OfflineScores:
    """One score per source and period: the highest, on disk when its period is over. Thread-safe.

    Until then it is in memory: nobody was promised a score, so a kill may take the running period's.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._highest: dict[str, tuple[int, Score]] = {}
        self._limit_rows = 0
        self._rows = int(database.rows("SELECT COUNT(*) FROM outbox WHERE rank = ?", (RANKS[SCORE],))[0][0])
        self.dropped = 0
        """Periods whose score made room for a later one or found none, since the store was opened."""

    def add(self, score: Score, *, every_s: float, limit_rows: int) -> None:
        """Take a score; what it costs is a comparison, and one write per source and period.

        Raises:
            StoreRefusedError: A number of the score is not finite.
        """
        json_text(score_body(score))
        source_id, period = score.span.source_id, int(score.span.start_utc_s // every_s)
        with self._lock:
            self._limit_rows = limit_rows
            known = self._highest.get(source_id)
            if known is None:
                self._highest[source_id] = (period, score)
            elif known[0] != period:
                self._write([known[1]])
                self._highest[source_id] = (period, score)
            elif _higher(score, known[1]):
                self._highest[source_id] = (period, score)

    def flush(self) -> None:
        """Write the running periods' scores too."""
        with self._lock:
            held = [score for _, score in self._highest.values()]
            if held:
                self._write(held)
            self._highest.clear()

    def sent(self) -> None:
        """Count one row less."""
        with self._lock:
            self._rows = max(self._rows - 1, 0)

    def _write(self, scores: list[Score]) -> None:
        try:
            self._insert(scores)
        except StoreError:  # a score is no alarm: it is not worth stopping for, only worth counting
            self.dropped += len(scores)

    def _insert(self, scores: list[Score]) -> None:
        with self._database.transaction(durable=False) as connection:
            for score in scores:
                body = json_text(score_body(score))
                put_record(connection, SCORE, score.span.source_id, score.span.end_utc_s, body)
            surplus = max(self._rows + len(scores) - self._limit_rows, 0)
            connection.execute(
                "DELETE FROM outbox WHERE seq IN "
                "(SELECT seq FROM outbox WHERE rank = ? ORDER BY seq LIMIT ?)",
                (RANKS[SCORE], surplus),
            )
        self._rows += len(scores) - surplus
        self.dropped += surplus


def _higher(score: Score, other: Score) -> bool:
    """Say whether `score` is worse news; one that could not be judged is less than any that was."""
    if score.value is None:
        return False
    return other.value is None or score.value > other.value
