"""What several pages share: words for what goes wrong, the number of events to review, the list's address."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec
from urllib.parse import urlencode

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from monitor.bundles.library import Library as Versions
from monitor.bundles.roles import Roles
from monitor.config import Config
from monitor.control.documents import Now
from monitor.errors import ControlError, LibraryError, StoreError, UnknownIdError
from monitor.replay.kept.library import Library
from monitor.replay.pages.asked import Asked
from monitor.replay.pages.refused import said_in
from monitor.replay.pages.templating import page, tongue_for
from monitor.worded import wording_of

Facts = ParamSpec("Facts")


def answering(
    view: Callable[Concatenate[Request, Facts], Response],
) -> Callable[Concatenate[Request, Facts], Response]:
    """Return `view`, which then answers what it raises as a page for a person."""

    @functools.wraps(view)
    def answered(request: Request, /, *facts: Facts.args, **more: Facts.kwargs) -> Response:
        tongue = tongue_for(request)
        try:
            return view(request, *facts, **more)
        except UnknownIdError:
            title, text = tongue("Not found"), tongue("There is no event of this id in the store.")
            return page(request, "error.html", status=404, title=title, text=text)
        except StoreError as error:
            title = tongue("The store cannot be read")
            return page(
                request, "error.html", status=503, title=title, text=said_in(tongue, wording_of(error))
            )

    return answered


async def daemon_now(request: Request) -> Now | None:
    """Return how everything is; None: the daemon does not answer, or not as this page understands it."""
    try:
        return Now.model_validate(await request.app.state.control.now())
    except (ControlError, ValidationError):
        return None


def roles_of(settings: Config, source_id: str) -> Roles:
    """Return which version of a source's bundle has which role; none has where that cannot be read."""
    try:
        return Versions(settings.state_dir, source_id).roles()
    except LibraryError:  # the daemon says what is wrong with it
        return Roles(source_id)


def unreviewed_events(library: Library) -> int:
    """Return how many events nobody has reviewed: what the navigation says beside them."""
    return library.counts().unreviewed


def list_address(asked: Asked, **more: str) -> str:
    """Return the address of the list with this filter."""
    parts = [part for part in (asked.query, urlencode(more)) if part]
    return "/events" + ("?" + "&".join(parts) if parts else "")
