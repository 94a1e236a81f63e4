"""The documents of the JSON API: what an event, a clip and a window are to whoever reads them by machine.

Values that are not known are null, never 0; times are UTC, RFC 3339.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from monitor.explanation import SoundKind
from monitor.messages import AlarmState, Quality
from monitor.publish.explained import ExplanationDocument, Voice, explanation_document
from monitor.publish.fields import Time, rfc3339_from_utc_s
from monitor.replay.api.protection import ProtectionDocument, protection_document
from monitor.replay.kept.axes import Part, Stretch
from monitor.replay.kept.event_query import Counts
from monitor.replay.kept.flagged import Reference, flagged_in_clip
from monitor.replay.kept.library import EventPage, Resembling, WholeEvent, last_label
from monitor.replay.kept.sounds_like import SoundsLike
from monitor.store import Event, Label, StoredClip, StoredWindow
from monitor.store.records import Rating

Gone = Literal["age", "space", "missing", "never", "unchecked"]


class LabelDocument(Part):
    """What somebody said of an event."""

    rating: Rating = Field(description="What it was.")
    who: str = Field(description="Who said it.")
    at: Time = Field(description="When.")
    fault_code: str | None = Field(description="By the site's own list; null: not said.")
    note: str | None = Field(description="In their own words; null: not said.")


class EventDocument(Part):
    """One alarm from its first window at the limit to its acknowledgement, as far as it has got."""

    event_id: str = Field(description="Its id.")
    source: str = Field(description="Who was heard.")
    start: Time = Field(description="When its first window at or above the limit began.")
    end: Time | None = Field(description="When the sound was back to normal; null: it is not.")
    duration_s: float | None = Field(ge=0, description="From start to end; null: it goes on.")
    peak: float | None = Field(description="Highest value, in units of the limit; null: not judged.")
    state: AlarmState = Field(description="ISA-18.2 state of its alarm.")
    acknowledged_by: str | None = Field(description="Who acknowledged it last; null: nobody.")
    acknowledged: Time | None = Field(description="When that was.")
    bundle: str | None = Field(description="The bundle that heard it first.")
    kind: SoundKind | None = Field(description="What it sounded like most; null: not known.")
    explanation: ExplanationDocument | None = Field(description="What it sounded like; null: not known.")
    label: LabelDocument | None = Field(description="What was said of it last; null: not reviewed.")
    locked_by: str | None = Field(description="Who had its sound kept for good; null: nobody.")
    locked: Time | None = Field(description="When that was.")


class ListedEventDocument(EventDocument):
    """An event in a list."""

    cursor: str = Field(description="The events that follow it in this list stand on the page after this.")


class EventsDocument(Part):
    """A page of a list of events."""

    events: tuple[ListedEventDocument, ...] = Field(description="In the order that was asked for.")
    next_cursor: str | None = Field(description="Of the page that follows; null: there is none.")
    total: int = Field(ge=0, description="Events that fit, on all pages.")
    unreviewed: int = Field(ge=0, description="Those of them that nobody has labelled.")


class ClipDocument(Part):
    """A piece of sound around flagged windows."""

    clip_id: str = Field(description="Of its sound and pictures.")
    start: Time = Field(description="UTC of its first sample.")
    duration_s: float = Field(ge=0, description="Lost samples included.")
    sample_rate_hz: int = Field(gt=0, description="The device's own.")
    lost_samples: int = Field(ge=0, description="Zeros in it that stand for lost samples.")
    size_bytes: int = Field(ge=0, description="Of its file.")
    flagged: tuple[Stretch, ...] = Field(
        description="Where windows at or above the limit were kept; empty: nowhere."
    )
    gone: Gone | None = Field(
        description="Why its file is no longer there, or never was (`never`: store.audio; `unchecked`: "
        "nobody could say whether it holds speech); null: it is there."
    )
    protection: ProtectionDocument = Field(description="What was taken out of it.")


class WindowDocument(Part):
    """A flagged window that was kept."""

    window_id: str = Field(description="Of its pictures.")
    start: Time = Field(description="UTC of its start.")
    duration_s: float = Field(gt=0, description="Its length.")
    value: float | None = Field(description="In units of the alarm limit; null: not judged.")
    expected_per_day: float | None = Field(description="False alarms a day at that value.")
    quality: Quality = Field(description="Of its input.")
    bundle: str = Field(description="The bundle whose model answered.")
    gone: Gone | None = Field(description="Why its file is no longer there; null: it is there.")
    protection: ProtectionDocument = Field(description="What was taken out of its maps.")


class ReferenceDocument(Stretch):
    """The last normal sound of the source before the event, to listen to beside it."""

    clip_id: str = Field(description="The clip that holds it.")
    event_id: str = Field(description="The event of that clip: this one or an earlier one.")


class WholeEventDocument(EventDocument):
    """An event with all that belongs to it."""

    labels: tuple[LabelDocument, ...] = Field(description="All that was said of it, oldest first.")
    transitions: tuple[dict[str, Any], ...] = Field(description="Its changes as stored, oldest first.")
    clips: tuple[ClipDocument, ...] = Field(description="In the order of their sound.")
    windows: tuple[WindowDocument, ...] = Field(description="In the order of their sound.")
    reference: ReferenceDocument | None = Field(description="Normal sound; null: none was kept.")
    cursor: str = Field(description="The unreviewed events that are older follow it, in unreviewed_first.")


class SimilarDocument(EventDocument):
    """An earlier event that looked like another."""

    similarity: float = Field(
        ge=0, le=1, description="1: the same bands raised in the same way. A hint, not a judgement."
    )


class SoundsLikeDocument(Part):
    """A fault that earlier events, which people have named, speak for."""

    fault_code: str = Field(description="As people have named it.")
    labelled: int = Field(ge=1, description="So many earlier events of the source were named so.")
    nearest_event_id: str = Field(description="The most alike of them.")
    nearest: Time = Field(description="When that one began.")
    similarity: float = Field(ge=0, le=1, description="Of the nearest two. A hint, not a judgement.")


class SimilarEventsDocument(Part):
    """Earlier events of the same source, by their error maps."""

    events: tuple[SimilarDocument, ...] = Field(description="The most alike first.")
    sounds_like: SoundsLikeDocument | None = Field(
        description="Which fault it sounds like; null: too little speaks for any."
    )


class SourcesDocument(Part):
    """Who has had events."""

    sources: tuple[str, ...] = Field(description="Their ids, in alphabetical order.")


class ErrorDocument(Part):
    """Why there is no answer."""

    error: str = Field(description="A sentence for a person, in English.")
    code: str | None = Field(
        description="What it says, for programs: it stays when the words change. Null: it has none."
    )
    facts: dict[str, Any] = Field(
        description="The names and numbers in it, by what they are; one may be a sentence with code, text "
        "and facts of its own."
    )
    told: str = Field(
        description="The same in the language that the reader has chosen, or that the browser asks for."
    )


def events_document(page: EventPage, counts: Counts, voice: Voice) -> EventsDocument:
    """Return a page of a list."""
    return EventsDocument(
        events=tuple(
            ListedEventDocument(**_event(listed.event, listed.label, voice), cursor=listed.cursor)
            for listed in page.events
        ),
        next_cursor=page.next_cursor,
        total=counts.total,
        unreviewed=counts.unreviewed,
    )


def whole_event_document(whole: WholeEvent, reference: Reference | None, voice: Voice) -> WholeEventDocument:
    """Return an event with all that belongs to it."""
    return WholeEventDocument(
        **_event(whole.event, last_label(whole.labels), voice),
        labels=tuple(_label(label) for label in whole.labels),
        transitions=whole.transitions,
        clips=tuple(_clip(whole, clip) for clip in whole.clips),
        windows=tuple(_window(window) for window in whole.windows),
        reference=None
        if reference is None
        else ReferenceDocument(
            clip_id=reference.clip_id,
            event_id=reference.event_id,
            start_s=reference.start_s,
            end_s=reference.end_s,
        ),
        cursor=whole.cursor,
    )


def similar_document(found: Resembling, voice: Voice) -> SimilarEventsDocument:
    """Return events that looked like another, and what it may be."""
    return SimilarEventsDocument(
        events=tuple(
            SimilarDocument(**_event(item.event, item.label, voice), similarity=item.similarity)
            for item in found.events
        ),
        sounds_like=None if found.fault is None else _sounds_like(found.fault),
    )


def _sounds_like(fault: SoundsLike) -> SoundsLikeDocument:
    return SoundsLikeDocument(
        fault_code=fault.fault_code,
        labelled=fault.labelled,
        nearest_event_id=fault.nearest.event_id,
        nearest=rfc3339_from_utc_s(fault.nearest.start_utc_s),
        similarity=round(fault.similarity, 3),
    )


def _event(event: Event, label: Label | None, voice: Voice) -> dict[str, Any]:
    """Return the fields of an EventDocument."""
    end_utc_s, explanation = event.end_utc_s, event.explanation
    return {
        "event_id": event.event_id,
        "source": event.source_id,
        "start": rfc3339_from_utc_s(event.start_utc_s),
        "end": _time(end_utc_s),
        # a clock that was set back between them tells nothing
        "duration_s": None if end_utc_s is None else round(max(0.0, end_utc_s - event.start_utc_s), 3),
        "peak": event.peak,
        "state": event.state,
        "acknowledged_by": event.acknowledged_by,
        "acknowledged": _time(event.acknowledged_utc_s),
        "bundle": event.bundle_id,
        "kind": None if explanation is None else explanation.findings[0].kind,
        "explanation": explanation_document(explanation, voice),
        "label": None if label is None else _label(label),
        "locked_by": event.locked_by,
        "locked": _time(event.locked_utc_s),
    }


def _label(label: Label) -> LabelDocument:
    return LabelDocument(
        rating=label.rating,
        who=label.who,
        at=rfc3339_from_utc_s(label.at_utc_s),
        fault_code=label.fault_code,
        note=label.note,
    )


def _clip(whole: WholeEvent, clip: StoredClip) -> ClipDocument:
    return ClipDocument(
        clip_id=clip.clip_id,
        start=rfc3339_from_utc_s(clip.start_utc_s),
        duration_s=clip.duration_s,
        sample_rate_hz=clip.sample_rate_hz,
        lost_samples=clip.lost_samples,
        size_bytes=clip.size_bytes,
        flagged=flagged_in_clip(clip, whole.windows),
        gone=clip.gone,  # type: ignore[arg-type]  # pydantic checks what the database says
        protection=protection_document(clip.protection),
    )


def _window(window: StoredWindow) -> WindowDocument:
    return WindowDocument(
        window_id=window.window_id,
        start=rfc3339_from_utc_s(window.start_utc_s),
        duration_s=round(window.end_s - window.start_s, 4),
        value=window.value,
        expected_per_day=window.expected_per_day,
        quality=Quality(window.quality),
        bundle=window.bundle_id,
        gone=window.gone,  # type: ignore[arg-type]  # the same
        protection=protection_document(window.protection),
    )


def _time(utc_s: float | None) -> str | None:
    return None if utc_s is None else rfc3339_from_utc_s(utc_s)
