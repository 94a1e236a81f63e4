"""Renders templates: everything is escaped, and a name that is not given is an error."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

TEMPLATES = Path(__file__).parent / "templates"

_ENVIRONMENT = Environment(
    loader=FileSystemLoader(TEMPLATES),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(request: Request, template: str, *, status: int = 200, **values: object) -> HTMLResponse:
    """Return a template filled with `values`, `request`, `visit` (None before the login) and `settings`."""
    text = _ENVIRONMENT.get_template(template).render(
        request=request,
        visit=getattr(request.state, "visit", None),
        settings=request.app.state.settings,
        **values,
    )
    return HTMLResponse(text, status)
