"""What was taken out of a clip or of a window's maps before they were written, as it stands beside them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Treatment = Literal["blur", "withhold"]


@dataclass(frozen=True, slots=True)
class Spoken:
    """A stretch in which somebody speaks, margins included."""

    start_s: float
    """From the first sample of the sound."""
    end_s: float
    """From the first sample of the sound; above start_s."""


@dataclass(frozen=True, slots=True)
class Protection:
    """What was taken out; as it is made here: nothing."""

    speech: Treatment | None = None
    """What becomes of speech; None: nothing was looked for."""
    spoken: tuple[Spoken, ...] = ()
    """Where speech was found, or may be, and is no more."""
    band_hz: tuple[float, float] | None = None
    """All that the sound holds; None: all that was heard."""
    stop_hz: tuple[float, float] | None = None
    """What the sound does not hold; None: nothing was taken out."""

    @property
    def text(self) -> str | None:
        """As it is kept in the database; None: nothing was looked for or taken out."""
        if self == UNTOUCHED:
            return None
        spoken = [[round(one.start_s, 3), round(one.end_s, 3)] for one in self.spoken]
        return json.dumps(
            {"speech": self.speech, "spoken": spoken, "band_hz": self.band_hz, "stop_hz": self.stop_hz}
        )

    @property
    def words(self) -> str:
        """For a person who has only the file; empty: nothing was looked for or taken out."""
        said = []
        if self.band_hz is not None:
            said.append(f"holds only {self.band_hz[0]:g} to {self.band_hz[1]:g} Hz")
        if self.stop_hz is not None:
            said.append(f"holds nothing from {self.stop_hz[0]:g} to {self.stop_hz[1]:g} Hz")
        if self.speech is not None:
            done = "blurred" if self.speech == "blur" else "silenced"
            where = ", ".join(f"{one.start_s:.2f}-{one.end_s:.2f} s" for one in self.spoken)
            said.append(f"speech {done} at {where}" if where else "no speech found")
        return "; ".join(said)


UNTOUCHED = Protection()
"""As it was heard."""


def protection_from_text(text: str | None) -> Protection:
    """Return what a row says of its file."""
    if text is None:
        return UNTOUCHED
    tree = json.loads(text)
    return Protection(
        speech=tree["speech"],
        spoken=tuple(Spoken(start_s, end_s) for start_s, end_s in tree["spoken"]),
        band_hz=_pair(tree["band_hz"]),
        stop_hz=_pair(tree["stop_hz"]),
    )


def _pair(band: Sequence[float] | None) -> tuple[float, float] | None:
    return None if band is None else (band[0], band[1])
