"""What is open to whoever is not known yet: login, logout, and in which language the page speaks."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from urllib.parse import parse_qs, quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from monitor.describe.catalogue import languages
from monitor.errors import LoginRefusedError
from monitor.replay.gate.cookies import (
    form_cookie,
    is_encrypted,
    keep_in_window,
    language_cookie,
    remember,
    session_cookie,
)
from monitor.replay.gate.doorkeeper import LOGIN, MAX_FIELDS
from monitor.replay.gate.hosts import is_from_elsewhere
from monitor.replay.gate.reception import Reception
from monitor.replay.pages.templating import page, tongue_for
from monitor.replay.pages.words import LANGUAGES, LOCALE

HOME = "/"
LOCAL_PATH = re.compile(r"/(?![/\\])[\x21-\x7e]{0,500}")
"""A path on this very host: `//other` and `/\\other` would be another one."""
NONCE = re.compile(r"[A-Za-z0-9_-]{43}")


async def show_login(request: Request) -> Response:
    """Show the login form, or go on for whoever needs none."""
    following = path_after(request.query_params.get("next", ""))
    if request.state.visit is not None:
        return RedirectResponse(following, 303)
    return _login_page(request, following)


async def log_in(request: Request) -> Response:
    """Begin a session and go to where the visitor wanted to; else say what was wrong."""
    fields = await form_of(request)
    following = path_after(fields.get("next", ""))
    reception = _reception(request)
    if reception.is_open:
        return RedirectResponse(HOME, 303)
    try:
        login = await reception.log_in(fields.get("user", ""), fields.get("password", ""), request)
    except LoginRefusedError as error:
        answer = _login_page(request, following, refused=error)
        answer.headers["Retry-After"] = str(error.wait_s)
        return answer
    answer = RedirectResponse(following, 303)
    keep_in_window(request, answer, session_cookie(request), login.token)
    return answer


async def log_out(request: Request) -> Response:
    """End the session, here and in the browser."""
    _reception(request).log_out(request)
    answer = RedirectResponse(LOGIN, 303)
    name = session_cookie(request)
    answer.delete_cookie(name, secure=is_encrypted(request), httponly=True, samesite="strict")
    return answer


async def choose_language(request: Request) -> Response:
    """Remember in which language this browser is answered, and go back to where it was chosen.

    A link does it, so that it needs no script; one that is known to be on another site (is_from_elsewhere)
    leads here, and changes nothing.
    """
    language, back = request.path_params["language"], request.query_params.get("next", "")
    if language not in languages(LOCALE):
        raise HTTPException(404)
    answer = RedirectResponse(back if LOCAL_PATH.fullmatch(back) else HOME, 303)
    if not is_from_elsewhere(request):
        remember(request, answer, language_cookie(request), language)
    return answer


def path_after(wanted: str) -> str:
    """Return where to go after the login: a path of ours, whatever was asked for."""
    return wanted if LOCAL_PATH.fullmatch(wanted) and not wanted.startswith(LOGIN) else HOME


async def form_of(request: Request) -> dict[str, str]:
    """Return the fields of a form that was sent; of several with one name the last."""
    try:
        fields = parse_qs((await request.body()).decode("utf-8"), max_num_fields=MAX_FIELDS)
    except ValueError:
        return {}
    return {name: values[-1] for name, values in fields.items()}


def _reception(request: Request) -> Reception:
    reception: Reception = request.app.state.reception
    return reception


def _login_page(request: Request, following: str, refused: LoginRefusedError | None = None) -> Response:
    tongue = tongue_for(request)
    known = request.cookies.get(form_cookie(request), "")
    nonce = known if NONCE.fullmatch(known) else secrets.token_urlsafe(32)
    answer = page(
        request,
        "login.html",
        status=200 if refused is None else 429 if refused.wait_s else 403,
        error=None if refused is None else tongue(str(refused), wait_s=refused.wait_s),
        next=following,
        here=LOGIN if following == HOME else f"{LOGIN}?next={quote(following)}",
        csrf_token=_reception(request).form_token(nonce),
    )
    keep_in_window(request, answer, form_cookie(request), nonce)
    return answer


ROUTES: Sequence[BaseRoute] = (
    Route(LOGIN, show_login, methods=["GET"], name="login"),
    Route(LOGIN, log_in, methods=["POST"]),
    Route("/logout", log_out, methods=["POST"], name="logout"),
    Route(f"{LANGUAGES}{{language}}", choose_language, methods=["GET"], name="language"),
)
