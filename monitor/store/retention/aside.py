"""Bounds what is left of stores that are no longer in use: of each kind the newest stays, older ones go.

store.schema-N.sqlite        the store as older software had it, before it was converted
store.sqlite.corrupt-STAMP   a damaged one, with clips.corrupt-STAMP and maps.corrupt-STAMP
clips.unlisted-STAMP         sound and maps (maps.unlisted-STAMP) that were there without a store
store.sqlite.schema-N-STAMP  a newer one that was put aside for older software, with its sound and maps,
                             which are links to ours as long as we have them too
*.part                       what was being written to one of them when the process was killed
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from monitor.store.set_aside import age_of

COPY = re.compile(r"store\.schema-([0-9]+)\.sqlite")
HALF_WRITTEN = re.compile(r"(?:store\.schema-[0-9]+\.sqlite|status\.json)\.part(?:-journal)?")


def older_aside(names: Iterable[str]) -> list[str]:
    """Return the names of the state directory that are to go.

    Which is newer is told by the stamp in the name, of copies by their schema.
    """
    names = list(names)
    copies = sorted((int(found[1]), name) for name in names if (found := COPY.fullmatch(name)))
    stamped: dict[str, dict[tuple[str, int], list[str]]] = {}
    for name in names:
        if (age := age_of(name)) is not None:
            stamped.setdefault(age[0], {}).setdefault(age[1], []).append(name)
    going = [name for _, name in copies[:-1]]
    for of_kind in stamped.values():
        for stamp in sorted(of_kind)[:-1]:
            going += of_kind[stamp]
    return sorted(going)


def prune_aside(state_dir: Path) -> tuple[list[str], dict[str, str]]:
    """Remove what older_aside names; return the names that went, and of those that did not the reason.

    Raises:
        OSError: The folder cannot be read.
    """
    gone, failures = [], {}
    for name in older_aside(path.name for path in state_dir.iterdir()):
        path = state_dir / name
        try:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
            gone.append(name)
        except OSError as error:
            failures[name] = error.strerror or str(error)
    return gone, failures


def folders_aside(state_dir: Path) -> list[str]:
    """Return the names of the folders of sound and maps that are set aside.

    Raises:
        OSError: The folder cannot be read.
    """
    return [path.name for path in state_dir.iterdir() if age_of(path.name) and path.is_dir()]


def other_name(path: str, folder: str) -> str:
    """Return what a file of ours would be called in a folder that was set aside, of clips or maps alike."""
    return f"{folder}/{path.partition('/')[2]}"


def remove_half_written(state_dir: Path) -> int:
    """Remove what a killed process had begun beside the store; return how many. Nobody else may write."""
    removed = 0
    for path in state_dir.iterdir():
        if HALF_WRITTEN.fullmatch(path.name):
            path.unlink(missing_ok=True)
            removed += 1
    return removed
