"""What people said of sound at which only a candidate alarmed: labels of something that is no event.

Such a dispute is named like an event, `dispute-7`, wherever a label is given. Its labels go with it.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping

from monitor.errors import StoreRefusedError
from monitor.store.database import Database
from monitor.store.records import Label, StoredClip

_ID = re.compile(r"dispute-([1-9][0-9]{0,17})")


def dispute_id(number: int) -> str:
    """Return by what a dispute is named where an event would be."""
    return f"dispute-{number}"


def dispute_number(name: str) -> int | None:
    """Return the number of a dispute; None: it is the name of something else."""
    found = _ID.fullmatch(name)
    return None if found is None else int(found[1])


def source_of_dispute(database: Database, number: int) -> str | None:
    """Return whose dispute it is; None: it is not known.

    Raises:
        StoreError: The database refuses.
    """
    rows = database.rows(
        "SELECT r.source_id FROM shadow_disagreements AS d JOIN shadow_runs AS r ON r.n = d.run "
        "WHERE d.n = ?",
        (number,),
    )
    return str(rows[0]["source_id"]) if rows else None


def clip_of_dispute(database: Database, clip_id: str) -> StoredClip | None:
    """Return the clip of a dispute as one of an event of its name; None: there is none of this id.

    Raises:
        StoreError: The database refuses.
    """
    rows = database.rows(
        "SELECT d.*, r.source_id FROM shadow_disagreements AS d JOIN shadow_runs AS r ON r.n = d.run "
        "WHERE d.clip_id = ?",
        (clip_id,),
    )
    if not rows:
        return None
    (row,) = rows
    return StoredClip(
        clip_id=row["clip_id"],
        event_id=dispute_id(row["n"]),
        source_id=row["source_id"],
        start_s=row["start_s"] - row["clip_before_s"],
        start_utc_s=row["start_utc_s"] - row["clip_before_s"],
        duration_s=row["clip_duration_s"],
        sample_rate_hz=row["sample_rate_hz"],
        lost_samples=row["lost_samples"],
        path=row["path"],
        size_bytes=row["size_bytes"],
        gone=row["gone"],
        protection=row["protection"],
    )


def add_dispute_label(connection: sqlite3.Connection, number: int, label: Label) -> None:
    """Add a label to a dispute.

    Raises:
        StoreRefusedError: There is no such dispute.
    """
    if connection.execute("SELECT 1 FROM shadow_disagreements WHERE n = ?", (number,)).fetchone() is None:
        raise StoreRefusedError(f"label: {dispute_id(number)} is not known any more")
    connection.execute(
        "INSERT INTO dispute_labels (dispute, rating, fault_code, note, who, at_utc_s) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        (number, label.rating, label.fault_code, label.note, label.who, label.at_utc_s),
    )


def dispute_labels(database: Database, source_id: str) -> Mapping[int, list[Label]]:
    """Return what was said of each dispute of a source, oldest first, by the dispute's number.

    Raises:
        StoreError: The database refuses.
    """
    found: dict[int, list[Label]] = {}
    rows = database.rows(
        "SELECT l.* FROM dispute_labels AS l JOIN shadow_disagreements AS d ON d.n = l.dispute "
        "JOIN shadow_runs AS r ON r.n = d.run WHERE r.source_id = ? ORDER BY l.n",
        (source_id,),
    )
    for row in rows:
        number = int(row["dispute"])
        label = Label(
            event_id=dispute_id(number),
            rating=row["rating"],
            who=row["who"],
            at_utc_s=row["at_utc_s"],
            fault_code=row["fault_code"],
            note=row["note"],
        )
        found.setdefault(number, []).append(label)
    return found
