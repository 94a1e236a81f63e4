"""Who may log in: a small JSON file, written by `wheeltapper replay user` and read again when it changes."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from monitor.errors import ReplayError
from monitor.replay.gate.access import LOCAL, Role
from monitor.replay.gate.passwords import stored_from_password

SCHEMA = "replay-users/1"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,39}")
MAX_FILE_BYTES = 1_000_000
MODE = 0o640


@dataclass(frozen=True, slots=True)
class User:
    """One line of the users file."""

    name: str
    """As it stands beside all they do."""
    role: Role
    """What they may do."""
    stored_password: str = field(repr=False)
    """As monitor.replay.gate.passwords writes it."""
    changed_utc_s: float
    """When role or password were set last."""


class UserBook:
    """The users file. Whatever is wrong with it, nobody gets in who is not in it as it now is."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.is_there = False
        """Whether there was a file when it was read last, if only an empty one."""
        self._seen: object = None
        self._users: Mapping[str, User] = {}

    def users(self) -> Mapping[str, User]:
        """Return all users by name; none when there is no file, or when all were removed.

        Raises:
            ReplayError: The file cannot be read, or is not a users file; the text says what to do.
        """
        try:
            facts = self.path.stat()
        except FileNotFoundError:
            self.is_there = False
            return {}
        except OSError as error:
            raise ReplayError(f"{self.path}: cannot be read ({error.strerror})") from error
        self.is_there = True
        seen = (facts.st_mtime_ns, facts.st_size, facts.st_ino)
        if seen != self._seen:
            self._seen = None  # until it has been read well
            self._users = _users_from_file(self.path)
            self._seen = seen
        return self._users

    def add(self, name: str, role: Role, password: str) -> None:
        """Let somebody in.

        Raises:
            ReplayError: The name is taken or none, or the password will not do.
        """
        users = self.users()
        if not NAME.fullmatch(name):
            raise ReplayError(
                f"{name!r} cannot be a user's name; take 1 to 40 letters, digits and . _ @ - after the first"
            )
        if name == LOCAL:
            raise ReplayError(
                f"{LOCAL!r} stands for whoever comes when there are no users; take another name"
            )
        if name in users:
            raise ReplayError(f"user {name} is there already; `password` and `role` change what they have")
        self._write({**users, name: User(name, role, stored_from_password(password), time.time())})

    def remove(self, name: str) -> None:
        """Let somebody in no more; their sessions end with their next request.

        Raises:
            ReplayError: There is no such user.
        """
        users = dict(self.users())
        if users.pop(name, None) is None:
            raise ReplayError(_unknown(name, users))
        self._write(users)

    def set_password(self, name: str, password: str) -> None:
        """Give a user another password; their sessions end with their next request.

        Raises:
            ReplayError: There is no such user, or the password will not do.
        """
        self._change(name, stored_password=stored_from_password(password))

    def set_role(self, name: str, role: Role) -> None:
        """Give a user another role, from their next request on.

        Raises:
            ReplayError: There is no such user.
        """
        self._change(name, role=role)

    def _change(self, name: str, **values: object) -> None:
        users = self.users()
        if name not in users:
            raise ReplayError(_unknown(name, users))
        changed = replace(users[name], changed_utc_s=time.time(), **values)  # type: ignore[arg-type]
        self._write({**users, name: changed})

    def _write(self, users: Mapping[str, User]) -> None:
        """Replace the file whole, as a file of the folder's owner and group, which the page belongs to."""
        tree = {
            "schema": SCHEMA,
            "users": {
                user.name: {
                    "role": user.role.name.lower(),
                    "password": user.stored_password,
                    "changed_utc_s": user.changed_utc_s,
                }
                for user in users.values()
            },
        }
        part = self.path.with_name(self.path.name + ".part")
        try:
            part.unlink(missing_ok=True)
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(tree, file, indent=1)
                if os.geteuid() == 0:
                    folder = self.path.parent.stat()
                    os.fchown(file.fileno(), folder.st_uid, folder.st_gid)
                os.fchmod(file.fileno(), MODE)
                file.flush()
                os.fsync(file.fileno())
            part.replace(self.path)
        except OSError as error:
            raise ReplayError(
                f"{self.path}: cannot be written ({error.strerror}); run this as the page's user, "
                "and start the daemon once so that its folder is there"
            ) from error


def _users_from_file(path: Path) -> Mapping[str, User]:
    try:
        with path.open("rb") as file:
            tree = json.loads(file.read(MAX_FILE_BYTES))
        if tree["schema"] != SCHEMA:
            raise ReplayError(f"{path}: schema {tree['schema']!r} is not {SCHEMA}; newer software wrote it")
        return {
            str(name): User(
                str(name),
                Role[str(entry["role"]).upper()],
                str(entry["password"]),
                float(entry["changed_utc_s"]),
            )
            for name, entry in tree["users"].items()
        }
    except OSError as error:
        raise ReplayError(
            f"{path}: cannot be read ({error.strerror}); give the page's user the right"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ReplayError(
            f"{path}: is not a users file ({error!r}); bring a copy back, or remove it and add users anew"
        ) from error


def _unknown(name: str, users: Mapping[str, User]) -> str:
    return f"there is no user {name!r}; there are: {', '.join(sorted(users)) or 'none'}"
