"""The page as one ASGI application: what it serves, and what stands before that."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from monitor.config import Config
from monitor.control.client import ControlClient
from monitor.control.protocol import socket_path
from monitor.logs import Log, open_log
from monitor.replay.api import actions, routes, uploading
from monitor.replay.gate import entrance
from monitor.replay.gate.bodies import BodyLimit
from monitor.replay.gate.doorkeeper import Doorkeeper
from monitor.replay.gate.hosts import HostCheck
from monitor.replay.gate.reception import Reception
from monitor.replay.gate.refusals import SecurityHeaders, refuse_failure, refuse_http
from monitor.replay.kept.cache import KEEP_FREE_BYTES, KEEP_FREE_SHARE
from monitor.replay.kept.frontends import bundle_folders
from monitor.replay.kept.library import Library
from monitor.replay.pages import views
from monitor.replay.places import cache_dir

STATIC = Path(__file__).parent / "pages" / "static"


class _Looks(StaticFiles):
    """The files of the pages: a browser keeps them, and asks each time whether they have changed."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file, or that the reader has it already."""
        if "\0" in path:  # Starlette before 1.0 hands it to the system, which raises
            raise HTTPException(404)
        answer = await super().get_response(path, scope)
        answer.headers["Cache-Control"] = "no-cache"
        return answer


def create_app(settings: Config, log: Log | None = None) -> Starlette:
    """Return the page for the daemon that `settings` configure; without `log`, with one of its own.

    `app.state` holds `settings`, `control` (the daemon), `library` (what the store has) and `reception` (who
    is who). Before the routes stand, outermost first: headers of every answer, the Host, the body, the visit.
    """
    reception = Reception(settings, log or open_log(settings.log))
    app = Starlette(
        routes=[
            Mount("/static", _Looks(directory=STATIC), name="static"),
            Mount("/api/v1", routes=[*routes.ROUTES, *actions.ROUTES, *uploading.ROUTES]),
            *entrance.ROUTES,
            *views.ROUTES,
        ],
        middleware=[
            Middleware(SecurityHeaders),
            Middleware(HostCheck, allowed=settings.replay.allowed_hosts),
            Middleware(BodyLimit),
            Middleware(Doorkeeper, reception=reception),
        ],
        exception_handlers={HTTPException: refuse_http, Exception: refuse_failure},
    )
    app.state.settings = settings
    app.state.control = ControlClient(socket_path(settings.state_dir))
    app.state.library = Library(
        settings.state_dir,
        cache_dir(settings),
        settings.replay.cache_bytes,
        bundles=bundle_folders(settings),
        keep_free_bytes=max(KEEP_FREE_BYTES, round(KEEP_FREE_SHARE * settings.store.min_free_bytes)),
    )
    app.state.reception = reception
    return app
