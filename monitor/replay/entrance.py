"""Login and logout."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.routing import BaseRoute

ROUTES: Sequence[BaseRoute] = ()
