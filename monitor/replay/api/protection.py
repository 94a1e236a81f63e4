"""What the JSON API says of sound and maps out of which something was taken before they were stored."""

from __future__ import annotations

from pydantic import Field

from monitor.replay.kept.axes import Part, Stretch
from monitor.store.protection import Treatment, protection_from_text


class ProtectionDocument(Part):
    """What was taken out before a clip was written, or a window's maps."""

    speech: Treatment | None = Field(
        description="What becomes of speech (store.speech); null: nothing was looked for."
    )
    spoken: tuple[Stretch, ...] = Field(
        description="Where it was found, or may be, and is no more; of a window from its own start."
    )
    band_hz: tuple[float, float] | None = Field(
        description="All that the sound holds (store.clip_band_hz); null: all that was heard."
    )
    stop_hz: tuple[float, float] | None = Field(
        description="What the sound does not hold (store.clip_stop_hz); null: nothing was taken out."
    )


def protection_document(text: str | None) -> ProtectionDocument:
    """Return what a row says of its file."""
    found = protection_from_text(text)
    return ProtectionDocument(
        speech=found.speech,
        spoken=tuple(Stretch(start_s=one.start_s, end_s=one.end_s) for one in found.spoken),
        band_hz=found.band_hz,
        stop_hz=found.stop_hz,
    )
