"""The pages: Now, the list of events, one event, and the pieces of them that are fetched again."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any
from urllib.parse import urlencode

from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from monitor.control.documents import Now
from monitor.errors import ControlError, QueryError, StoreError, UnknownIdError
from monitor.replay import shown
from monitor.replay.access import Role, visit_of
from monitor.replay.asked import Asked, asked_from
from monitor.replay.cards import Card, cards_from_now
from monitor.replay.event_query import EventFilter, Labelled, Order
from monitor.replay.library import Library, WholeEvent, last_label
from monitor.replay.shown import WITHDRAWN
from monitor.replay.templating import page, tongue_for
from monitor.replay.words import KINDS, RATINGS, STATES, Tongue

ROWS = 30
"""Events of one page of the list."""
SIMILAR = 6


def _answering(view: Callable[[Request], Response]) -> Callable[[Request], Response]:
    """Return `view`, which then answers what it raises as a page for a person."""

    @functools.wraps(view)
    def answered(request: Request) -> Response:
        tongue = tongue_for(request)
        try:
            return view(request)
        except UnknownIdError:
            title, text = tongue("Not found"), tongue("There is no event of this id in the store.")
            return page(request, "error.html", status=404, title=title, text=text)
        except StoreError as error:
            title = tongue("The store cannot be read")
            return page(request, "error.html", status=503, title=title, text=str(error))

    return answered


def _library(request: Request) -> Library:
    library = request.app.state.library
    assert isinstance(library, Library)  # noqa: S101 - create_app put it there
    return library


# now ----------------------------------------------------------------------------------------------


async def now(request: Request) -> Response:
    """Answer how every source is."""
    cards, box, silence = await _cards(request)
    unreviewed = await run_in_threadpool(_unreviewed_if_known, _library(request))
    return page(request, "now.html", cards=cards, box=box, silence=silence, unreviewed=unreviewed)


async def now_cards(request: Request) -> Response:
    """Answer the cards of the same page alone; 503 while the daemon does not answer."""
    cards, _, silence = await _cards(request)
    return page(request, "cards.html", cards=cards, status=503 if silence else 200)


async def _cards(request: Request) -> tuple[Sequence[Card], str, str]:
    """Return the cards, the name of the box, and why there is nothing to show (empty: there is)."""
    tongue = tongue_for(request)
    try:
        told = Now.model_validate(await request.app.state.control.now())
    except ControlError as error:
        return [], "", tongue("The daemon does not answer: nothing is known of now. {reason}", reason=error)
    except ValidationError:
        return [], "", tongue("The daemon is of another version than this page: restart both.")
    return cards_from_now(told, tongue, visit_of(request)), f"{told.box.site} / {told.box.box}", ""


# the list -----------------------------------------------------------------------------------------


@_answering
def events(request: Request) -> Response:
    """Answer a page of the list of events."""
    library, tongue = _library(request), tongue_for(request)
    asked, cursor = asked_from(request.query_params), request.query_params.get("cursor") or None
    refused = ""
    try:
        wanted, order = asked.wanted(), asked.chosen_order
        found = library.events(wanted, order, cursor=cursor, limit=ROWS)
    except QueryError as error:
        refused, asked, cursor, wanted = str(error), Asked(), None, EventFilter()
        found = library.events(wanted, limit=ROWS)
    rows = [shown.shown_event(one.event, one.label, tongue, asked.query) for one in found.events]
    return page(
        request,
        "events.html",
        status=400 if refused else 200,
        refused=refused,
        asked=asked,
        rows=rows,
        counts=library.counts(wanted),
        unreviewed=_unreviewed(library),
        first=_list_address(asked) if cursor else None,
        following=_list_address(asked, cursor=found.next_cursor) if found.next_cursor else None,
        export=_export_address(asked),
        may_label=visit_of(request).may(Role.TECHNICIAN),
        **_choices(library, tongue),
    )


def _choices(library: Library, tongue: Tongue) -> dict[str, Sequence[tuple[str, str]]]:
    every = ("", tongue("all"))
    labels = [(Labelled.NONE.value, tongue("not reviewed")), (Labelled.ANY.value, tongue("reviewed"))]
    return {
        "sources": [every, *((name, name) for name in library.source_ids())],
        "labels": [every, *labels, *((rating, tongue(text)) for rating, text in RATINGS.items())],
        "kinds": [every, *((kind.value, tongue(text)) for kind, text in KINDS.items())],
        "states": [every, *((state.value, tongue(text)) for state, (text, _) in STATES.items())],
        "orders": [
            ("", tongue("not reviewed first")),
            (Order.NEWEST.value, tongue("newest first")),
        ],
    }


def _list_address(asked: Asked, **more: str) -> str:
    parts = [part for part in (asked.query, urlencode(more)) if part]
    return "/events" + ("?" + "&".join(parts) if parts else "")


def _export_address(asked: Asked) -> str:
    return "/api/v1/export" + (f"?{query}" if (query := asked.export_query) else "")


def _unreviewed(library: Library) -> int:
    return library.counts().unreviewed


def _unreviewed_if_known(library: Library) -> int:
    """Return the same for Now, which is shown even when there is no store yet: nothing is then counted."""
    try:
        return _unreviewed(library)
    except StoreError:
        return 0


# one event ----------------------------------------------------------------------------------------


@_answering
def event(request: Request) -> Response:
    """Answer the page of one event."""
    library, tongue = _library(request), tongue_for(request)
    whole = library.event(request.path_params["event_id"])
    asked = asked_from(request.query_params)
    clip = shown.chosen_clip(whole.clips, whole.windows, request.query_params.get("clip"))
    reference = library.reference(whole.event)
    facts: dict[str, Any] = {"clip": None, "reference": None, "why": _why_silent(whole, tongue)}
    if clip is not None and clip.gone is None:
        explanation = whole.event.explanation
        finding = explanation.findings[0] if explanation is not None else None
        facts["clip"] = {
            "id": clip.clip_id,
            "startS": shown.start_in_clip(clip, whole.windows, whole.event),
            "finding": shown.finding_in_clip(finding, clip),
        }
        facts["reference"] = None if reference is None else asdict(reference)
    return page(
        request,
        "event.html",
        shown=shown.shown_event(whole.event, last_label(whole.labels), tongue),
        facts=facts,
        clips=[
            shown.ShownClip(
                address=shown.event_address(whole.event.event_id, asked.query, clip=one.clip_id),
                start_utc_s=one.start_utc_s,
                gone=one.gone is not None,
                is_shown=one is clip,
            )
            for one in whole.clips
        ],
        windows=shown.shown_windows(whole.windows, whole.clips, clip, asked.query),
        **_what_was_said(whole),
        links={"list": _list_address(asked), "next": _next_address(library, whole, asked)},
        may_label=visit_of(request).may(Role.TECHNICIAN),
        unreviewed=_unreviewed(library),
    )


def _why_silent(whole: WholeEvent, tongue: Tongue) -> str:
    reasons = {
        "age": tongue("The sound of this event was removed because of its age."),
        "space": tongue("The sound of this event was removed to make room for newer sound."),
        "missing": tongue("The sound of this event was removed by somebody else."),
    }
    for clip in whole.clips:
        if clip.gone is not None:
            return reasons.get(clip.gone, clip.gone)
    return tongue(
        "No sound of this event is stored yet. While it goes on, its sound is still being recorded."
    )


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


@_answering
def event_history(request: Request) -> Response:
    """Answer what was said of an event: a piece of its page."""
    whole = _library(request).event(request.path_params["event_id"])
    return page(request, "history.html", **_what_was_said(whole))


@_answering
def event_similar(request: Request) -> Response:
    """Answer which earlier events looked alike: a piece of the page of an event."""
    library, tongue = _library(request), tongue_for(request)
    found = library.similar(request.path_params["event_id"], limit=SIMILAR)
    rows = [
        shown.shown_event(one.event, one.label, tongue, percent=round(100 * one.similarity)) for one in found
    ]
    return page(request, "similar.html", rows=rows)


def _what_was_said(whole: WholeEvent) -> dict[str, Any]:
    """Return an event's labels, the newest first, and the rating that counts (empty: not reviewed)."""
    counting = last_label(whole.labels)
    rating = "" if counting is None or counting.rating == WITHDRAWN else counting.rating
    return {"said": whole.labels[::-1], "counting": rating}


ROUTES: Sequence[BaseRoute] = (
    Route("/", now),
    Route("/now/cards", now_cards),
    Route("/events", events),
    Route("/events/{event_id}", event),
    Route("/events/{event_id}/history", event_history),
    Route("/events/{event_id}/similar", event_similar),
)
