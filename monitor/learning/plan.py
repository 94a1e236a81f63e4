"""What somebody wants learned of a source, and how far that has come: survives every restart."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from monitor.store.files import write_whole

PLAN = "plan.json"
FOLDER = "learn"
"""Below the state directory; one folder a source in it."""
ROOM_BYTES = 500_000_000
"""So much more than store.min_free_bytes stays free: nobody's clips go for a recording."""

Document = TypeVar("Document", bound=BaseModel)


class Step(str, enum.Enum):
    """Where a source stands, in order; the last three are ends at which a person is needed."""

    CHECK = "check"
    """The microphone is listened to."""
    RECORD = "record"
    """Normal sound is recorded."""
    LOOK = "look"
    """What was recorded is looked through."""
    LEARN = "learn"
    """A model is trained, and its limit set."""
    PACK = "pack"
    """The sound is packed for a machine that can learn."""
    LISTEN = "listen"
    """A person is to hear what is unlike the rest."""
    DONE = "done"
    """There is a candidate, or a bundle that waits for a signature."""
    PACKED = "packed"
    """The package can be fetched."""


RECORDING = frozenset({Step.CHECK, Step.RECORD})
"""Steps in which the daemon's own capture is listened to."""
WORKING = frozenset({Step.LOOK, Step.LEARN, Step.PACK})
"""Steps that a child process does."""
ENDS = frozenset({Step.LISTEN, Step.DONE, Step.PACKED})
"""Steps at which nothing goes on by itself."""


class StretchJudgement(BaseModel):
    """What somebody said of an odd stretch."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    stretch: str = Field(description="Id of the stretch.")
    kept: bool = Field(description="Whether it is normal; else it is set aside.")
    by: str = Field(description="Who said so.")
    at_utc_s: float = Field(description="When.")
    id: str = Field(description="Of the command that said so.")


class Plan(BaseModel):
    """What is wanted of one source. The daemon alone writes it.

    Keys that newer software has written are passed over: after a rollback a recording goes on.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    form: Literal[1] = Field(default=1, description="Version of this document.")
    source: str = Field(description="Its id.")
    step: Step = Field(description="What is to be done next, or is being done.")
    hours: float = Field(description="How much normal sound is to be recorded in all.")
    by: str = Field(description="Who started it.")
    started_utc_s: float = Field(description="When.")
    paused: bool = Field(default=False, description="A person has stopped it for a while.")
    unattended: bool = Field(
        default=False, description="Learn without waiting for anybody to hear what is odd: all of it goes."
    )
    anyway: bool = Field(default=False, description="Record although the check found the microphone useless.")
    trouble: str | None = Field(
        default=None, description="Why it cannot go on, with the remedy; null: it can."
    )
    trouble_said: dict[str, Any] | None = Field(
        default=None, description="What `trouble` is said from in other languages; null: nothing."
    )
    discarded: bool = Field(default=False, description="All of it is to be removed, and then this too.")
    kept: tuple[str, ...] = Field(
        default=(), description="Ids of odd stretches that a person found to be normal."
    )

    judged: tuple[StretchJudgement, ...] = Field(
        default=(),
        description="The last word on each stretch of which anybody has said one; the others are set aside.",
    )

    def judgement_of(self, stretch: str) -> StretchJudgement | None:
        """Return the last word on a stretch; None: nobody has judged it."""
        return next((one for one in self.judged if one.stretch == stretch), None)

    @property
    def is_active(self) -> bool:
        """Whether something is to be done for it now."""
        return self.step not in ENDS and not (self.paused or self.discarded) and self.trouble is None


def learn_place(state_dir: Path, source_id: str) -> Path:
    """Return the folder of one source."""
    return state_dir / FOLDER / source_id


def read_plan(place: Path) -> Plan | None:
    """Return what is wanted there; None: nothing, or nothing that this software can read."""
    return read_document(place / PLAN, Plan)


def write_plan(place: Path, plan: Plan) -> None:
    """Replace the plan, surviving a power cut.

    Keys with nothing to say are left out, for older software refuses those that it does not know.

    Raises:
        StoreError: The disk refuses; the one before stays.
    """
    said = plan.model_dump_json(exclude_defaults=True)
    write_whole(place / PLAN, said.encode(), below=place.parent.parent)


def read_document(path: Path, kind: type[Document]) -> Document | None:
    """Return the document of this kind in a file; None: there is none that this software can read."""
    try:
        return kind.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
