"""Which open events wait behind an alarm that is suppressed by design, and why it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from monitor.alarm import AlarmSnapshot
from monitor.errors import StoreError
from monitor.messages import OffCause
from monitor.off import machine_off_from_facts
from monitor.store import Store


@dataclass(frozen=True, slots=True)
class Suppressed:
    """Why an alarm is suppressed."""

    is_off: bool
    """The machine counts as off."""
    causes: tuple[OffCause, ...]
    """Why it does; empty: that is not known."""
    is_unlearned: bool
    """No bundle of its source is live."""


def suppressed_events(store: Store) -> Mapping[str, Suppressed]:
    """Return why the alarm is suppressed of each open event whose alarm is, by the event's id.

    Raises:
        StoreError: The store cannot be read.
    """
    found = {}
    for tree in store.alarm_snapshots().values():
        try:
            facts = AlarmSnapshot.from_tree(tree)
        except StoreError:  # of newer software, or damaged: the daemon says so
            continue
        off = machine_off_from_facts(facts.off_reason, facts.off_causes, facts.off_since_utc_s)
        if facts.event_id is not None and (off is not None or facts.unlearned):
            causes = () if off is None else tuple(off.causes)
            found[facts.event_id] = Suppressed(off is not None, causes, facts.unlearned)
    return found
