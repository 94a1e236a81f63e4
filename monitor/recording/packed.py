"""Packs sound to learn from into one file, for a machine that has torch, and says what to run there."""

from __future__ import annotations

import os
import shlex
import tarfile
from pathlib import Path

from monitor.errors import RecordError
from monitor.recording.material import Material
from monitor.store.files import PART


def pack(material: Material, to: Path, *, source_id: str) -> list[str]:
    """Write the material as a tar file, whole or not at all, and return the commands for over there.

    Raises:
        RecordError: It cannot be written there.
    """
    part = to.with_name(to.name + PART)
    try:
        with tarfile.open(part, "w") as tar:
            tar.add(material.folder, arcname=source_id)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(to)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise RecordError(f"--export {to}: {error.strerror or error}; give another place") from error
    return [
        f"tar xf {shlex.quote(to.name)}",
        f"wheeltapper train mdae --data {source_id} --set-aside --out {source_id}-bundle",
    ]
