"""Puts right the times of what was stored before the box knew the time, once it does.

Each jump of the wall clock is a row of `clocks`: how the clock stood against the one that counts from the
start of the box, and which rows were the newest in each table. So it is known by how much any row of this run
of the box is wrong once its clock is set. What a box that was never told the time has written stays as it is.
A corrected row keeps in `recorded_utc_s` what it said before; event ids and the bodies of changes, which were
sent, stay. Order is that of the rows' numbers and never changes.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from monitor.clock import CLOCK_SET_UTC_S, STEP_S, ClockReading
from monitor.errors import StoreRefusedError
from monitor.store.database import Database
from monitor.store.rendering import json_text, json_tree

CLOCKS_KEPT = 1000
"""Jumps that are remembered; a clock that jumps more often will not be put right by them."""
LAST_OF: Mapping[str, str] = {
    "events": "SELECT MAX(n) FROM events",
    "clips": "SELECT MAX(n) FROM clips",
    "windows": "SELECT MAX(n) FROM windows",
    "labels": "SELECT MAX(n) FROM labels",
    "audit": "SELECT MAX(n) FROM audit",
    "records": "SELECT seq FROM sqlite_sequence WHERE name = 'outbox'",
}
"""Table -> its newest number; changes have the number of their record in the outbox."""
STAMPS: Sequence[tuple[str, str, str, str]] = (
    ("events", "n", "events", "start_utc_s"),
    ("transitions", "seq", "records", "at_utc_s"),
    ("clips", "n", "clips", "start_utc_s"),
    ("windows", "n", "windows", "start_utc_s"),
    ("labels", "n", "labels", "at_utc_s"),
    ("audit", "n", "audit", "at_utc_s"),
)
"""Table, its number, the key of LAST_OF that bounds it, and the time that is corrected and remembered."""


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Rows that were dated by one clock that was not set, and by how much that was wrong."""

    after: Mapping[str, int]
    """By LAST_OF: the newest row of before."""
    up_to: Mapping[str, int]
    """By LAST_OF: the newest row that may belong to it; a table that is missing has no bound."""
    by_s: float
    """To be added."""


def note_clock(database: Database, reading: ClockReading) -> bool:
    """Remember how the wall clock stands, if it is not as it was last; say whether it was remembered.

    Raises:
        StoreFullError: There is no space left.
        StoreError: The database refuses.
    """
    with database.transaction() as connection:
        last = connection.execute("SELECT * FROM clocks ORDER BY n DESC LIMIT 1").fetchone()
        if (
            last is not None
            and last["boot_id"] == reading.boot_id
            and abs(last["offset_s"] - reading.offset_s) < STEP_S
        ):
            return False
        newest = {name: connection.execute(query).fetchone() for name, query in LAST_OF.items()}
        marks = {name: int(row[0] or 0) if row else 0 for name, row in newest.items()}
        connection.execute(
            "INSERT INTO clocks (boot_id, offset_s, is_set, marks) VALUES (?, ?, ?, ?)",
            (reading.boot_id, reading.offset_s, int(reading.is_set), json_text(marks)),
        )
        connection.execute("DELETE FROM clocks WHERE n <= (SELECT MAX(n) FROM clocks) - ?", (CLOCKS_KEPT,))
    return True


def correct_times(database: Database) -> int:
    """Put right every time that was stored before a clock was set which now is; return how many rows.

    May be called again and again: what is right stays.

    Raises:
        StoreFullError: There is no space left.
        StoreError: The database refuses.
    """
    stretches = _stretches(database.rows("SELECT * FROM clocks ORDER BY n"))
    if not stretches:
        return 0
    corrected = 0
    with database.transaction() as connection:
        for stretch in stretches:
            _correct_sent(connection, stretch)
            _correct_ends(connection, stretch)
            for table, number, bound, stamp in STAMPS:
                query = (
                    f"UPDATE {table} SET recorded_utc_s = {stamp}, {stamp} = {stamp} + ? "  # noqa: S608 - ours
                    f"WHERE recorded_utc_s IS NULL AND {stamp} < ? AND {number} > ? AND {number} <= ?"
                )
                corrected += connection.execute(query, _bounds(stretch, bound)).rowcount
    return corrected


def shifted(tree: Mapping[str, object], by_s: float) -> dict[str, object]:
    """Return a body with `by_s` added to all its times (keys that end in utc_s) of before a clock was set."""
    return {key: _shifted_value(key, value, by_s) for key, value in tree.items()}


def _shifted_value(key: str, value: object, by_s: float) -> object:
    if isinstance(value, Mapping):
        return shifted(value, by_s)
    if isinstance(value, list):
        return [_shifted_value("", each, by_s) for each in value]
    unset = key.endswith("utc_s") and isinstance(value, (int, float)) and value < CLOCK_SET_UTC_S
    return value + by_s if unset else value  # type: ignore[operator]  # a number, by the line before


def _stretches(clocks: Sequence[sqlite3.Row]) -> list[_Stretch]:
    """Return what can be put right: each clock that was not set, if one then was in that run of the box."""
    found = []
    for place, clock in enumerate(clocks):
        if clock["is_set"]:
            continue
        later = clocks[place + 1 :]
        right = next((c for c in later if c["is_set"] and c["boot_id"] == clock["boot_id"]), None)
        if right is None:
            continue
        # rows dated by this clock may be stored after the next jump, but for one to another clock not set
        ends = (c for c in later if not c["is_set"] or c["boot_id"] != clock["boot_id"])
        end = next(ends, None)
        up_to = {} if end is None else json.loads(end["marks"])
        found.append(_Stretch(json.loads(clock["marks"]), up_to, right["offset_s"] - clock["offset_s"]))
    return found


def _bounds(stretch: _Stretch, bound: str) -> tuple[float, float, int, int]:
    return (stretch.by_s, CLOCK_SET_UTC_S, stretch.after.get(bound, 0), stretch.up_to.get(bound, 2**62))


def _correct_ends(connection: sqlite3.Connection, stretch: _Stretch) -> None:
    """Put right what an event says beside its start; before its start is, which marks it as corrected."""
    for stamp in ("end_utc_s", "acknowledged_utc_s", "locked_utc_s"):
        query = f"UPDATE events SET {stamp} = {stamp} + ? WHERE {stamp} < ? AND n > ? AND n <= ?"  # noqa: S608 - ours
        connection.execute(query, _bounds(stretch, "events"))
    by_s, before_utc_s, after, up_to = _bounds(stretch, "events")
    query = (
        "SELECT n, explanation FROM events "
        "WHERE explanation IS NOT NULL AND start_utc_s < ? AND n > ? AND n <= ?"
    )
    for row in connection.execute(query, (before_utc_s, after, up_to)).fetchall():
        with contextlib.suppress(
            ValueError, StoreRefusedError
        ):  # it cannot be read, as its readers will find
            text = json_text(shifted(json_tree(row["explanation"]), by_s))
            connection.execute("UPDATE events SET explanation = ? WHERE n = ?", (text, row["n"]))


def _correct_sent(connection: sqlite3.Connection, stretch: _Stretch) -> None:
    """Put right the records that wait to be sent."""
    by_s, before_utc_s, after, up_to = _bounds(stretch, "records")
    query = "SELECT seq, created_utc_s, body FROM outbox WHERE created_utc_s < ? AND seq > ? AND seq <= ?"
    for row in connection.execute(query, (before_utc_s, after, up_to)).fetchall():
        body = json_text(shifted(json_tree(row["body"]), by_s))
        connection.execute(
            "UPDATE outbox SET created_utc_s = ?, body = ? WHERE seq = ?",
            (row["created_utc_s"] + by_s, body, row["seq"]),
        )
