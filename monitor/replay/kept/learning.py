"""What the page shows of learning: documents that the daemon and its child process keep, and odd sound."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import soundfile

from monitor.errors import FileGoneError, StoreError, UnknownIdError
from monitor.learning.documents import (
    PACKAGE,
    Found,
    FoundStretch,
    Outcome,
    Progress,
    read_found,
    read_outcome,
    read_progress,
)
from monitor.learning.plan import Plan, learn_place, read_plan
from monitor.recording.learn_folder import RECORDINGS
from monitor.worded import worded

AROUND_S = 2.0
"""So much usual sound before and after an odd stretch lets one hear what is odd about it."""


@dataclass(frozen=True, slots=True)
class Learning:
    """Where one source stands."""

    source_id: str
    """Whose it is."""
    plan: Plan | None
    """What is wanted; None: nothing."""
    progress: Progress | None
    """What is being done, or was last."""
    found: Found | None
    """What was found in the recordings."""
    outcome: Outcome | None
    """What came of the last learning."""
    package_bytes: int | None
    """How large the package is; None: there is none."""
    has_sound: bool
    """Something was recorded."""


def learning_of(state_dir: Path, source_id: str) -> Learning:
    """Return where a source stands; what cannot be read is not there."""
    place = learn_place(state_dir, source_id)
    package = place / PACKAGE
    return Learning(
        source_id=source_id,
        plan=read_plan(place),
        progress=read_progress(place),
        found=read_found(place),
        outcome=read_outcome(place),
        package_bytes=package.stat().st_size if package.is_file() else None,
        has_sound=(place / RECORDINGS / "index.csv").is_file(),
    )


def stretch_at(found: Found | None, number: int) -> FoundStretch:
    """Return an odd stretch by its place in the list.

    Raises:
        UnknownIdError: There is none.
    """
    if found is None or not 0 <= number < len(found.stretches):
        raise UnknownIdError(worded("no-such-stretch", "there is no odd stretch {number}", number=number))
    return found.stretches[number]


def sound_of_stretch(state_dir: Path, source_id: str, stretch: FoundStretch) -> BinaryIO:
    """Return an odd stretch with a little sound around it, as a FLAC file.

    Raises:
        FileGoneError: The recording is not there any more, or lies elsewhere.
        StoreError: It cannot be decoded.
    """
    # only the name counts: whatever a document says, nothing is read from anywhere else
    path = learn_place(state_dir, source_id) / RECORDINGS / Path(stretch.file).name
    if not path.is_file():
        raise FileGoneError(
            worded("recording-gone", "the recording was removed, or was not made on this box")
        )
    out = io.BytesIO()
    try:
        with soundfile.SoundFile(path) as recording:
            rate_hz = recording.samplerate
            first = max(0, round((stretch.start_s - AROUND_S) * rate_hz))
            recording.seek(min(first, recording.frames))
            samples = recording.read(round((stretch.end_s + AROUND_S) * rate_hz) - first, dtype="int32")
        soundfile.write(out, samples, rate_hz, "PCM_24", format="FLAC")
    except soundfile.SoundFileError as error:
        raise StoreError(f"a recording cannot be decoded ({error}); its file is damaged") from error
    return out
