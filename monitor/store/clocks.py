"""Puts right the times of what was stored before the box knew the time, once it does.

Each jump of the wall clock is a row of `clocks`: how the clock stood against the one that counts from the
start of the box, when, and which rows were the newest in each table. So it is known by how much any row of
this run of the box is wrong once its clock is set. What a box that was never told the time has written stays
as it is. A corrected row keeps in `recorded_utc_s` what it said before; event ids and the bodies of changes,
which were sent, stay. Order is that of the rows' numbers and never changes.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from monitor.clock import CLOCK_SET_UTC_S, CORRECTED_FROM_S, STEP_S, ClockReading
from monitor.errors import StoreRefusedError
from monitor.store.database import Database
from monitor.store.rendering import json_text, json_tree

CLOCKS_KEPT = 1000
"""Jumps that are remembered; a clock that jumps more often will not be put right by them."""
PIECE_ROWS = 500
"""Rows that are looked through at a time, while others wait for the store."""
LAST_OF: Mapping[str, str] = {
    "events": "SELECT MAX(n) FROM events",
    "clips": "SELECT MAX(n) FROM clips",
    "windows": "SELECT MAX(n) FROM windows",
    "labels": "SELECT MAX(n) FROM labels",
    "audit": "SELECT MAX(n) FROM audit",
    "shadow_runs": "SELECT MAX(n) FROM shadow_runs",
    "shadow_windows": "SELECT MAX(n) FROM shadow_windows",
    "shadow_disagreements": "SELECT MAX(n) FROM shadow_disagreements",
    "dispute_labels": "SELECT MAX(n) FROM dispute_labels",
    "shadow_past_alarms": "SELECT MAX(n) FROM shadow_past_alarms",
    "shadow_past_heard": "SELECT MAX(n) FROM shadow_past_heard",
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
    ("shadow_runs", "n", "shadow_runs", "began_utc_s"),
    ("shadow_windows", "n", "shadow_windows", "start_utc_s"),
    ("shadow_disagreements", "n", "shadow_disagreements", "start_utc_s"),
    ("dispute_labels", "n", "dispute_labels", "at_utc_s"),
)
"""Table, its number, the key of LAST_OF that bounds it, and the time that is corrected and remembered."""
UNMARKED = ("shadow_past_alarms", "shadow_past_heard")
"""Tables of stretches that keep nothing of what they said before: put right where that cannot be in doubt."""
BESIDE_START = ("end_utc_s", "acknowledged_utc_s", "locked_utc_s")
"""What else an event dates."""


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Rows that were dated by one clock that was not set, and by how much that was wrong."""

    after: Mapping[str, int]
    """By LAST_OF: the newest row of before."""
    up_to: Mapping[str, int]
    """By LAST_OF: the newest row that may belong to it; a table that is missing has no bound."""
    by_s: float
    """To be added."""
    from_utc_s: float
    """What that clock said when the box started."""
    to_utc_s: float
    """What it said when it jumped: a row of a later date is another clock's."""

    @property
    def is_plain(self) -> bool:
        """Whether a time that was put right cannot be taken for one that was not, without being marked."""
        return self.by_s > self.to_utc_s - self.from_utc_s

    def shifted(self, tree: Mapping[str, object]) -> dict[str, object]:
        """Return a body with the times that this clock dated put right."""
        return shifted(tree, self.by_s, lambda utc_s: self.from_utc_s <= utc_s < self.to_utc_s)


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
            and (last["boot_id"], bool(last["is_set"])) == (reading.boot_id, reading.is_set)
            and abs(last["offset_s"] - reading.offset_s) < STEP_S
        ):
            return False
        marks = _marks(lambda query: connection.execute(query).fetchall())
        connection.execute(
            "INSERT INTO clocks (boot_id, offset_s, is_set, marks, up_s) VALUES (?, ?, ?, ?, ?)",
            (reading.boot_id, reading.offset_s, int(reading.is_set), json_text(marks), reading.up_s),
        )
        connection.execute("DELETE FROM clocks WHERE n <= (SELECT MAX(n) FROM clocks) - ?", (CLOCKS_KEPT,))
    return True


def was_set(database: Database, boot_id: str) -> bool:
    """Say whether the clock was found to be set in this run of the box.

    Raises:
        StoreError: The database refuses.
    """
    query = "SELECT 1 FROM clocks WHERE boot_id = ? AND is_set LIMIT 1"
    return bool(database.rows(query, (boot_id,)))


def correct_times(database: Database) -> Iterator[int]:
    """Put right, piece by piece, every time that was stored before a clock was set which now is.

    Yields how many rows were put right, after each PIECE_ROWS rows looked through: each piece is a short
    transaction of its own, and none at all where there is nothing to put right. Breaking off loses nothing:
    it may be called again and again, and what is right stays.

    Raises:
        StoreFullError: There is no space left.
        StoreError: The database refuses.
    """
    for stretch in _stretches(database.rows("SELECT * FROM clocks ORDER BY n")):
        newest = _marks(database.rows)
        if stretch.is_plain:
            for first, last in _pieces(stretch, newest, "records"):
                yield _correct_sent(database, stretch, first, last)
            for table in UNMARKED:
                for first, last in _pieces(stretch, newest, table):
                    yield _correct_unmarked(database, stretch, table, first, last)
        for table, number, bound, stamp in STAMPS:
            where = f"{number} > ? AND {number} <= ?"
            for first, last in _pieces(stretch, newest, bound):
                if table == "events" and stretch.is_plain:
                    _correct_late(database, stretch, first, last)
                yield _correct_piece(database, stretch, table, stamp, (where, first, last))


def shifted(tree: Mapping[str, object], by_s: float, is_wrong: Callable[[float], bool]) -> dict[str, object]:
    """Return a body with `by_s` added to all its times (keys that end in utc_s) that are wrong."""
    return {key: _shifted_value(key, value, by_s, is_wrong) for key, value in tree.items()}


def _shifted_value(key: str, value: object, by_s: float, is_wrong: Callable[[float], bool]) -> object:
    if isinstance(value, Mapping):
        return shifted(value, by_s, is_wrong)
    if isinstance(value, list):
        return [_shifted_value("", each, by_s, is_wrong) for each in value]
    if key.endswith("utc_s") and isinstance(value, (int, float)) and is_wrong(value):
        return value + by_s
    return value


def _stretches(clocks: Sequence[sqlite3.Row]) -> list[_Stretch]:
    """Return what can be put right: each clock that was not set, if one then was in that run of the box."""
    found = []
    for place, clock in enumerate(clocks):
        if clock["is_set"]:
            continue
        later = clocks[place + 1 :]
        right = next((c for c in later if c["is_set"] and c["boot_id"] == clock["boot_id"]), None)
        if right is None or right["offset_s"] - clock["offset_s"] < CORRECTED_FROM_S:
            continue
        # rows dated by this clock may be stored after the next jump, but for one to another clock not set
        ends = (c for c in later if not c["is_set"] or c["boot_id"] != clock["boot_id"])
        end = next(ends, None)
        up_s = later[0]["up_s"]  # NULL: noted by older software, which knew no other clock than one of 1970
        found.append(
            _Stretch(
                after=json.loads(clock["marks"]),
                up_to={} if end is None else json.loads(end["marks"]),
                by_s=right["offset_s"] - clock["offset_s"],
                from_utc_s=clock["offset_s"],
                to_utc_s=CLOCK_SET_UTC_S if up_s is None else clock["offset_s"] + up_s + STEP_S,
            )
        )
    return found


def _marks(ask: Callable[[str], Sequence[sqlite3.Row]]) -> dict[str, int]:
    """Return the newest number of each table of LAST_OF; 0: it is empty."""
    return {name: int(rows[0][0] or 0) if (rows := ask(query)) else 0 for name, query in LAST_OF.items()}


def _pieces(stretch: _Stretch, newest: Mapping[str, int], bound: str) -> Iterator[tuple[int, int]]:
    """Yield the numbers of the rows that may belong to a stretch: after the first, up to the last."""
    first = stretch.after.get(bound, 0)
    last = min(stretch.up_to.get(bound, newest[bound]), newest[bound])
    for begin in range(first, last, PIECE_ROWS):
        yield begin, min(begin + PIECE_ROWS, last)


def _correct_piece(
    database: Database, stretch: _Stretch, table: str, stamp: str, rows: tuple[str, int, int]
) -> int:
    """Put right the rows of a table by their own time, which marks them; return how many."""
    numbers, first, last = rows
    where = f"WHERE recorded_utc_s IS NULL AND {stamp} >= ? AND {stamp} < ? AND {numbers}"
    bounds = (stretch.from_utc_s, stretch.to_utc_s, first, last)
    if not database.rows(f"SELECT 1 FROM {table} {where} LIMIT 1", bounds):  # noqa: S608 - ours
        return 0
    with database.transaction() as connection:
        if table == "events":
            _correct_beside_start(connection, stretch, where, bounds)
        query = f"UPDATE {table} SET recorded_utc_s = {stamp}, {stamp} = {stamp} + ? {where}"  # noqa: S608 - ours
        return connection.execute(query, (stretch.by_s, *bounds)).rowcount


def _correct_beside_start(
    connection: sqlite3.Connection, stretch: _Stretch, where: str, bounds: tuple[float, float, int, int]
) -> None:
    """Put right what events say beside their starts; before these are, which marks an event as put right."""
    columns = ", ".join(("n", "explanation", *BESIDE_START))
    query = f"SELECT {columns} FROM events {where}"  # noqa: S608 - ours
    for row in connection.execute(query, bounds).fetchall():
        explanation = row["explanation"]
        # one that cannot be read stays, as its readers will find
        with contextlib.suppress(ValueError, StoreRefusedError):
            if explanation is not None:
                explanation = json_text(stretch.shifted(json_tree(explanation)))
        beside = stretch.shifted({stamp: row[stamp] for stamp in BESIDE_START})
        stamps = ", ".join(f"{stamp} = ?" for stamp in BESIDE_START)
        query = f"UPDATE events SET explanation = ?, {stamps} WHERE n = ?"  # noqa: S608 - ours
        connection.execute(query, (explanation, *beside.values(), row["n"]))


def _correct_late(database: Database, stretch: _Stretch, first: int, last: int) -> None:
    """Put right what was stored of an event after its start was put right."""
    for stamp in BESIDE_START:
        where = f"WHERE recorded_utc_s IS NOT NULL AND {stamp} >= ? AND {stamp} < ? AND n > ? AND n <= ?"
        bounds = (stretch.from_utc_s, stretch.to_utc_s, first, last)
        if database.rows(f"SELECT 1 FROM events {where} LIMIT 1", bounds):  # noqa: S608 - ours
            with database.transaction() as connection:
                query = f"UPDATE events SET {stamp} = {stamp} + ? {where}"  # noqa: S608 - ours
                connection.execute(query, (stretch.by_s, *bounds))


def _correct_unmarked(database: Database, stretch: _Stretch, table: str, first: int, last: int) -> int:
    """Put right the rows of a table that are stretches of time and nothing else; return how many."""
    where = "WHERE start_utc_s >= ? AND start_utc_s < ? AND n > ? AND n <= ?"
    bounds = (stretch.from_utc_s, stretch.to_utc_s, first, last)
    if not database.rows(f"SELECT 1 FROM {table} {where} LIMIT 1", bounds):  # noqa: S608 - ours
        return 0
    with database.transaction() as connection:
        query = f"UPDATE {table} SET start_utc_s = start_utc_s + ?, end_utc_s = end_utc_s + ? {where}"  # noqa: S608 - ours
        return connection.execute(query, (stretch.by_s, stretch.by_s, *bounds)).rowcount


def _correct_sent(database: Database, stretch: _Stretch, first: int, last: int) -> int:
    """Put right the records that wait to be sent; return 0, as each tells of a row that is counted."""
    where = "WHERE created_utc_s >= ? AND created_utc_s < ? AND seq > ? AND seq <= ?"
    bounds = (stretch.from_utc_s, stretch.to_utc_s, first, last)
    if not database.rows(f"SELECT 1 FROM outbox {where} LIMIT 1", bounds):  # noqa: S608 - ours
        return 0
    with database.transaction() as connection:
        query = f"SELECT seq, created_utc_s, body FROM outbox {where}"  # noqa: S608 - ours
        for row in connection.execute(query, bounds).fetchall():
            body = json_text(stretch.shifted(json_tree(row["body"])))
            connection.execute(
                "UPDATE outbox SET created_utc_s = ?, body = ? WHERE seq = ?",
                (row["created_utc_s"] + stretch.by_s, body, row["seq"]),
            )
    return 0
