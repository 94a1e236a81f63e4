"""Packs sound to learn from into one file, for a machine that has torch, and says what to run there."""

from __future__ import annotations

import io
import os
import shlex
import tarfile
from functools import partial
from pathlib import Path

from monitor.errors import RecordError, RecordFullError
from monitor.recording.material import ODD, Material
from monitor.recording.spans import RECORDED, recorded_spans, text_of_spans
from monitor.store.files import FILE_MODE, PART, free_bytes
from monitor.worded import worded

BLOCK_BYTES = 1024
"""Of each file in a tar beside its content, at the most."""


def pack(material: Material, to: Path, *, source_id: str, spare_bytes: int = 0) -> list[str]:
    """Write the material as a tar file, whole or not at all, and return the commands for over there.

    Without what was set aside, which nobody learns from, and with when the rest was recorded. Who may read
    it: the owner, and the group as of all sound. `spare_bytes`: so much of the disk stays free.

    Raises:
        RecordFullError: There is too little room.
        RecordError: It cannot be written there.
    """
    part = to.with_name(to.name + PART)
    try:
        _check_room(material, to, spare_bytes)
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE)
        with open(handle, "wb") as file:  # noqa: PTH123 - Path.open knows no file mode
            with tarfile.open(fileobj=file, mode="w") as tar:
                tar.add(material.folder, arcname=source_id, filter=partial(_but_odd, f"{source_id}/{ODD}"))
                _add_spans(tar, f"{source_id}/{RECORDED}", material.folder)
            file.flush()
            os.fsync(file.fileno())
        part.replace(to)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise RecordError(f"--export {to}: {error.strerror or error}; give another place") from error
    return [
        f"tar xf {shlex.quote(to.name)}",
        f"wheeltapper train mdae --data {source_id} --set-aside --out {source_id}-bundle",
    ]


def _add_spans(tar: tarfile.TarFile, name: str, material: Path) -> None:
    content = text_of_spans(recorded_spans(material)).encode()
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), FILE_MODE
    tar.addfile(member, io.BytesIO(content))


def _but_odd(odd: str, member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if member.name == odd or member.name.startswith(f"{odd}/") else member


def _check_room(material: Material, to: Path, spare_bytes: int) -> None:
    needed = sum(path.stat().st_size + BLOCK_BYTES for path in material.folder.glob("*") if path.is_file())
    room = free_bytes(to.parent) - spare_bytes
    if needed > room:
        raise RecordFullError(
            worded(
                "no-room-for-package",
                "{path}: the package needs {needed} GB and {free} GB are to be had there: free some, or "
                "export to another disk: wheeltapper learn --export",
                path=str(to),
                needed=f"{needed / 1e9:.2f}",
                free=f"{max(0, room) / 1e9:.2f}",
            )
        )
