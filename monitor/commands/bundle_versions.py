"""`wheeltapper bundle list | install SOURCE`: which versions a machine has, and a further one for it."""

from __future__ import annotations

import argparse
import getpass
import secrets
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.bundles.choice import way_to_managed
from monitor.bundles.library import Library
from monitor.bundles.roles import By, Roles
from monitor.bundles.trust import trust_of
from monitor.config import Config, load_config
from monitor.errors import ConfigError
from monitor.operators import Origin
from monitor.publish.fields import rfc3339_from_utc_s
from monitor.publish.lines import plain

if TYPE_CHECKING:
    from monitor.commands.bundle_keys import Verbs


def add_verbs(verbs: Verbs) -> None:
    """Declare the two verbs."""
    shown = verbs.add_parser("list", help="list the versions of a source's bundle, and who changed what")
    add_source_arguments(shown)
    shown.set_defaults(run_bundle_verb=_list)
    install = verbs.add_parser("install", help="put a bundle in as the candidate of a source")
    add_source_arguments(install)
    install.add_argument("folder", type=Path, help="of the bundle")
    install.add_argument("--calibration", type=Path, help="in place of the bundle's own")
    add_by_arguments(install)
    install.set_defaults(run_bundle_verb=_install)


def add_source_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare which source of which configuration."""
    parser.add_argument("source", help="id of the source")
    parser.add_argument("--config", type=Path, default=Path("config.yaml"), help="default: ./config.yaml")


def add_by_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare who does it, and why."""
    parser.add_argument("--actor", default=getpass.getuser(), help="who you are; default: %(default)s")
    parser.add_argument("--note", help="why; goes on record")


def by_of(arguments: argparse.Namespace) -> By:
    """Return who does it, for the record."""
    command_id = f"terminal-{secrets.token_hex(8)}"
    return By(arguments.actor, Origin.TERMINAL.value, time.time(), command_id, arguments.note)


def config_of(arguments: argparse.Namespace) -> Config:
    """Return the configuration, which has the source.

    Raises:
        ConfigError: It has not.
    """
    config = load_config(arguments.config)
    names = [source.id for source in config.sources]
    if arguments.source not in names:
        raise ConfigError(f"{arguments.config}: has no source {arguments.source!r}, only {', '.join(names)}")
    return config


def _install(arguments: argparse.Namespace) -> int:
    """Check, copy, check again; nothing judges by it yet."""
    config = config_of(arguments)
    trust, library = trust_of(config.bundles), Library(config.state_dir, arguments.source)
    version = library.install(
        arguments.folder,
        by_of(arguments),
        calibration=arguments.calibration,
        keep=config.bundles.keep_versions,
        check=partial(trust.check_arrival, source_id=arguments.source),
    )
    signed = "no signature was asked for" if version.key is None else f"signed by key {version.key}"
    print(f"{version.name} is the candidate of {arguments.source}; {signed}")
    way = way_to_managed(arguments.source, config)
    then = f"; then {way}" if way else ""
    print(f"It judges nothing until: wheeltapper promote {arguments.source}{then}")
    return 0


def _list(arguments: argparse.Namespace) -> int:
    """Print versions, oldest first, and then the changes."""
    roles = Library(config_of(arguments).state_dir, arguments.source).roles()
    for version in roles.installed:
        print(f"{_role(roles, version):9}  {version}")
    if not roles.installed:
        print(f"no version yet; wheeltapper bundle install {arguments.source} FOLDER puts one in")
    for change in roles.changes:
        note = "" if change.by.note is None else f": {change.by.note}"
        signed = "" if change.key is None else f", signed by key {change.key}"
        when, who = rfc3339_from_utc_s(change.by.at_utc_s), f"{change.by.actor} by {change.by.origin}"
        what = f"{change.action}  {change.version_from or 'nothing'} -> {change.version_to}"
        line = f"{when}  {what}{signed}  {who}{note}"
        print(plain(line, letters=len(line)))  # a note may have come by MQTT
    return 0


def _role(roles: Roles, version: str) -> str:
    known = {roles.live: "live", roles.candidate: "candidate", roles.previous: "previous"}
    return known.get(version, "kept")
