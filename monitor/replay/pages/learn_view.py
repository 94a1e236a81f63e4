"""The pages of guided commissioning: all sources, and one on its way from a microphone to a candidate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from monitor.bundles.choice import is_managed, is_unlearned
from monitor.bundles.parcel import MAX_PARCEL_BYTES
from monitor.config import Config, SourceConfig
from monitor.control.documents import Now
from monitor.errors import LibraryError, StoreError
from monitor.learning.place_of_training import learns_here
from monitor.replay.api.routes import library_of
from monitor.replay.gate.access import visit_of
from monitor.replay.kept.learning import learning_of
from monitor.replay.pages.learn_shown import LearnShown, Standing, learn_shown
from monitor.replay.pages.templating import page, tongue_for
from monitor.replay.pages.viewing import daemon_now, roles_of, unreviewed_events
from monitor.replay.pages.words import Tongue


async def learn(request: Request) -> Response:
    """Answer where every source stands."""
    return await run_in_threadpool(_learn, request, "learn.html", await daemon_now(request))


async def learn_cards(request: Request) -> Response:
    """Answer the cards of the same page alone."""
    return await run_in_threadpool(_learn, request, "learn_cards.html", await daemon_now(request))


async def learning(request: Request) -> Response:
    """Answer the page of one source."""
    return await run_in_threadpool(_learning, request, "learning.html", await daemon_now(request))


async def learning_parts(request: Request) -> Response:
    """Answer what changes on that page."""
    return await run_in_threadpool(_learning, request, "learning_parts.html", await daemon_now(request))


def _learn(request: Request, template: str, now: Now | None) -> Response:
    settings: Config = request.app.state.settings
    shown = [_shown(request, source.id) for source in settings.sources]
    return page(request, template, sources=shown, silent=now is None, unreviewed=_unreviewed(request))


def _learning(request: Request, template: str, now: Now | None) -> Response:
    settings: Config = request.app.state.settings
    source_id, tongue = request.path_params["source_id"], tongue_for(request)
    source = next((one for one in settings.sources if one.id == source_id), None)
    if source is None:
        title, text = tongue("Not found"), tongue("This box has no source of this name.")
        return page(request, "error.html", status=404, title=title, text=text)
    return page(
        request,
        template,
        one=_shown(request, source_id),
        silent=now is None,
        most_bytes=MAX_PARCEL_BYTES,
        refused=_refusal(settings, source, tongue),
        rules=_rules(settings, source),
        packs=not learns_here(settings.learn.where),
        is_managed=is_managed(source),
        is_first=_is_first(settings, source),
        waiting=roles_of(settings, source_id).candidate,
        unreviewed=_unreviewed(request),
    )


def _shown(request: Request, source_id: str) -> LearnShown:
    settings: Config = request.app.state.settings
    found = learning_of(settings.state_dir, source_id)
    roles = roles_of(settings, source_id)
    managed = {source.id for source in settings.sources if is_managed(source)}
    standing = Standing(roles.candidate, roles.live if source_id in managed else None)
    return learn_shown(found, tongue_for(request), visit_of(request), standing)


def _is_first(settings: Config, source: SourceConfig) -> bool:
    try:
        return is_unlearned(source, settings)
    except LibraryError:  # the daemon says what is wrong with it
        return False


def _refusal(settings: Config, source: SourceConfig, tongue: Tongue) -> str:
    """Return why nothing is recorded of a source; empty: it may be. The daemon has the last word."""
    if not settings.learn.enabled:
        return tongue("Nothing is recorded to learn from: this box is set up so (learn.enabled).")
    if settings.store.for_source(source.audio, source.speech).audio == "never":
        return tongue(
            "Sound of this source is never stored (audio: never), so that none is recorded. Learn from "
            "recordings that were made elsewhere."
        )
    if source.kind == "file":
        return tongue("This source is a file: learn from it at a terminal, with wheeltapper learn --data.")
    return ""


def _rules(settings: Config, source: SourceConfig) -> Mapping[str, bool]:
    rules = settings.store.for_source(source.audio, source.speech)
    return {"speech": rules.speech != "keep"}


def _unreviewed(request: Request) -> int:
    try:
        return unreviewed_events(library_of(request))
    except StoreError:
        return 0


ROUTES: Sequence[BaseRoute] = (
    Route("/learn", learn),
    Route("/learn-cards", learn_cards),
    Route("/learn/{source_id}", learning),
    Route("/learn-parts/{source_id}", learning_parts),
)
