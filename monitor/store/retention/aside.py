"""Bounds what is left of stores that are no longer in use: of each kind the newest stays, older ones go.

store.schema-N.sqlite        the store as older software had it, before it was converted
store.sqlite.corrupt-STAMP   a damaged one, with clips.corrupt-STAMP and maps.corrupt-STAMP
clips.unlisted-STAMP         sound and maps (maps.unlisted-STAMP) that were there without a store
store.sqlite.schema-N-STAMP  a newer one that was put aside for older software, with its sound and maps
*.part                       what was being written to one of them when the process was killed
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

COPY = re.compile(r"store\.schema-([0-9]+)\.sqlite")
ASIDE = re.compile(
    r"(?:store\.sqlite|clips|maps)\.(corrupt|unlisted|schema)(?:-[0-9]+)?-([0-9]{8}T[0-9]{6}Z)(?:-([0-9]+))?"
    r"(?:-wal|-shm)?"
)
HALF_WRITTEN = re.compile(r"(?:store\.schema-[0-9]+\.sqlite|status\.json)\.part(?:-journal)?")


def older_aside(names: list[str], fresh: str | None = None) -> list[str]:
    """Return the names of the state directory that are to go; `fresh`, of this very start, stays.

    Which is newer is told by the stamp in the name, of copies by their schema.
    """
    copies = sorted((int(found[1]), name) for name in names if (found := COPY.fullmatch(name)))
    stamped: dict[str, dict[tuple[str, int], list[str]]] = {}
    for name in names:
        if (found := ASIDE.fullmatch(name)) is not None:
            of_kind = stamped.setdefault(found[1], {})
            of_kind.setdefault((found[2], int(found[3] or 1)), []).append(name)
    going = [name for _, name in copies[:-1]]
    for of_kind in stamped.values():
        for stamp in sorted(of_kind)[:-1]:
            # a clock that was wrong must not cost what this very start has set aside
            if fresh not in of_kind[stamp]:
                going += of_kind[stamp]
    return sorted(going)


def prune_aside(state_dir: Path, fresh: Path | None) -> tuple[list[str], dict[str, str]]:
    """Remove what older_aside names; return the names that went, and of those that did not the reason.

    Raises:
        OSError: The folder cannot be read.
    """
    gone, failures = [], {}
    for name in older_aside(
        [path.name for path in state_dir.iterdir()], None if fresh is None else fresh.name
    ):
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


def remove_half_written(state_dir: Path) -> int:
    """Remove what a killed process had begun beside the store; return how many. Nobody else may write."""
    removed = 0
    for path in state_dir.iterdir():
        if HALF_WRITTEN.fullmatch(path.name):
            path.unlink(missing_ok=True)
            removed += 1
    return removed
