"""What a request gets that is not served: a sentence, as JSON below /api, as a page or plain text elsewhere.

People read it in their language, programs in English, with a code that stays the same. And the headers that
every answer carries, also these.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from monitor.replay.pages.refused import said_in
from monitor.replay.pages.templating import BESIDE_LANGUAGE, page, tongue_for
from monitor.replay.pages.words import marked
from monitor.worded import Worded, worded

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
REFUSED = {
    403: (marked("Not allowed"), worded("not-allowed", "Your role does not allow it.")),
    404: (marked("Not found"), worded("no-such-address", "There is nothing at this address.")),
}
"""Status -> title of the page that says it, and why where the refusal does not say so itself."""
OTHERWISE = (
    marked("It was not done"),
    worded("not-taken-here", "This address does not take what was sent to it."),
)
UNLESS_SAID = {"Cache-Control": "no-store"}
"""What an answer carries that says nothing else of it: pages and data are nobody's to keep."""


def refusal(
    connection: HTTPConnection, status: int, sentence: str, headers: Mapping[str, str] | None = None
) -> Response:
    """Return an answer that says why there is none; best with a `Worded` sentence."""
    known = {**BESIDE_LANGUAGE, **(headers or {})}
    if connection.scope["path"].startswith(API):
        return JSONResponse(document_of(connection, sentence), status, known)
    return PlainTextResponse(f"{said_in(tongue_for(connection), sentence)}\n", status, known)


def document_of(connection: HTTPConnection, sentence: str) -> dict[str, object]:
    """Return why something is refused as the API does: in English, by its code, and in the reader's words."""
    told = said_in(tongue_for(connection), sentence)
    if not isinstance(sentence, Worded):
        return {"error": sentence, "code": None, "facts": {}, "told": told}
    return {"error": sentence, "code": sentence.code, "facts": sentence.tree["facts"], "told": told}


async def refuse_http(request: Request, error: Exception) -> Response:
    """Answer what an endpoint or the router raised as HTTPException."""
    if not isinstance(error, HTTPException):
        raise error
    title, usual = REFUSED.get(error.status_code, OTHERWISE)
    why = error.detail if isinstance(error.detail, Worded) else usual
    if request.scope["path"].startswith(API) or getattr(request.state, "visit", None) is None:
        return refusal(request, error.status_code, why, error.headers)
    tongue = tongue_for(request)
    answer = page(
        request,
        "error.html",
        status=error.status_code,
        title=tongue(title),
        text=said_in(tongue, why),
    )
    answer.headers.update(error.headers or {})
    return answer


async def refuse_failure(request: Request, _error: Exception) -> Response:
    """Answer what nobody expected, without a word of what it was: that stands in the log."""
    answer = refusal(request, 500, worded("failed", "Internal Server Error; the page's log says more"))
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
