"""What people agree that an event was, when several have said something of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from monitor.store import Label

Agreed = Literal["anomaly", "no_anomaly", "unsure", "disagreed", "withdrawn"]


def agreed(labels: Iterable[Label]) -> Agreed | None:
    """Return what everybody's last word comes to; None: nobody has said anything.

    Labels come oldest first. Who is unsure has no voice beside one who is not; `disagreed`: one says anomaly,
    another says none, and neither took it back.
    """
    last = {label.who: label.rating for label in labels}
    if not last:
        return None
    ratings = set(last.values()) - {"none"}
    if {"anomaly", "no_anomaly"} <= ratings:
        return "disagreed"
    if "anomaly" in ratings:
        return "anomaly"
    if "no_anomaly" in ratings:
        return "no_anomaly"
    return "unsure" if ratings else "withdrawn"
