"""Whose a folder of plans is, and what an operator types to use it as that user: the daemon's."""

from __future__ import annotations

import os
import pwd
import shlex
import sysconfig
from pathlib import Path

from engines.errors import PlanCacheError


def user_name(uid: int) -> str:
    """Return a user's name as sudo takes it: `#uid` where the system knows none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"#{uid}"


def sudo_as(uid: int) -> str:
    """Return what stands before a command that this user shall run."""
    return shlex.join(("sudo", "-u", user_name(uid)))


def build_command(folder: Path, bundle: Path | str, precision: str) -> str:
    """Return what an operator types to have a plan of `bundle` built into a cache's `folder`, as its owner.

    FILE stands for the daemon's configuration. Where sudo looks for programs our virtual environment is not.
    """
    program = Path(sysconfig.get_path("scripts"), "wheeltapper")
    words = (
        program if program.exists() else program.name,
        *("engine", "build", bundle, "--config", "FILE"),
        *("--precision", precision, "--state-dir", folder.absolute().parent),
    )
    return f"{sudo_as(_owner(folder))} {shlex.join(map(str, words))}"


def refusal(path: Path, error: OSError) -> PlanCacheError:
    """Return the error of a folder or file that cannot be used; it says who tried, and whose it may be."""
    user, owner = os.geteuid(), _owner(path)
    remedy = "make room on its disk, or remove what is in its place"
    if owner != user:
        remedy = (
            f"it lies with {user_name(owner)}: if that is the daemon's user, put `{sudo_as(owner)}` before "
            "the command, or name another folder with --state-dir"
        )
    return PlanCacheError(f"{path}: {error.strerror} for {user_name(user)}; {remedy}")


def _owner(path: Path) -> int:
    """Return the user of what is at `path`, else of the nearest folder above that can be looked at."""
    for found in (path, *path.absolute().parents):
        try:
            return found.stat().st_uid
        except OSError:
            continue
    return os.geteuid()
