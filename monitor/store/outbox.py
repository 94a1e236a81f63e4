"""Records that wait for their readers: events and replies in order, behind them a thinned trail of scores."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from monitor.errors import StoreRefusedError
from monitor.messages import Reader, ReadTo, Record
from monitor.operators import WHOLE_BOX
from monitor.store.audit import audit_text, put_audit
from monitor.store.database import Database
from monitor.store.readers import await_record, has_read, waits_for_all, withdraw
from monitor.store.records import Reply
from monitor.store.rendering import json_text, json_tree

EVENT, REPLY, SCORE = "event", "reply", "score"
RANKS = {EVENT: 0, REPLY: 0, SCORE: 1}
REPLIES_KEPT = 10_000
REPLIES_WAITING = 1_000
"""For one reader; when more wait the oldest go. Events, which nobody can ask for again, are never bounded."""


@dataclass(frozen=True, slots=True)
class ReplyTexts:
    """A reply as it is stored, rendered before the transaction begins."""

    body: str
    """With its command's id."""
    arguments: str
    """Of its entry for the record; empty: it has none."""


def put_record(
    connection: sqlite3.Connection,
    kind: str,
    source_id: str,
    created_utc_s: float,
    body: str,
    *,
    only: Reader | None = None,
) -> int:
    """Add a record for every reader, or `only` one; return its number, higher than that of any before."""
    cursor = connection.execute(
        "INSERT INTO outbox (rank, kind, source_id, created_utc_s, body) VALUES (?, ?, ?, ?, ?)",
        (RANKS[kind], kind, source_id, created_utc_s, body),
    )
    seq = int(cursor.lastrowid or 0)
    await_record(connection, seq, only=only)
    return seq


def pending(database: Database, limit: int, reader: Reader, after: ReadTo) -> list[Record]:
    """Return up to `limit` records of a reader: events and replies in order first, then scores in order."""
    query = (
        "SELECT seq, kind, source_id, created_utc_s, body FROM awaited JOIN outbox USING (seq) "
        "WHERE reader = ? AND seq > CASE awaited.rank WHEN 0 THEN ? ELSE ? END "
        "ORDER BY awaited.rank, seq LIMIT ?"
    )
    return [
        Record(
            seq=row["seq"],
            kind=row["kind"],
            source_id=row["source_id"],
            created_utc_s=row["created_utc_s"],
            body={**json_tree(row["body"]), "seq": row["seq"]},
        )
        for row in database.rows(query, (reader.value, after.seq, after.score_seq, limit))
    ]


def forget(database: Database, seq: int, reader: Reader) -> str | None:
    """Note that a reader has a record and return its kind; after a power cut it may be sent twice.

    None: it did not wait for that reader.
    """
    with database.transaction(durable=False) as connection:
        row = connection.execute("SELECT kind FROM outbox WHERE seq = ?", (seq,)).fetchone()
        waited = has_read(connection, seq, reader)
    return str(row["kind"]) if waited else None


def start_after(database: Database, seq: int) -> None:
    """Let the numbers of records begin above `seq`, when what had the lower ones has been lost."""
    with database.transaction() as connection:
        connection.execute("DELETE FROM sqlite_sequence WHERE name = 'outbox'")
        connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('outbox', ?)", (seq,))


def put_reply(connection: sqlite3.Connection, reply: Reply, texts: ReplyTexts) -> None:
    """Send a command's reply, and remember it if it has an id; the oldest beyond REPLIES_KEPT are forgotten.

    Its entry for the record is kept in the same step.

    Raises:
        StoreRefusedError: The command was answered before; nothing of the transaction may be kept.
    """
    body = texts.body
    source_id = WHOLE_BOX if reply.source_id is None else reply.source_id
    if reply.audit is not None:
        put_audit(connection, reply.audit, texts.arguments)
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
    """Send a known command's reply again, unless it waits for every reader; say if the command is known.

    Whoever still waits for it gets it once, under the new number.
    """
    row = connection.execute(
        "SELECT source_id, at_utc_s, body, seq FROM replies WHERE command_id = ?", (command_id,)
    ).fetchone()
    if row is None:
        return False
    if not waits_for_all(connection, row["seq"]):
        withdraw(connection, row["seq"])
        seq = put_record(connection, REPLY, row["source_id"], row["at_utc_s"], row["body"])
        connection.execute("UPDATE replies SET seq = ? WHERE command_id = ?", (seq, command_id))
    return True


def bound_replies(connection: sqlite3.Connection) -> int:
    """Let the oldest replies go of each reader for which more than REPLIES_WAITING wait; return how many."""
    # CROSS JOIN: SQLite keeps the order, so that events that wait are not walked through
    too_many = connection.execute(
        "SELECT reader, seq FROM (SELECT reader, outbox.seq, "
        "ROW_NUMBER() OVER (PARTITION BY reader ORDER BY outbox.seq DESC) AS place "
        "FROM outbox INDEXED BY outbox_replies CROSS JOIN awaited ON awaited.seq = outbox.seq "
        "WHERE outbox.kind = 'reply') WHERE place > ?",
        (REPLIES_WAITING,),
    ).fetchall()
    return sum(has_read(connection, row["seq"], Reader(row["reader"])) for row in too_many)


def reply_texts(reply: Reply) -> ReplyTexts:
    """Render a reply and its entry for the record.

    Raises:
        StoreRefusedError: It holds what JSON cannot.
    """
    known = {} if reply.command_id is None else {"command_id": reply.command_id}
    return ReplyTexts(json_text({**reply.body, **known}), audit_text(reply.audit))


def known_reply(database: Database, command_id: str) -> Mapping[str, object] | None:
    """Return what a command was answered, or None when it is new."""
    rows = database.rows("SELECT body FROM replies WHERE command_id = ?", (command_id,))
    return json_tree(rows[0]["body"]) if rows else None
