"""Keeps an event's course in time out of the store where speech is taken out of what is stored.

A portrait (monitor/describe) holds its event's last seconds in a few bands, fine enough for a vocoder to make
words of. The describer has it in memory; without it on the disk, only rhythm has to be found anew after a
restart.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from monitor.describe.stored import without_course
from monitor.privacy.rules import SoundRules
from monitor.store import Store
from monitor.store.explanations import portraits_of, replace_portrait


def portrait_to_keep(
    rules: SoundRules, source_id: str, portrait: Mapping[str, object], since_s: float
) -> Mapping[str, object] | None:
    """Return what may be stored of a portrait that remembers its event from stream time `since_s` on.

    None: nothing, for nobody can say what is in it.
    """
    if rules.of(source_id, since_s).speech == "keep":
        return portrait
    return without_course(portrait)


def take_courses_out(store: Store, rules: SoundRules) -> int:
    """Take the course out of stored portraits of sources that may not store it; return of how many.

    Raises:
        StoreError: The database refuses.
    """
    changed = 0
    for event_id, source_id, portrait in portraits_of(store.database):
        kept = portrait_to_keep(rules, source_id, portrait, math.inf)
        if kept != portrait:
            replace_portrait(store.database, event_id, kept)
            changed += 1
    return changed
