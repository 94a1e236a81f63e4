"""What people agree that an event was, when several have said something of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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


def fault_codes(labels: Iterable[Label]) -> list[str]:
    """Return the fault codes that those who say anomaly last gave, each once, as it was written first.

    Letter case and blanks around them do not matter.
    """
    last = {label.who: label for label in labels}
    codes: dict[str, str] = {}
    for label in sorted(last.values(), key=lambda one: one.at_utc_s):
        code = (label.fault_code or "").strip()
        if label.rating == "anomaly" and code:
            codes.setdefault(code.casefold(), code)
    return list(codes.values())


def fault_of(labels: Sequence[Label]) -> str | None:
    """Return the fault code of an event that people agree was an anomaly; None: none, or not one alone."""
    codes = fault_codes(labels) if agreed(labels) == "anomaly" else []
    return codes[0] if len(codes) == 1 else None
