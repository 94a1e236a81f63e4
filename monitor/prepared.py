"""A change of one part of the daemon that has been checked, and is either put into force or dropped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


def nothing() -> None:
    """Do nothing: there is nothing to do."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """Either `apply` and then `follow` are called, once each, or `drop`."""

    apply: Callable[[], None]
    """Puts it into force; cannot fail. By the thread that judges, between two windows."""
    follow: Callable[[], None] = nothing
    """What takes time and comes after; not by the thread that judges."""
    drop: Callable[[], None] = nothing
    """Lets go of what was opened for it."""
    news: tuple[str, ...] = ()
    """What it changes beyond the keys that differ, for a person; empty strings say nothing."""
