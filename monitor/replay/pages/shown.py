"""Events as the pages show them: rows of the list, and all that the page of one event needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import quote, urlencode

from monitor.explanation import Finding
from monitor.messages import AlarmState
from monitor.replay.kept.clip_maps import windows_in_clip
from monitor.replay.kept.flagged import flagged_in_clip
from monitor.replay.kept.suppressed import Suppressed
from monitor.replay.pages.words import MACHINE_OFF, OFF_CAUSES, STATES, Tongue, clock, day
from monitor.store import Event, Label, StoredClip, StoredWindow

WITHDRAWN = "none"
"""The rating that takes back what was said before."""
BEFORE_WORST_S = 1.0
"""The worst moment is heard from a little before it."""


@dataclass(frozen=True, slots=True)
class ShownEvent:
    """An event in the reader's language."""

    event_id: str
    """Its id."""
    source_id: str
    """Who was heard."""
    title: str
    """Short enough for a line: source, date and time."""
    start_utc_s: float
    """When it began."""
    duration_s: float | None
    """None: it goes on."""
    peak: float | None
    """In units of the limit."""
    says: str
    """What was heard, as a sentence."""
    state: str
    """Of its alarm, in words."""
    state_style: str
    """How that is shown."""
    is_open: bool
    """Whether the alarm is in any other state than normal."""
    acknowledged_by: str | None
    """None: nobody has."""
    bundle_id: str | None
    """What judged it."""
    rating: str | None
    """The label that counts; None: not reviewed."""
    fault_code: str | None
    """Of that label."""
    who: str | None
    """Who gave that label."""
    locked_by: str | None
    """Who had its sound kept for good; None: nobody."""
    address: str
    """Of its page, with the filter of the list it stands in."""
    thumbnail: str
    """Address of a picture of its worst error map."""
    disagreed: bool = False
    """People do not agree what it was."""
    percent: int = 0
    """How much it looks like the event it is shown beside; 0 in a list."""


def shown_event(
    event: Event,
    label: Label | None,
    tongue: Tongue,
    query: str = "",
    *,
    percent: int = 0,
    suppressed: Suppressed | None = None,
) -> ShownEvent:
    """Return an event as it is shown; `query` is the filter of the list that it stands in.

    `suppressed`: why its alarm is suppressed; None: it is not, or that is not known.
    """
    state, style = STATES[event.state]
    is_told = event.state is AlarmState.SUPPRESSED and suppressed is not None
    if label is not None and label.rating == WITHDRAWN:
        label = None
    return ShownEvent(
        event_id=event.event_id,
        source_id=event.source_id,
        title=f"{event.source_id} {day(event.start_utc_s)} {clock(event.start_utc_s)}",
        start_utc_s=event.start_utc_s,
        duration_s=None if event.end_utc_s is None else max(0.0, event.end_utc_s - event.start_utc_s),
        peak=event.peak,
        says=tongue.explained(event.explanation),
        state=_why_suppressed(suppressed, tongue) if suppressed and is_told else tongue(state),
        state_style=style,
        is_open=event.state is not AlarmState.NORMAL,
        acknowledged_by=event.acknowledged_by,
        bundle_id=event.bundle_id,
        rating=None if label is None else label.rating,
        fault_code=None if label is None else label.fault_code,
        who=None if label is None else label.who,
        locked_by=event.locked_by,
        address=event_address(event.event_id, query),
        thumbnail=f"/api/v1/events/{quote(event.event_id, safe='')}/thumbnail.png",
        percent=percent,
    )


def _why_suppressed(suppressed: Suppressed, tongue: Tongue) -> str:
    if not suppressed.is_off:
        return tongue("Suppressed: no bundle is live yet")
    if not suppressed.causes:
        return tongue(MACHINE_OFF)
    why = ", ".join(tongue(OFF_CAUSES[cause]) for cause in suppressed.causes)
    return tongue("Suppressed: machine off, {why}", why=why)


def event_address(event_id: str, query: str = "", **more: str) -> str:
    """Return the address of an event's page; `query` is encoded already."""
    parts = [part for part in (query, urlencode(more)) if part]
    return f"/events/{quote(event_id, safe='')}" + ("?" + "&".join(parts) if parts else "")


@dataclass(frozen=True, slots=True)
class ShownClip:
    """A recording of an event, as a choice on its page."""

    address: str
    """Of the page that shows it."""
    start_utc_s: float
    """When it begins."""
    gone: bool
    """Whether its sound was removed."""
    is_shown: bool
    """Whether this is the one that the page shows."""


@dataclass(frozen=True, slots=True)
class ShownWindow:
    """A flagged window, as a row of the page of its event."""

    start_utc_s: float
    """When it begins."""
    value: float | None
    """In units of the limit."""
    expected_per_day: float | None
    """False alarms a day at this value."""
    quality: str
    """Of its input, a value of Quality."""
    in_clip: bool
    """Whether the clip that the page shows holds it."""
    from_s: float
    """Where in that clip it begins."""
    to_s: float
    """Where in that clip it ends."""
    address: str | None
    """Of the page that shows it, where another clip holds it; None: this one does, or none."""
    heard: bool
    """Whether any clip holds it."""
    due_utc_s: float | None = None
    """When its sound is to be there; None: it is, or none will be."""


def chosen_clip(
    clips: Sequence[StoredClip], windows: Sequence[StoredWindow], wanted: str | None
) -> StoredClip | None:
    """Return the clip to show: the wanted one, else that of the worst window that can be heard."""
    there = [clip for clip in clips if clip.gone is None]
    for clip in clips:
        if clip.clip_id == wanted:
            return clip
    held = [window for window in windows if any(_holds(clip, window.start_utc_s) for clip in there)]
    worst = worst_of(held)
    for clip in there:
        if worst is None or _holds(clip, worst.start_utc_s):
            return clip
    return clips[0] if clips else None


def worst_of(windows: Sequence[StoredWindow]) -> StoredWindow | None:
    """Return the window with the highest value, the first of equals; None: none was judged."""
    judged = [(window.value, window) for window in windows if window.value is not None]
    return max(judged, key=lambda pair: pair[0])[1] if judged else None


def unheard_worst(windows: Sequence[StoredWindow], clips: Sequence[StoredClip]) -> StoredWindow | None:
    """Return the worst window where sound is there, but none of that moment; None: it can be heard."""
    worst, there = worst_of(windows), [clip for clip in clips if clip.gone is None]
    if worst is None or not there or any(_holds(clip, worst.start_utc_s) for clip in there):
        return None
    return worst


def _holds(clip: StoredClip, utc_s: float) -> bool:
    return clip.start_utc_s <= utc_s < clip.start_utc_s + clip.duration_s


def start_in_clip(clip: StoredClip, windows: Sequence[StoredWindow], event: Event) -> float:
    """Return from where to play a clip, seconds from its start: a little before its worst window."""
    worst = worst_of([window for window in windows if _holds(clip, window.start_utc_s)])
    utc_s = event.start_utc_s if worst is None else worst.start_utc_s
    return round(min(max(0.0, utc_s - clip.start_utc_s - BEFORE_WORST_S), clip.duration_s), 3)


def finding_in_clip(
    finding: Finding | None, clip: StoredClip, windows: Sequence[StoredWindow]
) -> dict[str, float] | None:
    """Return where a finding lies in a clip, seconds from its start and Hz; None: not there.

    A finding lasts from where it was first heard to where it was last: where an event has several alarms,
    through the quiet between them too. So only the flagged stretch with the worst window is framed; all of
    the finding where none was flagged, as with sound that could not be judged.
    """
    if finding is None:
        return None
    start_s = max(0.0, finding.start_utc_s - clip.start_utc_s)
    end_s = min(clip.duration_s, finding.end_utc_s - clip.start_utc_s)
    worst = worst_of(windows_in_clip(clip, windows))
    for stretch in flagged_in_clip(clip, windows):
        first_s, last_s = max(start_s, stretch.start_s), min(end_s, stretch.end_s)
        is_worst = (
            worst is not None and stretch.start_s <= max(0.0, worst.start_s - clip.start_s) < stretch.end_s
        )
        if is_worst and first_s < last_s:
            start_s, end_s = first_s, last_s
            break
    if end_s <= start_s:
        return None
    return {
        "fromS": round(start_s, 3),
        "toS": round(end_s, 3),
        "lowHz": finding.low_hz,
        "highHz": finding.high_hz,
    }


def shown_windows(
    windows: Sequence[StoredWindow],
    clips: Sequence[StoredClip],
    clip: StoredClip | None,
    query: str,
    due: Mapping[str, float] = MappingProxyType({}),
) -> list[ShownWindow]:
    """Return the rows of an event's windows; `clip` is the one that the page shows.

    `due`: when the sound of some is to be there, by their ids.
    """
    rows = []
    for window in windows:
        holding = [one for one in clips if one.gone is None and _holds(one, window.start_utc_s)]
        in_clip = clip is not None and any(one is clip for one in holding)
        from_s = 0.0 if clip is None else window.start_utc_s - clip.start_utc_s
        elsewhere = holding[0].clip_id if holding and not in_clip else None
        rows.append(
            ShownWindow(
                start_utc_s=window.start_utc_s,
                value=window.value,
                expected_per_day=window.expected_per_day,
                quality=window.quality,
                in_clip=in_clip,
                from_s=round(from_s, 3),
                to_s=round(from_s + window.end_s - window.start_s, 3),
                address=elsewhere and event_address(window.event_id, query, clip=elsewhere),
                heard=bool(holding),
                due_utc_s=due.get(window.window_id),
            )
        )
    return rows
