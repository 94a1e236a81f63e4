"""What changes something: labels and commands, carried out by the daemon."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.routing import BaseRoute

ROUTES: Sequence[BaseRoute] = ()
