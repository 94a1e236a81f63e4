"""The JSON API behind the page, read only: below /api/v1."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.routing import BaseRoute

ROUTES: Sequence[BaseRoute] = ()
