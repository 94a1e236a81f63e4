"""The part of the API that is about learning: how far it is, what is odd, and the sound of it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from monitor.config import Config
from monitor.control.protocol import no_source
from monitor.errors import FileGoneError, UnknownIdError
from monitor.learning.documents import PACKAGE, Found, Outcome, Progress
from monitor.learning.plan import Plan, learn_place
from monitor.replay.api.endpoint import Endpoint
from monitor.replay.api.queries import Query
from monitor.replay.api.served import FileAnswer, NotModified, is_known
from monitor.replay.gate.access import Role
from monitor.replay.gate.uploads import TAR
from monitor.replay.kept.audio import AudioFormat
from monitor.replay.kept.learning import learning_of, sound_of_stretch, stretch_at
from monitor.worded import worded


class LearningDocument(BaseModel):
    """Where a source stands."""

    model_config = ConfigDict(frozen=True)

    source: str = Field(description="Its id.")
    plan: Plan | None = Field(description="What is wanted; null: nothing.")
    progress: Progress | None = Field(description="What is being done, or was last.")
    found: Found | None = Field(description="What was found in the recordings.")
    outcome: Outcome | None = Field(description="What came of the last learning.")
    package_bytes: int | None = Field(
        description="Size of the package that can be fetched; null: there is none."
    )


def source_asked(request: Request) -> str:
    """Return the source of a request's path.

    Raises:
        UnknownIdError: This box has none of this name.
    """
    source_id: str = request.path_params["source_id"]
    settings: Config = request.app.state.settings
    if source_id not in {source.id for source in settings.sources}:
        raise UnknownIdError(no_source(source_id))
    return source_id


def _source_heard(request: Request) -> str:
    """Return the source of a request's path, if what was recorded of it may still be heard.

    Raises:
        UnknownIdError: This box has none of this name.
        FileGoneError: Its sound is never stored by now.
    """
    source_id, settings = source_asked(request), request.app.state.settings
    (source,) = (one for one in settings.sources if one.id == source_id)
    if settings.store.for_source(source.audio, source.speech).audio == "never":
        raise FileGoneError(
            worded(
                "never-stored",
                "sound of {source} is never stored (audio: never); what was recorded before is not handed "
                "out, and an administrator removes it on the page",
                source=source_id,
            )
        )
    return source_id


def _learning(request: Request, _query: Query) -> Response:
    found = learning_of(request.app.state.settings.state_dir, source_asked(request))
    document = LearningDocument(
        source=found.source_id,
        plan=found.plan,
        progress=found.progress,
        found=found.found,
        outcome=found.outcome,
        package_bytes=found.package_bytes,
    )
    return Response(document.model_dump_json(), media_type="application/json")


def _stretch(request: Request, _query: Query) -> Response:
    source_id, number = _source_heard(request), request.path_params["number"]
    state_dir = request.app.state.settings.state_dir
    if not number.isascii() or not number.isdigit() or len(number) > 9:
        raise UnknownIdError(worded("stretch-number", "odd stretches have numbers"))
    stretch = stretch_at(learning_of(state_dir, source_id).found, int(number))
    etag = f'"{hashlib.sha256(f"{source_id} {stretch.id} {stretch.end_s}".encode()).hexdigest()[:32]}"'
    if is_known(request.headers, etag):
        return NotModified(etag)
    sound = sound_of_stretch(state_dir, source_id, stretch)
    return FileAnswer(sound, AudioFormat.FLAC.media_type, etag, request.headers)


def _package(request: Request, _query: Query) -> Response:
    source_id = _source_heard(request)
    path = learn_place(request.app.state.settings.state_dir, source_id) / PACKAGE
    try:
        file = path.open("rb")
    except OSError as error:
        raise UnknownIdError(
            worded(
                "no-package", "there is no package: it is made after the recording, where torch is missing"
            )
        ) from error
    status = path.stat()
    etag = f'"{status.st_size:x}-{status.st_mtime_ns:x}"'
    answer = FileAnswer(file, TAR, etag, request.headers)
    answer.headers["Content-Disposition"] = f'attachment; filename="{source_id}.tar"'
    return answer


LEARNING: Sequence[Endpoint] = (
    Endpoint(
        "/sources/{source_id}/learning",
        "learning",
        "How far the source is on the way from a microphone to a bundle.",
        _learning,
        document=LearningDocument,
        statuses=(404,),
    ),
    Endpoint(
        "/sources/{source_id}/learning/stretches/{number}/audio",
        "odd_stretch_audio",
        "The sound of the odd stretch that stands at this place of `found`, with two seconds around it; for "
        "the role technician: nothing was taken out of it.",
        _stretch,
        media_types=(AudioFormat.FLAC.media_type,),
        statuses=(404, 410),
        is_slow=True,
        has_etag=True,
        has_parts=True,
        role=Role.TECHNICIAN,
        audited="sound fetched",
    ),
    Endpoint(
        "/sources/{source_id}/learning/package",
        "learning_package",
        "The recordings, packed for a machine that can learn; for the role admin.",
        _package,
        media_types=(TAR,),
        statuses=(404, 410),
        has_parts=True,
        role=Role.ADMIN,
        audited="sound exported",
    ),
)
"""What can be read of learning."""
