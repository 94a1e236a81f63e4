"""Where the limits lie that were proposed, as files: so that they can be signed before they are accepted."""

from __future__ import annotations

import contextlib
from pathlib import Path

from monitor.calibration import Calibration, save_calibration
from monitor.errors import CalibrationError

FOLDER = "proposals"


def proposal_path(state_dir: Path, source_id: str) -> Path:
    """Return where the calibration lies that is proposed to a source; its signature lies beside it."""
    return state_dir / FOLDER / f"{source_id}.json"


def write_proposed(state_dir: Path, source_id: str, calibration: Calibration) -> None:
    """Put a calibration there, in place of the one before and without its signature.

    Raises:
        CalibrationError: The disk refuses.
    """
    path = proposal_path(state_dir, source_id)
    try:
        path.parent.mkdir(mode=0o750, exist_ok=True)
    except OSError as error:
        raise CalibrationError(f"{path.parent}: cannot be made: {error}; look at the disk") from error
    remove_proposed(state_dir, source_id)
    save_calibration(calibration, path)


def remove_proposed(state_dir: Path, source_id: str) -> None:
    """Remove what lies there; what cannot be removed is of no use, and does no harm."""
    path = proposal_path(state_dir, source_id)
    for one in (path.with_suffix(".sig"), path):
        with contextlib.suppress(OSError):
            one.unlink()
