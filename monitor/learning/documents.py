"""What is told of learning while it goes on, and what it found: documents that the page and terminal read."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from monitor.learning.plan import Step, read_document
from monitor.store.files import FILE_MODE, PART

PROGRESS = "progress.json"
FOUND = "found.json"
OUTCOME = "outcome.json"
PACKAGE = "sound.tar"
SPEECH = "speech"
"""Code of the advice that says so; people would be learned as the machine."""
ALARM = "alarm"
"""Code of the advice that the live bundle was in alarm for much of the time."""
LOG = "learn.log"
"""What the child process said, for people."""


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Advice(_Document):
    """One thing that is wrong or odd with the sound."""

    code: str = Field(description="For programs; never changes.")
    text: str = Field(description="In English, with the remedy.")


class CheckNow(_Document):
    """How the microphone hears its machine."""

    heard_s: float = Field(description="Listened to so far.")
    wanted_s: float = Field(description="To be listened to.")
    level_dbfs: float | None = Field(default=None, description="Median of the windows; null: not known yet.")
    peak_dbfs: float | None = Field(default=None, description="The largest sample.")
    mains_hz: float | None = Field(default=None, description="The stronger of the mains' two lines.")
    mains_db: float | None = Field(default=None, description="How far it stands above its neighbours.")
    advice: tuple[Advice, ...] = Field(default=(), description="What to mend, the worst first.")
    forbids: tuple[str, ...] = Field(default=(), description="Codes with which recording would be useless.")


class RecordingNow(_Document):
    """How a recording goes."""

    done_s: float = Field(description="Sound that is there.")
    wanted_s: float = Field(description="Sound that is to be there.")
    measured_s: float | None = Field(
        default=None,
        description="Of how much of that sound `advice`, `speech_share` and `states` are; null: not known.",
    )
    lost_s: float = Field(default=0.0, description="Never arrived, or nobody could take it.")
    off_s: float = Field(default=0.0, description="Left out, the machine being off or out of service.")
    levels_dbfs: tuple[float | None, ...] = Field(
        default=(), description="RMS of each second of the last minute, the newest last; null: nothing heard."
    )
    peak_dbfs: float | None = Field(default=None, description="The largest sample of that minute.")
    advice: tuple[Advice, ...] = Field(default=(), description="What is odd in it, looked at each minute.")
    speech_share: float | None = Field(default=None, description="Of the time somebody speaks, 0 to 1.")
    states: int | None = Field(default=None, description="Ways of running that were heard, by whole minutes.")


class WorkNow(_Document):
    """How far a child process is."""

    done: int = Field(description="Seconds of sound looked through, or passes made.")
    of: int = Field(description="Of so many; passes may end early.")
    left_s: float | None = Field(default=None, description="About how long it still takes; null: not known.")


class Progress(_Document):
    """What is being done, as of `at_utc_s`."""

    step: Step = Field(description="What is being done.")
    at_utc_s: float = Field(description="When this was written.")
    check: CheckNow | None = Field(default=None, description="Of the last check.")
    recording: RecordingNow | None = Field(default=None, description="Of the last recording.")
    work: WorkNow | None = Field(default=None, description="Of the child process.")
    waits: str = Field(default="", description="Why nothing goes on just now; empty: it does.")
    waits_said: dict[str, Any] | None = Field(
        default=None, description="What `waits` is said from in other languages; null: nothing."
    )


class FoundStretch(_Document):
    """Sound that is unlike the rest."""

    id: str = Field(description="Names it; the same sound has the same.")
    file: str = Field(description="The recording's file.")
    start_s: float = Field(description="From the beginning of the file.")
    end_s: float = Field(description="The same.")
    strangeness: float = Field(description="How far from the bulk; see monitor.recording.odd.")
    apart_db: float = Field(
        description="How much louder than usual where it differs most; negative: quieter."
    )
    low_hz: float = Field(description="Where that band begins.")
    high_hz: float = Field(description="Where it ends.")
    event: str | None = Field(
        default=None,
        description="The event of the live bundle during which it was recorded; null: it is unlike the rest.",
    )


class Found(_Document):
    """What was found in the recordings."""

    key: str = Field(description="Of which files; others have another.")
    total_s: float = Field(description="Sound that was looked through.")
    looked: bool = Field(description="There was enough to look for odd stretches.")
    lines: tuple[str, ...] = Field(description="What was measured, for a person at a terminal.")
    advice: tuple[Advice, ...] = Field(description="What is wrong with the sound as a whole.")
    speech_share: float | None = Field(description="Of the time somebody speaks; null: nobody could look.")
    states: int | None = Field(description="Ways of running that were heard.")
    stretches: tuple[FoundStretch, ...] = Field(description="In the order of files and times.")

    @property
    def needs_person(self) -> bool:
        """Whether somebody is to look before it is learned: odd, speech, alarms, or nobody could tell."""
        grave = any(one.code in {SPEECH, ALARM} for one in self.advice)
        return bool(self.stretches) or not self.looked or grave

    def odd_s(self, kept: Iterable[str] = ()) -> float:
        """Return how long the stretches are that nobody keeps."""
        keeps = frozenset(kept)
        return sum(one.end_s - one.start_s for one in self.stretches if one.id not in keeps)


class Outcome(_Document):
    """What came of learning."""

    train_s: float = Field(description="Sound that was learned from.")
    calibrate_s: float = Field(description="Sound that set the limit.")
    odd_s: float = Field(description="Sound that was set aside.")
    bundle: str = Field(description="The bundle's id.")
    version: str | None = Field(description="Its name as the candidate; null: it waits for a signature.")
    folder: str = Field(description="Where it lies.")
    per_week: float = Field(description="The budget of false alarms.")
    fewest: float = Field(description="Of the 90 % interval around it, a week.")
    most: float = Field(description="The same.")
    exposure_h: float = Field(description="Sound that the model never learned from, behind the limit.")


def read_progress(place: Path) -> Progress | None:
    """Return what is being done there; None: nothing is known of."""
    return read_document(place / PROGRESS, Progress)


def write_progress(place: Path, progress: Progress) -> None:
    """Replace the progress: whole for every reader, and lost in a power cut, which ends what it tells of.

    Raises:
        OSError: It cannot be written.
    """
    part = place / (PROGRESS + PART)
    part.write_text(progress.model_dump_json(), encoding="utf-8")
    part.chmod(FILE_MODE)
    part.replace(place / PROGRESS)


def read_found(place: Path) -> Found | None:
    """Return what was found in the recordings there; None: nobody has looked."""
    return read_document(place / FOUND, Found)


def read_outcome(place: Path) -> Outcome | None:
    """Return what came of the last learning there; None: nothing yet."""
    return read_document(place / OUTCOME, Outcome)
