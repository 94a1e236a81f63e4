"""What events sounded like, as it lies in the store: findings without words, and portraits for a restart.

What cannot be read is taken as not known: newer software may have written it, and an event is worth more
than its explanation.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from monitor.errors import StoreRefusedError
from monitor.explanation import Explanation, explanation_from_tree, tree_from_explanation
from monitor.store.database import Database
from monitor.store.rendering import json_text, json_tree


def text_from_explanation(explanation: Explanation) -> str:
    """Render what was found.

    Raises:
        StoreRefusedError: A number is not finite.
    """
    return json_text(tree_from_explanation(explanation))


def explanation_from_text(text: str | None) -> Explanation | None:
    """Return what text_from_explanation rendered; None: nothing was, or it cannot be read."""
    try:
        return None if text is None else explanation_from_tree(json_tree(text))
    except ValueError:
        return None


def put_explanation(connection: sqlite3.Connection, event_id: str, explanation: str) -> bool:
    """Replace what is known of an event's sound; False: there is no such event."""
    query = "UPDATE events SET explanation = ? WHERE event_id = ?"
    return connection.execute(query, (explanation, event_id)).rowcount > 0


def keep_explanation(
    database: Database, event_id: str, explanation: Explanation, portrait: Mapping[str, object] | None
) -> None:
    """Replace an event's explanation and portrait in a transaction that does not wait for the disk.

    Raises:
        StoreRefusedError: There is no such event, or a number is not finite.
        StoreError: The disk refuses.
    """
    text = text_from_explanation(explanation)
    portrait_text = None if portrait is None else json_text(portrait)
    with database.transaction(durable=False) as connection:
        if not put_explanation(connection, event_id, text):
            raise StoreRefusedError(
                f"event {event_id!r} is not known; apply its first change before its explanation"
            )
        connection.execute("UPDATE events SET portrait = ? WHERE event_id = ?", (portrait_text, event_id))


def portraits_of(database: Database) -> list[tuple[str, str, Mapping[str, object]]]:
    """Return all portraits, each with the ids of its event and source; one that cannot be read is empty."""
    query = "SELECT event_id, source_id, portrait FROM events WHERE portrait IS NOT NULL ORDER BY n"
    found: list[tuple[str, str, Mapping[str, object]]] = []
    for row in database.rows(query):
        try:
            tree = json_tree(row["portrait"])
        except ValueError:
            tree = {}
        found.append((row["event_id"], row["source_id"], tree if isinstance(tree, dict) else {}))
    return found


def replace_portrait(database: Database, event_id: str, portrait: Mapping[str, object] | None) -> None:
    """Put another portrait in place of an event's, or none; an event that has lost its own keeps none."""
    text = None if portrait is None else json_text(portrait)
    with database.transaction() as connection:
        query = "UPDATE events SET portrait = ? WHERE event_id = ? AND portrait IS NOT NULL"
        connection.execute(query, (text, event_id))


def portrait_of(database: Database, event_id: str) -> Mapping[str, object] | None:
    """Return an event's portrait; None: there is none, or none that can be read."""
    query = "SELECT portrait FROM events WHERE event_id = ? AND portrait IS NOT NULL"
    rows = database.rows(query, (event_id,))
    try:
        tree = json_tree(rows[0]["portrait"]) if rows else None
    except ValueError:
        return None
    return tree if isinstance(tree, dict) else None
