"""Limits that were proposed and that somebody did not want: one row a source, the last one."""

from __future__ import annotations

import sqlite3
from dataclasses import astuple, dataclass, fields

from monitor.errors import StoreRefusedError
from monitor.store.database import Database


@dataclass(frozen=True, slots=True)
class Declined:
    """What somebody did not want, and why."""

    source_id: str
    """Of which source."""
    proposal_id: str
    """By what it was called."""
    basis: str
    """What judged its evidence: bundle and calibration."""
    budget: float
    """alarm.false_alarms_per_week when it was made."""
    factor: float
    """The proposed limit, in units of the one that it would have taken the place of."""
    first_utc_s: float
    """Where its evidence begins."""
    who: str
    """As given with the command, not verified."""
    why: str
    """In that person's own words."""
    at_utc_s: float
    """When it was; never before it was proposed, whatever the clock said."""


_COLUMNS = ", ".join(field.name for field in fields(Declined))


def put_declined(connection: sqlite3.Connection, declined: Declined) -> None:
    """Propose it no more, and remember who did not want it, in place of what was remembered before.

    Raises:
        StoreRefusedError: It is not what is proposed to the source.
    """
    gone = connection.execute(
        "DELETE FROM drift_proposals WHERE source_id = ? AND proposal_id = ?",
        (declined.source_id, declined.proposal_id),
    ).rowcount
    if gone != 1:
        raise StoreRefusedError(
            f"proposal {declined.proposal_id} of {declined.source_id} is outdated: it was accepted, "
            "declined or made anew meanwhile"
        )
    values = astuple(declined)
    places = ", ".join("?" * len(values))
    connection.execute(
        f"INSERT OR REPLACE INTO drift_declined ({_COLUMNS}) VALUES ({places})",  # noqa: S608 - our names
        values,
    )


def declined_of(database: Database, source_id: str) -> Declined | None:
    """Return what somebody declined last for a source; None: nothing.

    Raises:
        StoreError: The database refuses.
    """
    rows = database.rows(
        f"SELECT {_COLUMNS} FROM drift_declined WHERE source_id = ?",  # noqa: S608 - our names
        (source_id,),
    )
    return Declined(*rows[0]) if rows else None
