"""`wheeltapper recalibrate SOURCE PROPOSAL`: a limit that was proposed judges from now on, or is not wanted.

The daemon does it while it listens, for it alone knows whether an alarm is open. With --undo the limit before
judges again; for a source with `bundle: managed` that is `wheeltapper rollback`. With --decline the limit
stays as it is, and what was proposed is proposed no more.
"""

from __future__ import annotations

import argparse

from monitor.commands.asking import ask_daemon
from monitor.commands.bundle_versions import add_by_arguments, add_source_arguments, by_of, config_of
from monitor.desk.recalibrate import BEFORE
from monitor.errors import CommandError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    add_source_arguments(parser)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("proposal", nargs="?", help="its id, as `wheeltapper drift SOURCE` shows it")
    which.add_argument("--undo", action="store_true", help="back to the limit before the last recalibration")
    parser.add_argument(
        "--decline",
        action="store_true",
        help="do not accept the proposal: the limit stays, and --note says why; goes on record",
    )
    parser.add_argument(
        "--despite", help="why the limit is raised further than drift.max_total allows; kept on record"
    )
    add_by_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Have it done; 0 when it was, 1 when the daemon refused.

    Raises:
        CommandError: No daemon can be asked, or nobody says why a proposal is declined.
    """
    if arguments.decline:
        _check_decline(arguments)
    action = "decline" if arguments.decline else "recalibrate"
    config, by = config_of(arguments), by_of(arguments)
    said = {"note": by.note, "despite": arguments.despite}
    why = {key: text for key, text in said.items() if text is not None}
    proposal = BEFORE if arguments.undo else arguments.proposal
    command = {"id": by.command_id, "action": action, "actor": by.actor, "proposal": proposal, **why}
    reply = ask_daemon(config, arguments.source, command)
    if reply is None:
        raise CommandError(
            "no daemon can be asked, and it alone knows whether an alarm is open; start it with "
            f"replay.enabled: true, or send {action} to {arguments.source} by MQTT (docs/commands.md)"
        )
    print(reply["detail"] if reply["result"] == "done" else f"refused: {reply['reason']}")
    return 0 if reply["result"] == "done" else 1


def _check_decline(arguments: argparse.Namespace) -> None:
    """Say what is missing, in the words of this command line.

    Raises:
        CommandError: Something is.
    """
    if arguments.undo:
        raise CommandError("--decline is for a proposal, which has changed nothing: there is nothing to undo")
    if arguments.despite is not None:
        raise CommandError("--despite is why a limit is raised; say with --note why it is declined")
    if not (arguments.note or "").strip():
        raise CommandError(
            f"say why, for whoever looks next: wheeltapper recalibrate {arguments.source} "
            f'{arguments.proposal} --decline --note "..."'
        )
