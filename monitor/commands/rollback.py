"""`wheeltapper rollback SOURCE`: the bundle that judged before the last promotion judges again."""

from __future__ import annotations

import argparse

from monitor.commands.bundle_versions import add_by_arguments, add_source_arguments
from monitor.commands.promote import carry_out


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments: nothing is compared, so that nothing is passed over by --despite."""
    add_source_arguments(parser)
    add_by_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Roll back; 0 when it was done, 1 when the daemon refused."""
    return carry_out("rollback", arguments)
