"""Makes alarms of rows that go, by the limits that hold: for whoever prunes, and knows no alarms."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from monitor.alarm import AlarmSnapshot
from monitor.config import Config
from monitor.promotion.shadowed import reckoned
from monitor.store import Reckon
from monitor.store.shadow import RunKey, ShadowWindow
from monitor.store.shadow_past import Reckoned


def reckoner(config_now: Callable[[], Config], facts_of: Callable[[str], AlarmSnapshot | None]) -> Reckon:
    """Return who makes alarms of rows.

    `config_now`: the configuration in force; `facts_of`: the present alarm of a source, None: there is no
    such source.
    """

    def reckon(
        key: RunKey, windows: Sequence[ShadowWindow], *, heard_until_utc_s: float | None, whole: bool
    ) -> Reckoned | None:
        config, facts = config_now(), facts_of(key.source_id)
        source = next((one for one in config.sources if one.id == key.source_id), None)
        if source is None or facts is None:
            return None
        settings = config.alarm_for(source)
        return reckoned(windows, settings, facts, heard_until_utc_s=heard_until_utc_s, whole=whole)

    return reckon
