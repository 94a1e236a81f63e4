"""`wheeltapper rollback SOURCE`: the bundle that judged before the last promotion judges again."""

from __future__ import annotations

import argparse

from monitor.commands.promote import add_arguments, carry_out

__all__ = ["add_arguments", "run"]


def run(arguments: argparse.Namespace) -> int:
    """Roll back; 0 when it was done, 1 when the daemon refused."""
    return carry_out("rollback", arguments)
