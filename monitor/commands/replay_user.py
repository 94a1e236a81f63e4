"""`wheeltapper replay user`: who may log in to the page, from now on, also while the page runs."""

from __future__ import annotations

import argparse
import getpass
import sys
from pathlib import Path

from monitor.config import Config
from monitor.errors import ReplayError
from monitor.publish.fields import rfc3339_from_utc_s
from monitor.replay.gate.access import Role
from monitor.replay.gate.users import UserBook
from monitor.replay.places import users_path

NOBODY = (
    "nobody can log in now, and the page will not start again. Add one (wheeltapper replay user add NAME "
    "--role admin), or remove {path}: then whoever is on this box is admin, and the page serves it alone"
)
ROLES = [role.name.lower() for role in Role]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    actions = parser.add_subparsers(dest="user_action", required=True, metavar="ACTION")
    add = actions.add_parser("add", help="let somebody in; asks for a password")
    add.add_argument("name")
    add.add_argument("--role", choices=ROLES, default="technician", help="default: technician")
    actions.add_parser("list", help="show who may log in")
    actions.add_parser("remove", help="let somebody in no more").add_argument("name")
    password = actions.add_parser("password", help="set another password; ends that user's sessions")
    password.add_argument("name")
    role = actions.add_parser("role", help="set another role")
    role.add_argument("name")
    role.add_argument("role", choices=ROLES)
    for parser_with_password in (add, password):
        parser_with_password.add_argument(
            "--password-stdin", action="store_true", help="read it from standard input, one line"
        )
    for leaf in actions.choices.values():
        # of any other verb it stands last; what `replay` itself was told stands where this is not given
        leaf.add_argument("--config", type=Path, default=argparse.SUPPRESS, help="as of `replay`")


def run(arguments: argparse.Namespace, config: Config) -> int:
    """Change or list the users; 0.

    Raises:
        ReplayError: The change was refused; the text says why.
    """
    book = UserBook(users_path(config))
    action = arguments.user_action
    if action == "list":
        _print_users(book)
        return 0
    name: str = arguments.name
    role = Role[arguments.role.upper()] if action in {"add", "role"} else None
    if action == "add" and role is not None:
        book.add(name, role, _password(arguments))
    elif action == "role" and role is not None:
        book.set_role(name, role)
    elif action == "password":
        book.set_password(name, _password(arguments))
    else:
        book.remove(name)
    print(f"{name}: done; the page follows at once ({book.path})")
    if action == "remove" and not book.users():
        print(f"{name} was the last user: {NOBODY.format(path=book.path)}")
    return 0


def _print_users(book: UserBook) -> None:
    users = book.users()
    for user in sorted(users.values(), key=lambda user: user.name):
        print(f"{user.name:<24} {user.role.name.lower():<11} since {rfc3339_from_utc_s(user.changed_utc_s)}")
    if not users and book.is_there:
        print(f"no users: {NOBODY.format(path=book.path)}")
    elif not users:
        print(f"no users ({book.path}): whoever is on this box is admin, and the page serves this box alone")


def _password(arguments: argparse.Namespace) -> str:
    if arguments.password_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    first = getpass.getpass(f"Password for {arguments.name}: ")
    if first != getpass.getpass("Once more: "):
        raise ReplayError("the two are not the same; nothing was changed")
    return first
