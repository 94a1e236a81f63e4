"""The cookies of the page: what they are called, and how each is set."""

from __future__ import annotations

from starlette.requests import HTTPConnection
from starlette.responses import Response

REMEMBERED_S = 400 * 86_400
"""So long a browser remembers a choice of its reader; browsers keep no cookie for longer."""


def session_cookie(connection: HTTPConnection) -> str:
    """Return the name of the session's cookie; pages of this host on other ports share its cookies."""
    return _cookie(connection, "wheeltapper")


def form_cookie(connection: HTTPConnection) -> str:
    """Return the name of the login form's cookie."""
    return _cookie(connection, "wheeltapper-form")


def language_cookie(connection: HTTPConnection) -> str:
    """Return the name of the cookie that holds which language this browser's reader has chosen."""
    return _cookie(connection, "wheeltapper-language")


def is_encrypted(connection: HTTPConnection) -> bool:
    """Say whether the browser speaks HTTPS, with us or with a proxy that we trust."""
    return bool(connection.scope["scheme"] == "https")


def keep_in_window(connection: HTTPConnection, answer: Response, name: str, value: str) -> None:
    """Set a cookie for this browser window: scripts cannot read it, other sites' pages do not send it."""
    answer.set_cookie(
        name, value, secure=is_encrypted(connection), httponly=True, samesite="strict", path="/"
    )


def remember(connection: HTTPConnection, answer: Response, name: str, value: str) -> None:
    """Set a cookie that outlasts the window and opens no door: a link from elsewhere brings it along."""
    answer.set_cookie(
        name,
        value,
        max_age=REMEMBERED_S,
        secure=is_encrypted(connection),
        httponly=True,
        samesite="lax",
        path="/",
    )


def _cookie(connection: HTTPConnection, name: str) -> str:
    server = connection.scope.get("server")
    port = server[1] if server else ""
    # by this prefix browsers refuse the cookie from anybody but this very host over HTTPS (RFC 6265bis)
    return f"{'__Host-' if is_encrypted(connection) else ''}{name}-{port}"
