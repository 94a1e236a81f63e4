"""Who is visiting, and what they may do. Every request carries a visit: whoever has none got no further."""

from __future__ import annotations

import enum
import functools
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from monitor.worded import Worded, worded

LOCAL = "local"
"""The name of whoever reaches a page that has no users."""

LOG_IN = worded("log-in", "log in first")
"""Why whoever is not known is refused."""

Endpoint = Callable[[Request], Response] | Callable[[Request], Awaitable[Response]]
"""What answers a request; a plain function runs in a thread, so that it may read the disk and compute."""


class Role(enum.IntEnum):
    """What a user may do; each may do what those before it may."""

    VIEWER = 1
    """See and hear."""
    TECHNICIAN = 2
    """Label events, acknowledge and shelve alarms, hear and judge what is odd before it is learned."""
    ADMIN = 3
    """Take sources out of service and put them back; have sound recorded to learn from, and removed."""


@dataclass(frozen=True, slots=True)
class Visit:
    """Who sent a request."""

    user: str
    """Their name, which stands beside all they do; LOCAL where the page has no users."""
    role: Role
    """What they may do."""
    csrf_token: str = field(repr=False)
    """What every change must bring along, as the field `csrf_token` or the header X-CSRF-Token."""
    is_local: bool
    """The page has no users: whoever reaches this loopback address may do everything."""

    def may(self, role: Role) -> bool:
        """Say whether they may do what `role` may."""
        return self.role >= role


def visit_of(request: Request) -> Visit:
    """Return who sent `request`."""
    visit = request.state.visit
    if not isinstance(visit, Visit):
        raise HTTPException(401, LOG_IN)
    return visit


def lacks_role(visit: Visit, role: Role) -> Worded:
    """Return why somebody may not do what needs a role."""
    return worded(
        "lacks-role",
        "this needs the role {needed}; {who} is {role}",
        needed=role.name.lower(),
        who=visit.user,
        role=visit.role.name.lower(),
    )


def needs(role: Role) -> Callable[[Endpoint], Callable[[Request], Awaitable[Response]]]:
    """Return a decorator that lets only `role` and above through to an endpoint; others get 403."""

    def guard(endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        @functools.wraps(endpoint)
        async def guarded(request: Request) -> Response:
            visit = visit_of(request)
            if not visit.may(role):
                raise HTTPException(403, lacks_role(visit, role))
            if inspect.iscoroutinefunction(endpoint):
                answer: Response = await endpoint(request)
                return answer
            return await run_in_threadpool(endpoint, request)  # type: ignore[arg-type]

        return guarded

    return guard
