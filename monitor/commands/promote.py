"""`wheeltapper promote SOURCE`: the candidate becomes the bundle that judges, while the daemon listens.

A running daemon is asked through its control socket, swaps without losing a sample and answers. Without one
the library is changed, and the next start judges by it.
"""

from __future__ import annotations

import argparse
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import Literal

from monitor.bundles.choice import way_to_managed
from monitor.bundles.library import Library, check_version
from monitor.bundles.roles import By
from monitor.bundles.trail import record_changes
from monitor.bundles.trust import trust_of
from monitor.commands.asking import ask_daemon
from monitor.commands.bundle_versions import add_by_arguments, add_source_arguments, by_of, config_of
from monitor.config import Config
from monitor.errors import CommandError, StoreError
from monitor.logs import open_log
from monitor.promotion.gate import check_promotion, judged_here, noted
from monitor.store import open_store

Action = Literal["promote", "rollback"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    add_source_arguments(parser)
    add_by_arguments(parser)
    parser.add_argument(
        "--despite",
        metavar="REASON",
        help="why it is promoted although it does not prove to be better; goes on record. Asked for with "
        "bundles.promotion managed (docs/promotion.md)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Promote; 0 when it was done, 1 when the daemon refused."""
    return carry_out("promote", arguments, despite=arguments.despite)


def carry_out(action: Action, arguments: argparse.Namespace, *, despite: str | None = None) -> int:
    """Have it done by the daemon, or do it where there is none; `despite` as the command's key.

    Raises:
        CodedError: It cannot be done; the text says why.
    """
    config, by = config_of(arguments), by_of(arguments)
    said = {key: text for key, text in (("note", by.note), ("despite", despite)) if text is not None}
    command = {"id": by.command_id, "action": action, "actor": by.actor, **said}
    reply = ask_daemon(config, arguments.source, command)
    if reply is not None:
        print(reply["detail"] if reply["result"] == "done" else f"refused: {reply['reason']}")
        return 0 if reply["result"] == "done" else 1
    _change(config, arguments.source, action, by, despite)
    return 0


def _change(config: Config, source_id: str, action: Action, by: By, despite: str | None) -> None:
    """Change the library, holding the store, so that no daemon can begin or be running meanwhile."""
    library = Library(config.state_dir, source_id)
    try:
        store = open_store(config.state_dir)
    except StoreError as error:
        raise CommandError(
            f"a daemon seems to run that cannot be asked ({error}); with replay.enabled: true it can, or "
            f"send {action} to {source_id} by MQTT (docs/commands.md), or stop it"
        ) from error
    with closing(store):
        roles = library.roles()
        version = roles.candidate if action == "promote" else roles.previous
        key = None
        if version is not None:
            folder = library.version_folder(version)
            check_version(folder)
            key = trust_of(config.bundles).check_version(folder, source_id)
        compared = ""
        if action == "promote":
            compared = check_promotion(
                config, source_id, despite=despite, judge=partial(judged_here, store=store)
            )
            by = replace(by, note=noted(by.note, despite))
        if action == "promote":  # what was compared and checked, and nothing that came meanwhile
            live = library.promote(by, candidate=version, key=key).live
        else:
            live = library.roll_back(by, previous=version, key=key).live
        record_changes(store, library, open_log(config.log))
    told = f"; {compared}" if compared else ""
    way = way_to_managed(source_id, config)
    when = f"it judges nothing yet: {way}" if way else "it judges from the next start on"
    print(f"{roles.live or 'nothing'} -> {live}; no daemon runs: {when}{told}")
