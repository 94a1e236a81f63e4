"""How much the store holds: for health, asked while the daemon runs."""

from __future__ import annotations

from monitor.store.store import Store


def kept_bytes(store: Store) -> int:
    """Return the size of all clips and maps that are there; some milliseconds for 100 000 of them.

    Raises:
        StoreError: The database refuses.
    """
    parts = (
        f"(SELECT COALESCE(SUM(size_bytes), 0) FROM {table} WHERE gone IS NULL)"  # noqa: S608 - a name of ours
        for table in ("clips", "windows", "shadow_disagreements")
    )
    return int(store.database.rows(f"SELECT {' + '.join(parts)}")[0][0])


def outbox_depths(store: Store) -> dict[str, int]:
    """Return how many records wait for each reader; 0 for one that has read everything.

    Raises:
        StoreError: The database refuses.
    """
    rows = store.database.rows(
        "SELECT reader, (SELECT COUNT(*) FROM awaited WHERE awaited.reader = readers.reader) FROM readers"
    )
    return {str(reader): int(count) for reader, count in rows}
