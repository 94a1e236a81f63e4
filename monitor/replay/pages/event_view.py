"""The page of one event, and the pieces of it that are fetched again."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from monitor.errors import QueryError
from monitor.promotion.agreement import agreed
from monitor.replay.api.routes import library_of
from monitor.replay.gate.access import Role, visit_of
from monitor.replay.kept.event_query import EventFilter, Labelled, Order
from monitor.replay.kept.library import Library, WholeEvent, last_label
from monitor.replay.pages import shown
from monitor.replay.pages.asked import Asked, asked_from
from monitor.replay.pages.awaited import is_awaited, rules_of, sound_due, windows_due
from monitor.replay.pages.shown import WITHDRAWN
from monitor.replay.pages.templating import page, tongue_for
from monitor.replay.pages.viewing import answering, list_address, unreviewed_events
from monitor.replay.pages.words import Tongue, clock

SIMILAR = 6
"""Earlier events shown beside one."""


@answering
def event(request: Request) -> Response:
    """Answer the page of one event."""
    library, tongue = library_of(request), tongue_for(request)
    whole = library.event(request.path_params["event_id"])
    asked = asked_from(request.query_params)
    clip = shown.chosen_clip(whole.clips, whole.windows, request.query_params.get("clip"))
    reference = library.reference(whole.event)
    now_utc_s, rules = time.time(), rules_of(request.app.state.settings, whole.event.source_id)
    due = windows_due(whole.event, whole.windows, whole.clips, rules, now_utc_s)
    unheard = shown.unheard_worst(whole.windows, whole.clips)
    by_utc_s = sound_due(whole.event, whole.clips, rules, now_utc_s)
    why = _why_silent(whole, tongue, by_utc_s=by_utc_s, is_never=rules.audio == "never")
    facts: dict[str, Any] = {"clip": None, "reference": None, "why": why}
    if clip is not None and clip.gone is None:
        explanation = whole.event.explanation
        finding = explanation.findings[0] if explanation is not None else None
        facts["clip"] = {
            "id": clip.clip_id,
            "startS": shown.start_in_clip(clip, whole.windows, whole.event),
            "finding": shown.finding_in_clip(finding, clip, whole.windows),
        }
        facts["reference"] = None if reference is None else asdict(reference)
    return page(
        request,
        "event.html",
        shown=shown.shown_event(
            whole.event,
            last_label(whole.labels),
            tongue,
            suppressed=library.suppressed().get(whole.event.event_id),
        ),
        facts=facts,
        worst=shown.worst_of([window for window in whole.windows if window.gone is None]),
        awaited=is_awaited(whole.event, rules.post_roll_s, now_utc_s),
        unheard=unheard,
        unheard_by=None if unheard is None else due.get(unheard.window_id),
        clips=[
            shown.ShownClip(
                address=shown.event_address(whole.event.event_id, asked.query, clip=one.clip_id),
                start_utc_s=one.start_utc_s,
                gone=one.gone is not None,
                is_shown=one is clip,
            )
            for one in whole.clips
        ],
        windows=shown.shown_windows(whole.windows, whole.clips, clip, asked.query, due),
        **_what_was_said(whole),
        links={"list": list_address(asked), "next": _next_address(library, whole, asked)},
        may_label=visit_of(request).may(Role.TECHNICIAN),
        unreviewed=unreviewed_events(library),
    )


def _why_silent(whole: WholeEvent, tongue: Tongue, *, by_utc_s: float | None, is_never: bool) -> str:
    reasons = {
        "age": tongue("The sound of this event was removed because of its age."),
        "space": tongue("The sound of this event was removed to make room for newer sound."),
        "missing": tongue("The sound of this event was removed by somebody else."),
        "never": tongue("Sound of this source is not stored: this box is set up so (store.audio)."),
        "unchecked": tongue("The sound was not stored: it could not be checked for speech (store.speech)."),
    }
    for clip in whole.clips:
        if clip.gone is not None:
            return reasons.get(clip.gone, clip.gone)
    if by_utc_s is not None:
        return tongue(
            "The sound of this event is still being recorded: it is to be here by {time}.",
            time=clock(by_utc_s),
        )
    if is_never:
        return reasons["never"]
    return tongue("No sound of this event was stored.")


def _next_address(library: Library, whole: WholeEvent, asked: Asked) -> str | None:
    """Return the next older event of the list that nobody has reviewed, else the newest such; None: none.

    Where the list itself asks for a label, the next of that list.
    """
    try:
        wanted = asked.wanted()
    except QueryError:
        wanted = EventFilter()
    if wanted.labelled is None:
        wanted = replace(wanted, labelled=Labelled.NONE)
    older = replace(wanted, to_utc_s=min(whole.event.start_utc_s, wanted.to_utc_s or float("inf")))
    for each in (older, wanted):
        for one in library.events(each, Order.NEWEST, limit=2).events:
            if one.event.event_id != whole.event.event_id:
                return shown.event_address(one.event.event_id, asked.query)
    return None


@answering
def event_history(request: Request) -> Response:
    """Answer what was said of an event: a piece of its page."""
    whole = library_of(request).event(request.path_params["event_id"])
    return page(request, "history.html", **_what_was_said(whole))


@answering
def event_similar(request: Request) -> Response:
    """Answer which earlier events looked alike: a piece of the page of an event."""
    library, tongue = library_of(request), tongue_for(request)
    found = library.similar(request.path_params["event_id"], limit=SIMILAR)
    rows = [
        shown.shown_event(one.event, one.label, tongue, percent=round(100 * one.similarity))
        for one in found.events
    ]
    return page(request, "similar.html", rows=rows)


@answering
def event_sounds_like(request: Request) -> Response:
    """Answer which fault an event sounds like, if any: a piece of its page."""
    found = library_of(request).similar(request.path_params["event_id"], limit=0)
    return page(request, "sounds_like.html", fault=found.fault)


def _what_was_said(whole: WholeEvent) -> dict[str, Any]:
    """Return an event's labels, the newest first, and the rating that counts (empty: not reviewed)."""
    counting = last_label(whole.labels)
    rating = "" if counting is None or counting.rating == WITHDRAWN else counting.rating
    disagreed = agreed(whole.labels) == "disagreed"
    return {"said": whole.labels[::-1], "counting": rating, "disagreed": disagreed}


ROUTES: Sequence[BaseRoute] = (
    Route("/events/{event_id}", event),
    Route("/events/{event_id}/history", event_history),
    Route("/events/{event_id}/similar", event_similar),
    Route("/events/{event_id}/sounds-like", event_sounds_like),
)
