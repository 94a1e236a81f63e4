"""When sound that is still being recorded is to be there, so that nobody takes it for lost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from monitor.config import Config, StoreConfig
from monitor.messages import AlarmState
from monitor.promotion.records import Disagreement
from monitor.store import Event, StoredClip, StoredWindow

WRITTEN_S = 30.0
"""After the end of a recording it is on the disk."""


def rules_of(settings: Config, source_id: str) -> StoreConfig:
    """Return what may be stored of a source; of one that is not configured the general rules."""
    for source in settings.sources:
        if source.id == source_id:
            return settings.store.for_source(source.audio, source.speech)
    return settings.store


def is_awaited(event: Event, post_roll_s: float, now_utc_s: float) -> bool:
    """Return whether more of an event may come: it goes on, may come back, or is being written."""
    if event.state is not AlarmState.NORMAL or event.end_utc_s is None:
        return True
    return now_utc_s - event.end_utc_s < post_roll_s + WRITTEN_S


def due_utc_s(start_utc_s: float, end_utc_s: float | None, rules: StoreConfig) -> float:
    """Return when the recording of what began then is there at the latest; `end_utc_s` None: it goes on."""
    ends_utc_s = start_utc_s + rules.max_clip_s
    if end_utc_s is not None:
        ends_utc_s = min(ends_utc_s, max(start_utc_s, end_utc_s) + rules.post_roll_s)
    return ends_utc_s + WRITTEN_S


def sound_due(
    event: Event, clips: Sequence[StoredClip], rules: StoreConfig, now_utc_s: float
) -> float | None:
    """Return when the first sound of an event is to be there; None: it is, or none will be."""
    if clips or rules.audio == "never":
        return None
    due = due_utc_s(event.start_utc_s, event.end_utc_s, rules)
    return due if now_utc_s < due else None


def windows_due(
    event: Event,
    windows: Iterable[StoredWindow],
    clips: Sequence[StoredClip],
    rules: StoreConfig,
    now_utc_s: float,
) -> Mapping[str, float]:
    """Return when the sound of windows is to be there, by their ids: of those whose sound may yet come."""
    if rules.audio == "never":
        return {}
    found = {
        window.window_id: due_utc_s(window.start_utc_s, event.end_utc_s, rules)
        for window in windows
        if not any(_is_decided(window.start_utc_s, clip, rules) for clip in clips)
    }
    return {name: due for name, due in found.items() if now_utc_s < due}


def _is_decided(utc_s: float, clip: StoredClip, rules: StoreConfig) -> bool:
    """Whether a clip holds a moment, or another one cannot have begun since: there is one in clip_every_s."""
    return clip.start_utc_s <= utc_s < clip.start_utc_s + max(clip.duration_s, rules.clip_every_s)


def dispute_due(
    told: Disagreement, others: Iterable[Disagreement], rules: StoreConfig, now_utc_s: float
) -> float | None:
    """Return when the sound of a disagreement is to be there; None: it is, or none will be."""
    is_unheard = told.alarmed == "live" and told.event_id is None
    if told.clip_id is not None or is_unheard or rules.audio == "never":
        return None
    before = (one for one in others if one.alarmed == "candidate" and one.clip_id is not None)
    if told.alarmed == "candidate" and any(
        0.0 <= told.start_utc_s - one.start_utc_s < rules.clip_every_s for one in before
    ):
        return None
    due = due_utc_s(told.start_utc_s, told.end_utc_s, rules)
    return due if now_utc_s < due else None
