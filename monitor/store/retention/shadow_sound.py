"""Which disputes of candidates go, and which of their clips.

Of each source the newest DISPUTES_KEPT rows stay, and the newest clips; those that are too old go. When room
is short their clips go before those of any event: nobody was called for them. What somebody has labelled
stays with its sound, which goes for space alone, last of all.
"""

from __future__ import annotations

from monitor.clock import CLOCK_SET_UTC_S
from monitor.store.database import Database
from monitor.store.retention.choice import KeptFile

TABLE = "shadow_disagreements"
NO_EVENT = ""
"""In place of an event's id: they belong to none, so that none can be locked or labelled."""
DISPUTES_KEPT = 1000
"""Of each source; a candidate that disagrees more often is known well enough."""
_OF_SOURCE = (
    "SELECT d.n FROM shadow_disagreements AS d JOIN shadow_runs AS r ON r.n = d.run WHERE r.source_id = ?1"
)
_LABELLED = "n IN (SELECT dispute FROM dispute_labels)"
_SOURCES = "SELECT DISTINCT source_id FROM shadow_runs"


def kept_sound(database: Database, *, labelled: bool) -> list[KeptFile]:
    """Return the clips of disputes that are there and that somebody has labelled, or nobody, oldest first.

    Raises:
        StoreError: The database refuses.
    """
    which = _LABELLED if labelled else f"NOT {_LABELLED}"
    return _files(database, f"gone IS NULL AND path IS NOT NULL AND {which}")


def surplus_sound(database: Database, *, max_clips: int, oldest_utc_s: float | None) -> list[KeptFile]:
    """Return the clips beyond `max_clips` of a source or too old; `oldest_utc_s` None: none is too old.

    Raises:
        StoreError: The database refuses.
    """
    there = "gone IS NULL AND path IS NOT NULL"
    too_many = f"NOT {_LABELLED} AND n IN ({_OF_SOURCE} AND {there} ORDER BY d.n DESC LIMIT -1 OFFSET ?2)"
    found = {
        file.n: file
        for row in database.rows(_SOURCES)
        for file in _files(database, too_many, row["source_id"], max_clips)
    }
    if oldest_utc_s is not None:
        old = (
            f"NOT {_LABELLED} AND gone IS NULL AND path IS NOT NULL AND start_utc_s >= ? AND start_utc_s < ?"
        )
        found |= {file.n: file for file in _files(database, old, CLOCK_SET_UTC_S, oldest_utc_s)}
    return [found[n] for n in sorted(found)]


def remove_disputes(database: Database, *, oldest_utc_s: float | None) -> None:
    """Remove the rows of disputes that are too many or too old and of which no clip is there.

    Raises:
        StoreError: The database refuses.
    """
    nothing_there = f"(path IS NULL OR gone IS NOT NULL) AND NOT {_LABELLED}"
    sources = database.rows(_SOURCES)
    with database.transaction(durable=False) as connection:
        for row in sources:
            connection.execute(
                f"DELETE FROM {TABLE} WHERE {nothing_there} AND n IN "  # noqa: S608 - constants of ours
                f"({_OF_SOURCE} ORDER BY d.n DESC LIMIT -1 OFFSET ?2)",
                (row["source_id"], DISPUTES_KEPT),
            )
        if oldest_utc_s is not None:
            connection.execute(
                f"DELETE FROM {TABLE} WHERE {nothing_there} "  # noqa: S608 - constants of ours
                "AND start_utc_s >= ? AND start_utc_s < ?",
                (CLOCK_SET_UTC_S, oldest_utc_s),
            )


def _files(database: Database, where: str, *values: object) -> list[KeptFile]:
    rows = database.rows(
        f"SELECT n, path, size_bytes, start_utc_s FROM {TABLE} WHERE {where} ORDER BY n",  # noqa: S608 - ours
        values,
    )
    return [
        KeptFile(
            table=TABLE,
            n=row["n"],
            event_id=NO_EVENT,
            path=row["path"],
            size_bytes=row["size_bytes"],
            start_utc_s=row["start_utc_s"],
        )
        for row in rows
    ]
