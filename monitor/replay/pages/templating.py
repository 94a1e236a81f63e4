"""Renders templates: everything is escaped, a name that is not given is an error, words are the reader's."""

from __future__ import annotations

import functools
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse

from monitor.replay.pages import words

TEMPLATES = Path(__file__).parent / "templates"
BESIDE_LANGUAGE = {"Vary": "Accept-Language, Cookie", "Cache-Control": "no-store"}
"""A page is one reader's, in one language, as things are now."""

_ENVIRONMENT = Environment(
    loader=FileSystemLoader(TEMPLATES),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.globals.update(
    clock=words.clock,
    day=words.day,
    languages_at=words.LANGUAGES,
    offset=words.offset,
    rfc3339=words.rfc3339,
    ratings=words.RATINGS,
    scripts=sorted(path.name for path in words.STATIC.glob("*.js")),
)
for name in _ENVIRONMENT.list_templates(extensions=["html"]):
    _ENVIRONMENT.get_template(name)  # compiled now, so that the first reader need not wait for it


def tongue_for(request: HTTPConnection) -> words.Tongue:
    """Return the language in which this request is answered."""
    return words.tongue_of(request, request.scope["app"].state.settings.replay.language)


def _here(request: Request) -> str:
    """Return the address of this page, to come back to; in place of one that cannot be read again, Now's."""
    if request.method not in {"GET", "HEAD"} or request.scope["path"].startswith(words.LANGUAGES):
        return "/"
    query = request.scope["query_string"].decode("latin-1")
    path = quote(request.scope["path"])
    return f"{path}?{query}" if query else path


def page(request: Request, template: str, *, status: int = 200, **values: object) -> HTMLResponse:
    """Return a template filled with `values`, `request`, `visit` (None before the login) and `settings`.

    `here` is the page's address, for whoever reads it in another language. `_` says a text in the reader's
    language (words.Tongue) and writes its numbers.
    """
    tongue = tongue_for(request)
    text = _ENVIRONMENT.get_template(template).render(
        request=request,
        visit=getattr(request.state, "visit", None),
        settings=request.app.state.settings,
        _=tongue,
        script_texts=functools.partial(words.script_texts, tongue.language),
        other_tongues=words.other_tongues(tongue),
        **{"here": _here(request), **values},
    )
    return HTMLResponse(text, status, headers={**BESIDE_LANGUAGE, "Content-Language": tongue.language})
