"""Candidates that judge beside live bundles: is each one asked, and often enough to prove anything."""

from __future__ import annotations

from collections.abc import Iterator

from monitor.doctor.finding import Finding, Patient, ok, warning
from monitor.report import is_alive
from monitor.shadow.facts import ShadowState, facts_from_tree

SKIPPED_SHARE = 0.5
"""From so many skipped windows on evidence takes more than twice its time."""


def check_candidates(patient: Patient) -> Iterator[Finding]:
    """Say of each candidate how it is getting on, as the daemon tells it."""
    status = patient.status
    if status is None or not is_alive(status):
        return
    for source in status["sources"]:
        tree = source.get("shadow")  # a report of an earlier version has none
        if tree is None:
            continue
        facts, name = facts_from_tree(tree), f"candidate of {source['capture']['source_id']}"
        if facts.state is ShadowState.SET_ASIDE:
            yield warning(name, facts.line, "mend what is said, and install the candidate again")
        elif facts.lost_windows:
            yield warning(
                name, f"{facts.lost_windows} windows of it were not stored", "see the finding on the store"
            )
        elif facts.skipped_share > SKIPPED_SHARE:
            yield warning(
                name,
                facts.line,
                "raise shadow.cpu_share, or have fewer candidates at once (docs/promotion.md)",
            )
        else:
            yield ok(name, facts.line)
