"""The limit that was made on this box for one source, and the one before it, for sources with a named bundle.

<state_dir>/calibration/SOURCE.json          in force, in place of the bundle's own
<state_dir>/calibration/SOURCE.json.before   what a recalibration took the place of; empty: the bundle's own

Sources with `bundle: managed` have a version of their library for each limit instead.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from monitor.errors import CalibrationError
from monitor.machine import calibration_path
from monitor.store.files import disk_errors, write_whole

ENDING = ".before"
Undo = Callable[[], None]
"""Puts both files back as they were; raises StoreError."""


def before_path(state_dir: Path, source_id: str) -> Path:
    """Return where the limit lies that was in force before the last recalibration."""
    path = calibration_path(state_dir, source_id)
    return path.with_name(path.name + ENDING)


def has_before(state_dir: Path, source_id: str) -> bool:
    """Whether there is a limit to go back to."""
    return before_path(state_dir, source_id).is_file()


def put_limit(state_dir: Path, source_id: str, content: bytes) -> Undo:
    """Let a calibration count from the next opening on, and keep the one before; each in one step.

    Raises:
        StoreError: The disk refuses; what was in force still is.
    """
    own, before = calibration_path(state_dir, source_id), before_path(state_dir, source_id)
    with disk_errors(own):
        was, was_before = _content(own), _content(before)
        write_whole(before, was or b"", below=state_dir)
        write_whole(own, content, below=state_dir)
    return lambda: _restore(state_dir, {own: was, before: was_before})


def bring_back(state_dir: Path, source_id: str) -> Undo:
    """Let the limit before count again from the next opening on; there is none before it then.

    Raises:
        CalibrationError: There is none; what was in force still is.
        StoreError: The disk refuses.
    """
    own, before = calibration_path(state_dir, source_id), before_path(state_dir, source_id)
    with disk_errors(own):
        was, was_before = _content(own), _content(before)
        if was_before is None:
            raise CalibrationError(f"{source_id}: there is no limit from before to go back to")
        _put(state_dir, own, was_before or None)
        _put(state_dir, before, None)
    return lambda: _restore(state_dir, {before: was_before, own: was})


def _restore(state_dir: Path, files: dict[Path, bytes | None]) -> None:
    for path, content in files.items():
        with disk_errors(path):
            _put(state_dir, path, content)


def _put(state_dir: Path, path: Path, content: bytes | None) -> None:
    if content is None:
        path.unlink(missing_ok=True)
    else:
        write_whole(path, content, below=state_dir)


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None
