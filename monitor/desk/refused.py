"""Refusals that several commands share, in words."""

from __future__ import annotations

from engines.errors import CodedError
from monitor.worded import Worded, worded, wording_of


def nothing_changed(error: CodedError) -> Worded:
    """Return why something was not done that was found out before anything had changed."""
    return worded("nothing-changed", "nothing was changed: {why}", why=wording_of(error))


def taken_out(source_id: str) -> Worded:
    """Return that a source is no longer there."""
    return worded("source-taken-out", "{source} has been taken out of the configuration", source=source_id)


def for_one_source(action: str) -> Worded:
    """Return why what was sent to the whole box is refused."""
    return worded("for-one-source", "{action} is for one source; send it to that source", action=action)
