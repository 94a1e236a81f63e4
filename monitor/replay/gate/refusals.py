"""What a request gets that is not served: a sentence, as JSON below /api, as a page or plain text elsewhere.

And the headers that every answer carries, also these.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from monitor.replay.pages.templating import page

API = "/api/"
SECURITY_POLICY = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "media-src 'self'",
    "connect-src 'self'",
    "font-src 'self'",
    "manifest-src 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types our-pages",
)
"""Nothing inline, nothing from elsewhere; text becomes markup in one place (static/talk.js, `our-pages`)."""
HEADERS = {
    "Content-Security-Policy": "; ".join(SECURITY_POLICY),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # not no-referrer: browsers would then send `Origin: null` with our own forms
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
UNLESS_SAID = {"Cache-Control": "no-store"}
"""What an answer carries that says nothing else of it: pages and data are nobody's to keep."""


def refusal(
    connection: HTTPConnection, status: int, sentence: str, headers: Mapping[str, str] | None = None
) -> Response:
    """Return an answer that says why there is none."""
    if connection.scope["path"].startswith(API):
        return JSONResponse({"error": sentence}, status, headers)
    return PlainTextResponse(f"{sentence}\n", status, headers)


async def refuse_http(request: Request, error: Exception) -> Response:
    """Answer what an endpoint or the router raised as HTTPException."""
    if not isinstance(error, HTTPException):
        raise error
    if request.scope["path"].startswith(API) or getattr(request.state, "visit", None) is None:
        return refusal(request, error.status_code, error.detail, error.headers)
    answer = page(
        request,
        "error.html",
        status=error.status_code,
        title=HTTPStatus(error.status_code).phrase,
        text=error.detail,
    )
    answer.headers.update(error.headers or {})
    return answer


async def refuse_failure(request: Request, _error: Exception) -> Response:
    """Answer what nobody expected, without a word of what it was: that stands in the log."""
    answer = refusal(request, 500, f"{HTTPStatus(500).phrase}; the page's log says more")
    add_headers(answer.headers)
    return answer


def add_headers(headers: MutableHeaders) -> None:
    """Add what every answer carries."""
    headers.update(HEADERS)
    for name, value in UNLESS_SAID.items():
        headers.setdefault(name, value)


class SecurityHeaders:
    """Adds what every answer carries."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the start and end of the application."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                add_headers(MutableHeaders(scope=message))
            await send(message)

        await self._app(scope, receive, send_with_headers)
