"""The pages: Now, the list of events, and the routes of all pages."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace

from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from monitor.bundles.choice import is_managed
from monitor.config import Config
from monitor.control.documents import Now
from monitor.errors import ControlError, QueryError, StoreError
from monitor.replay.api.routes import library_of
from monitor.replay.gate.access import Role, visit_of
from monitor.replay.kept.event_query import EventFilter, Labelled, Order
from monitor.replay.kept.library import Library
from monitor.replay.pages import compare_view, drift_view, event_view, learn_view, shown
from monitor.replay.pages.asked import Asked, asked_from
from monitor.replay.pages.cards import Card, cards_from_now, news_of
from monitor.replay.pages.refused import said_in
from monitor.replay.pages.templating import page, tongue_for
from monitor.replay.pages.viewing import answering, list_address, roles_of, unreviewed_events
from monitor.replay.pages.words import KINDS, RATINGS, STATES, Tongue
from monitor.worded import wording_of

ROWS = 30
"""Events of one page of the list."""


# now ----------------------------------------------------------------------------------------------


async def now(request: Request) -> Response:
    """Answer how every source is."""
    cards, news, box, silence = await _cards(request)
    unreviewed = await run_in_threadpool(_unreviewed_if_known, library_of(request))
    return page(
        request,
        "now.html",
        cards=cards,
        news=news,
        managed=_managed(request),
        box=box,
        silence=silence,
        unreviewed=unreviewed,
    )


async def moved_to_root(_request: Request) -> Response:
    """Lead whoever guesses the address of Now to it."""
    return RedirectResponse("/", 308)


async def now_cards(request: Request) -> Response:
    """Answer the cards of the same page alone; 503 while the daemon does not answer."""
    cards, news, _, silence = await _cards(request)
    facts = {"cards": cards, "news": news, "managed": _managed(request)}
    return page(request, "now_parts.html", status=503 if silence else 200, **facts)


def _managed(request: Request) -> frozenset[str]:
    """Return the sources whose bundle has versions, and perhaps a candidate."""
    return frozenset(source.id for source in request.app.state.settings.sources if is_managed(source))


async def _cards(request: Request) -> tuple[Sequence[Card], Sequence[str], str, str]:
    """Return cards, news of the box, its name, and why there is nothing to show (empty: there is)."""
    tongue = tongue_for(request)
    try:
        told = Now.model_validate(await request.app.state.control.now())
    except ControlError:
        silence = tongue(
            "The daemon does not answer: nothing is known of now. Start it (systemctl start wheeltapper), or "
            "look why it does not run (wheeltapper status)."
        )
        return [], [], "", silence
    except ValidationError:
        return [], [], "", tongue("The daemon is of another version than this page: restart both.")
    longest_s = functools.partial(_shelve_max_s, request.app.state.settings)
    unlearned = [source.source for source in told.sources if source.bundle is None]
    candidates = await run_in_threadpool(_with_candidate, request.app.state.settings, unlearned)
    cards = cards_from_now(told, tongue, visit_of(request), longest_s, candidates)
    return cards, news_of(told.box, tongue), f"{told.box.site} / {told.box.box}", ""


def _with_candidate(settings: Config, source_ids: Sequence[str]) -> frozenset[str]:
    """Return those of these sources for which a candidate waits."""
    return frozenset(name for name in source_ids if roles_of(settings, name).candidate is not None)


def _shelve_max_s(settings: Config, source_id: str) -> float:
    """Return the setting of one source; of one that this configuration does not know the general one."""
    for source in settings.sources:
        if source.id == source_id:
            return settings.alarm_for(source).shelve_max_s
    return settings.alarm.shelve_max_s


# the list -----------------------------------------------------------------------------------------


@answering
def events(request: Request) -> Response:
    """Answer a page of the list of events."""
    library, tongue = library_of(request), tongue_for(request)
    asked, cursor = asked_from(request.query_params), request.query_params.get("cursor") or None
    refused = ""
    try:
        wanted, order = asked.wanted(), asked.chosen_order
        found = library.events(wanted, order, cursor=cursor, limit=ROWS)
    except QueryError as error:
        refused, asked, cursor, wanted = said_in(tongue, wording_of(error)), Asked(), None, EventFilter()
        found = library.events(wanted, limit=ROWS)
    why = library.suppressed()
    disagreed = library.disagreed(one.event.event_id for one in found.events if one.label is not None)
    rows = [
        replace(
            shown.shown_event(one.event, one.label, tongue, asked.query, suppressed=why.get(name)),
            disagreed=name in disagreed,
        )
        for one in found.events
        if (name := one.event.event_id)
    ]
    return page(
        request,
        "events.html",
        status=400 if refused else 200,
        refused=refused,
        asked=asked,
        rows=rows,
        counts=library.counts(wanted),
        unreviewed=unreviewed_events(library),
        first=list_address(asked) if cursor else None,
        following=list_address(asked, cursor=found.next_cursor) if found.next_cursor else None,
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


def _export_address(asked: Asked) -> str:
    return "/api/v1/export" + (f"?{query}" if (query := asked.export_query) else "")


def _unreviewed_if_known(library: Library) -> int:
    """Return the same for Now, which is shown even when there is no store yet: nothing is then counted."""
    try:
        return unreviewed_events(library)
    except StoreError:
        return 0


ROUTES: Sequence[BaseRoute] = (
    Route("/", now),
    Route("/now", moved_to_root),
    Route("/now/cards", now_cards),
    Route("/events", events),
    *compare_view.ROUTES,
    *drift_view.ROUTES,
    *event_view.ROUTES,
    *learn_view.ROUTES,
)
