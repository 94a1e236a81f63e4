"""The page as one ASGI application: what it serves, and what stands before that."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from monitor.config import Config
from monitor.control.client import ControlClient
from monitor.control.protocol import socket_path
from monitor.replay import actions, api, entrance, views
from monitor.replay.access import Role, Visit

STATIC = Path(__file__).parent / "static"


class _Everybody:
    """Stands in for logins until there are some."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope.setdefault("state", {})["visit"] = Visit("local", Role.ADMIN, "token", is_local=True)
        await self._app(scope, receive, send)


def create_app(settings: Config) -> Starlette:
    """Return the page for the daemon that `settings` configure.

    `app.state` holds `settings`, `control` (the daemon) and `library` (what the store has).
    """
    app = Starlette(
        routes=[
            Mount("/static", StaticFiles(directory=STATIC), name="static"),
            Mount("/api/v1", routes=[*api.ROUTES, *actions.ROUTES]),
            *entrance.ROUTES,
            *views.ROUTES,
        ],
        middleware=[Middleware(_Everybody)],
    )
    app.state.settings = settings
    app.state.control = ControlClient(socket_path(settings.state_dir))
    return app
