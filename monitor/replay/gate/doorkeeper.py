"""Stands before every endpoint: who is there, and does a change come from a page of ours?

Whoever is not known gets the login page and its looks, and nothing else: a new route is closed until somebody
opens it here. A change needs three things at once: a session, the session's token, and an Origin of ours.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from urllib.parse import parse_qs, quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from monitor.replay.gate.access import LOG_IN, Visit
from monitor.replay.gate.bodies import with_body
from monitor.replay.gate.hosts import comes_from_us, is_from_elsewhere
from monitor.replay.gate.reception import Reception, address_of
from monitor.replay.gate.refusals import API, refusal
from monitor.replay.gate.uploads import TAR, is_upload
from monitor.replay.pages.words import LANGUAGES
from monitor.worded import worded

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
LOGIN = "/login"
LOOKS = "/static/"
"""Everything below it and LANGUAGES is open, as is LOGIN itself."""
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
MAX_FIELDS = 50
ONCE_MORE = '<!doctype html><meta http-equiv="refresh" content="0"><title>Wheeltapper</title>'
"""For whoever follows a link from another site, the plant's SCADA for example: the browser held our cookie
back, for it is SameSite=Strict; when a page of ours asks again it comes along."""


class Doorkeeper:
    """Puts a Visit on each request (None at the login page), or refuses it."""

    def __init__(self, app: ASGIApp, reception: Reception) -> None:
        self._app = app
        self._reception = reception

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the start and end of the application."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        visit = self._reception.visit_of(request)
        request.state.visit = visit
        answer = self._barred(request, visit)
        if answer is None and request.method not in SAFE_METHODS:
            body = b"" if is_upload(scope) else await request.body()
            answer = self._wrong_change(request, visit, body)
            receive = receive if is_upload(scope) else with_body(body, receive)
        await (answer or self._app)(scope, receive, send)

    def _barred(self, request: Request, visit: Visit | None) -> Response | None:
        path: str = request.scope["path"]
        if visit is not None or path == LOGIN or path.startswith((LOOKS, LANGUAGES)):
            return None
        if self._reception.is_open:
            return refusal(
                request,
                403,
                worded(
                    "this-box-alone",
                    "this page has no users and serves this box alone, at http://localhost; to reach it from "
                    "elsewhere or through a proxy, first: wheeltapper replay user add",
                ),
            )
        if path.startswith(API) or request.method not in SAFE_METHODS:
            return refusal(request, 401, LOG_IN)
        if is_from_elsewhere(request):
            return HTMLResponse(ONCE_MORE)
        query = request.scope["query_string"].decode("latin-1")
        following = f"{path}?{query}" if query else path
        return RedirectResponse(f"{LOGIN}?next={quote(following)}", 303)

    def _wrong_change(self, request: Request, visit: Visit | None, body: bytes) -> Response | None:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        expected = self._reception.expected_token(request, visit)
        tokens = [*request.headers.getlist("x-csrf-token"), *(_tokens_of_form(body) if kind == FORM else ())]
        if is_upload(request.scope):
            if kind != TAR:
                return refusal(request, 415, worded("not-a-tar", "a bundle is sent as {type}", type=TAR))
        elif kind not in {FORM, JSON}:
            return refusal(
                request, 415, worded("not-json", "a change is sent as {type} or as a form", type=JSON)
            )
        if not comes_from_us(request):
            why = worded("from-elsewhere", "it does not come from a page of ours")
        elif expected is None or len(tokens) != 1 or not _same(expected, tokens[0]):
            why = worded("page-too-old", "its page is too old; load it again and repeat")
        else:
            return None
        self._reception.refused_changes.note(
            user=None if visit is None else visit.user,
            address=address_of(request),
            path=request.scope["path"],
            origin=request.headers.get("origin"),
            why=why,
        )
        return refusal(request, 403, worded("not-taken", "the change was not taken: {why}", why=why))


def _tokens_of_form(body: bytes) -> Sequence[str]:
    try:
        return parse_qs(body.decode("utf-8"), max_num_fields=MAX_FIELDS).get("csrf_token", [])
    except ValueError:
        return []


def _same(expected: str, given: str) -> bool:
    return hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace"))
