"""Removes what was recorded of a source to learn from, and every copy and link of it that was made here."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from monitor.errors import StoreError
from monitor.learning.plan import PLAN, learn_place
from monitor.recording.learn_folder import BUNDLE, RETRAINED, LearnFolder


def remove_sound(state_dir: Path, source_id: str) -> None:
    """Remove the sound of a source, and its plan last of all: without a plan nothing of it is left.

    A retraining's folder holds links to the recordings; all of it goes but a bundle that is whole.

    Raises:
        StoreError: Something could not be removed; the plan stays.
        RecordError: A retraining is going on.
    """
    retrained = state_dir / RETRAINED / source_id
    if retrained.is_dir():
        with LearnFolder(retrained):
            _empty(retrained, but=BUNDLE)
    place = learn_place(state_dir, source_id)
    _empty(place, but=PLAN)
    try:
        (place / PLAN).unlink(missing_ok=True)
        place.rmdir()
    except OSError as error:
        raise _left(place, error) from error


def _empty(folder: Path, *, but: str) -> None:
    """Remove all that lies in a folder, as far as it goes, and tell the first thing that did not.

    Raises:
        StoreError: Something could not be removed.
    """
    refused: list[OSError] = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.name == but:
            continue
        try:
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        except OSError as error:
            refused.append(error)
    if refused:
        raise _left(folder, refused[0]) from refused[0]


def _left(folder: Path, error: OSError) -> StoreError:
    return StoreError(
        f"{error.filename or folder} could not be removed ({error.strerror or error}): sound is still "
        f"there; give {folder} to the daemon's user, then remove the sound again"
    )
