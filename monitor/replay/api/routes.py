"""The JSON API behind the page, read only: below /api/v1."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from monitor.control.documents import Now
from monitor.describe import sentence
from monitor.errors import CatalogueError
from monitor.explanation import Explanation
from monitor.publish.explained import Voice
from monitor.replay.api import actions
from monitor.replay.api.disputes import DISPUTES
from monitor.replay.api.documents import (
    EventsDocument,
    SimilarEventsDocument,
    SourcesDocument,
    WholeEventDocument,
    events_document,
    similar_document,
    whole_event_document,
)
from monitor.replay.api.endpoint import Endpoint
from monitor.replay.api.learning import LEARNING
from monitor.replay.api.openapi import Change, openapi_of
from monitor.replay.api.queries import (
    AudioQuery,
    EventsQuery,
    ExportQuery,
    LanguageQuery,
    Query,
    SimilarQuery,
)
from monitor.replay.api.sending import ZIP, ExportAnswer
from monitor.replay.api.served import FileAnswer, NotModified, is_known
from monitor.replay.kept.audio import AudioFormat
from monitor.replay.kept.axes import Axes
from monitor.replay.kept.library import Library
from monitor.replay.kept.media import PNG, Piece
from monitor.replay.kept.sheet import MAPS, PICTURES

EXPORT_NAME = "wheeltapper-labelled.zip"


def library_of(request: Request) -> Library:
    """Return what the application shows."""
    library: Library = request.app.state.library
    return library


def voice_in(language: str) -> Voice:
    """Return a voice that has no words where there is no catalogue, or a slip in it."""

    def say(explanation: Explanation) -> str | None:
        try:
            return sentence(explanation, language)
        except (CatalogueError, KeyError, ValueError):
            return None

    return Voice(language, say)


def answer_with_piece(request: Request, piece: Piece, *, has_parts: bool = False) -> Response:
    """Send a picture or a sound, or only that the reader has it already."""
    if is_known(request.headers, piece.etag):
        return NotModified(piece.etag)
    return FileAnswer(piece.open(), piece.media_type, piece.etag, request.headers if has_parts else None)


def _json(document: BaseModel) -> Response:
    return Response(document.model_dump_json(), media_type="application/json")


async def _now(request: Request, _query: Query) -> Response:
    return JSONResponse(await request.app.state.control.now())


def _events(request: Request, query: EventsQuery) -> Response:
    library = library_of(request)
    page = library.events(query.wanted, query.order, cursor=query.cursor, limit=query.limit)
    return _json(events_document(page, library.counts(query.wanted), voice_in(query.language)))


def _event(request: Request, query: LanguageQuery) -> Response:
    library = library_of(request)
    whole = library.event(request.path_params["event_id"])
    return _json(whole_event_document(whole, library.reference(whole.event), voice_in(query.language)))


def _similar(request: Request, query: SimilarQuery) -> Response:
    found = library_of(request).similar(request.path_params["event_id"], query.limit)
    return _json(similar_document(found, voice_in(query.language)))


def _sources(request: Request, _query: Query) -> Response:
    return _json(SourcesDocument(sources=tuple(library_of(request).source_ids())))


def _thumbnail(request: Request, _query: Query) -> Response:
    return answer_with_piece(request, library_of(request).media.thumbnail(request.path_params["event_id"]))


def _axes(request: Request, _query: Query) -> Response:
    return answer_with_piece(request, library_of(request).media.axes(request.path_params["clip_id"]))


def _audio(request: Request, query: AudioQuery) -> Response:
    clip_id = request.path_params["clip_id"]
    piece = library_of(request).media.audio(clip_id, query.format, query.band)
    return answer_with_piece(request, piece, has_parts=True)


def _picture(request: Request, _query: Query) -> Response:
    given = request.path_params
    return answer_with_piece(request, library_of(request).media.picture(given["clip_id"], given["picture"]))


def _window_picture(request: Request, _query: Query) -> Response:
    given = request.path_params
    piece = library_of(request).media.window_picture(given["window_id"], given["picture"])
    return answer_with_piece(request, piece)


def _export(request: Request, query: ExportQuery) -> Response:
    library = library_of(request)
    library.counts()  # a store that cannot be read is told now, not in the middle of a zip
    return ExportAnswer(library.export(query.wanted, query.ratings), EXPORT_NAME)


def _openapi(_request: Request, _query: Query) -> Response:
    return JSONResponse(openapi_of(ENDPOINTS, CHANGES, version=version("wheeltapper")))


ENDPOINTS: Sequence[Endpoint] = (
    Endpoint(
        "/now", "now", "How the daemon and every source are, as the daemon tells it.", _now, document=Now
    ),
    Endpoint("/sources", "sources", "Who has had events.", _sources, document=SourcesDocument),
    Endpoint(
        "/events",
        "events",
        "A page of the events that fit a filter.",
        _events,
        query=EventsQuery,
        document=EventsDocument,
    ),
    Endpoint(
        "/events/{event_id}",
        "event",
        "An event with its labels, changes, clips and windows.",
        _event,
        query=LanguageQuery,
        document=WholeEventDocument,
        statuses=(404,),
    ),
    Endpoint(
        "/events/{event_id}/similar",
        "similar_events",
        "Earlier events of the same source whose error maps looked alike, and which fault that speaks for.",
        _similar,
        query=SimilarQuery,
        document=SimilarEventsDocument,
        statuses=(404,),
        is_slow=True,
    ),
    Endpoint(
        "/events/{event_id}/thumbnail.png",
        "event_thumbnail",
        "The error map of the event's worst window, small.",
        _thumbnail,
        media_types=(PNG,),
        statuses=(404, 410),
        is_slow=True,
        has_etag=True,
    ),
    Endpoint(
        "/clips/{clip_id}/axes",
        "clip_axes",
        "Where times and frequencies lie in the clip's pictures.",
        _axes,
        document=Axes,
        statuses=(404, 410),
        is_slow=True,
        has_etag=True,
    ),
    Endpoint(
        "/clips/{clip_id}/audio",
        "clip_audio",
        "The clip's sound, or one band of it.",
        _audio,
        query=AudioQuery,
        media_types=tuple(kind.media_type for kind in AudioFormat),
        statuses=(404, 410),
        is_slow=True,
        has_etag=True,
        has_parts=True,
        audited="sound fetched",
    ),
    Endpoint(
        "/clips/{clip_id}/pictures/{picture}.png",
        "clip_picture",
        "A picture of the clip; all of them share the axes.",
        _picture,
        media_types=(PNG,),
        statuses=(404, 410),
        choices={"picture": PICTURES},
        is_slow=True,
        has_etag=True,
    ),
    Endpoint(
        "/windows/{window_id}/pictures/{picture}.png",
        "window_picture",
        "A picture of one flagged window, one pixel a cell.",
        _window_picture,
        media_types=(PNG,),
        statuses=(404, 410),
        choices={"picture": MAPS},
        is_slow=True,
        has_etag=True,
    ),
    Endpoint(
        "/export",
        "export",
        "The labelled clips with an index.csv, as `wheeltapper train` and `evaluate` read them.",
        _export,
        query=ExportQuery,
        media_types=(ZIP,),
        is_slow=True,
        audited="sound exported",
    ),
    *DISPUTES,
    *LEARNING,
    Endpoint("/openapi.json", "openapi", "This description.", _openapi, media_types=("application/json",)),
)


CHANGES: Sequence[Change] = (
    Change("/events/{event_id}/labels", "label", "Say what an event was.", actions.Judgement),
    Change("/events/{event_id}/labels/undo", "undo_label", "Take back what was said last.", actions.Remark),
    Change("/events/{event_id}/lock", "lock", "Keep an event's sound and maps for good.", actions.Remark),
    Change("/events/{event_id}/unlock", "unlock", "No longer.", actions.Remark),
    Change("/labels", "label_many", "Say the same of several events.", actions.BulkJudgement),
    Change("/sources/{source_id}/commands", "command", "Do something about an alarm.", actions.Order),
    Change(
        "/sources/{source_id}/learning/orders",
        "learn",
        "Have normal sound recorded and learned.",
        actions.LearnOrder,
    ),
    Change(
        "/sources/{source_id}/bundles",
        "install_bundle",
        "Put a bundle in as the source's candidate, sent as a tar of its folder; for the role admin.",
        None,
    ),
)
"""What monitor.replay.api.actions answers."""
ROUTES: Sequence[BaseRoute] = tuple(endpoint.route for endpoint in ENDPOINTS)
