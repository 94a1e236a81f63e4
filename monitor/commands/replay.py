"""`wheeltapper replay`: serve the technicians' page; `wheeltapper replay user`: say who may log in."""

from __future__ import annotations

import argparse
import contextlib
from pathlib import Path

from monitor.commands import replay_user
from monitor.config import Config, load_config
from monitor.demo import TEXTS, demo_config
from monitor.errors import ReplayError
from monitor.logs import open_log
from monitor.replay.app import create_app
from monitor.replay.following import Following
from monitor.replay.gate.without_users import check_access
from monitor.replay.serving import address_for_people, listening_socket, serve


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("--config", type=Path, default=Path("config.yaml"), help="default: ./config.yaml")
    parser.add_argument("--demo", choices=sorted(TEXTS), help="embedded defaults instead of a file")
    parser.add_argument("--host", help="instead of replay.host")
    parser.add_argument("--port", type=int, help="instead of replay.port")
    parser.add_argument(
        "--with-stdin", action="store_true", help="stop when standard input ends: with whoever started it"
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    replay_user.add_arguments(
        actions.add_parser("user", help="add, list, remove users; set roles and passwords")
    )


def run(arguments: argparse.Namespace) -> int:
    """Serve until stopped; 0.

    Raises:
        ConfigError: The configuration cannot be read.
        ReplayError: The page cannot be served so, or the change to the users was refused.
    """
    config = _config(arguments)
    if arguments.action == "user":
        return replay_user.run(arguments, config)
    if not config.replay.enabled:
        raise ReplayError("replay.enabled is false; set it to true to serve the page")
    check_access(config)
    log = open_log(config.log)
    listening = listening_socket(config.replay, or_any_port=arguments.demo is not None)
    print(f"The page: {address_for_people(config.replay, listening)}", flush=True)
    app = create_app(config, log)
    following = None if arguments.demo else Following(app, arguments.config, log)

    def chore() -> None:
        app.state.library.make_room()
        if following is not None:
            following.look()

    with contextlib.closing(app.state.library):
        serve(app, config.replay, listening, log, chore=chore, with_stdin=arguments.with_stdin)
    return 0


def _config(arguments: argparse.Namespace) -> Config:
    config = demo_config(arguments.demo) if arguments.demo else load_config(arguments.config)
    changes = {"host": arguments.host, "port": arguments.port}
    given = {key: value for key, value in changes.items() if value is not None}
    return config.model_copy(update={"replay": config.replay.model_copy(update=given)})
