"""Which sound of a labelled event serves: of an anomaly its flagged windows, of what is none the whole clip.

The pre-roll of an anomaly is normal sound, and what lies between flagged windows may be: neither is learned
from. Sound out of which speech or bands were taken is not as the machine was: a model would learn the blur.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import soundfile

from monitor.errors import FileGoneError
from monitor.messages import Float32, read_only
from monitor.promotion.agreement import agreed
from monitor.replay.kept.axes import Stretch
from monitor.replay.kept.flagged import flagged_in_clip
from monitor.replay.kept.reading import StoreReader
from monitor.store import StoredClip
from monitor.store.protection import Protection, protection_from_text
from training.errors import TrainingError
from training.retrain.said import SaidEvent

AROUND_S = 0.25
"""Before and after flagged windows: a window that begins so near to a flagged one holds nearly the same."""
SHORTEST_S = 2.2
"""Of a piece: a window is 2.05 s long."""
BANDS = "frequencies were taken out before it was stored (store.clip_band_hz, store.clip_stop_hz)"
SPEECH = "speech was taken out before it was stored (store.speech)"
NOT_FLAGGED = "none of its windows at or above the limit was kept (store.maps_per_event)"
DISTURBED = "another event lies in it that is not known to be none"
TOO_SHORT = f"it is shorter than {SHORTEST_S:g} s"


@dataclass(frozen=True, slots=True)
class Piece:
    """Sound of a labelled event."""

    event: SaidEvent
    """Whose it is."""
    name: str
    """Of the file that it becomes, without ending; unique."""
    samples: Float32
    """Shape (n,), read-only."""
    sample_rate_hz: int
    """The device's own."""

    @property
    def seconds(self) -> float:
        """How long it sounds."""
        return len(self.samples) / self.sample_rate_hz


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A clip that does not serve."""

    event_id: str
    """Its event."""
    clip_id: str
    """The clip; empty where the event has none."""
    why: str
    """For a person."""


def pieces_of_event(reader: StoreReader, event: SaidEvent) -> Iterator[Piece | LeftOut]:
    """Yield what serves of the event's clips, in the order of their sound; what does not, with the reason.

    Raises:
        StoreError: The store cannot be read.
        TrainingError: A clip is damaged.
    """
    clips = reader.store.clips(event.event_id)
    if not clips:
        yield LeftOut(event.event_id, "", "no sound of it was kept")
    for clip in clips:
        stretches, why = _serving(reader, event, clip)
        if why:
            yield LeftOut(event.event_id, clip.clip_id, why)
            continue
        try:
            samples, rate_hz = _sound(reader, clip)
        except FileGoneError as error:
            yield LeftOut(event.event_id, clip.clip_id, str(error))
            continue
        for number, stretch in enumerate(stretches):
            part = samples[round(stretch.start_s * rate_hz) : round(stretch.end_s * rate_hz)]
            piece = Piece(event, f"{clip.clip_id}-{number:02d}", read_only(part), rate_hz)
            if piece.seconds < SHORTEST_S:
                yield LeftOut(event.event_id, clip.clip_id, TOO_SHORT)
            else:
                yield piece


def _serving(reader: StoreReader, event: SaidEvent, clip: StoredClip) -> tuple[Sequence[Stretch], str]:
    """Return which stretches of a clip serve, in seconds from its start, or why none does."""
    protection = protection_from_text(clip.protection)
    if protection.band_hz is not None or protection.stop_hz is not None:
        return (), BANDS
    if event.rating == "no_anomaly":
        if protection.spoken:
            return (), SPEECH
        if _is_disturbed(reader, clip):
            return (), DISTURBED
        return [Stretch(start_s=0.0, end_s=clip.duration_s)], ""
    flagged = flagged_in_clip(clip, reader.store.windows(event.event_id))
    if not flagged:
        return (), NOT_FLAGGED
    wide = [
        Stretch(start_s=max(0.0, one.start_s - AROUND_S), end_s=min(clip.duration_s, one.end_s + AROUND_S))
        for one in flagged
    ]
    heard = [one for one in wide if not _is_spoken(protection, one)]
    return heard, "" if heard else SPEECH


def _is_spoken(protection: Protection, stretch: Stretch) -> bool:
    return any(one.start_s < stretch.end_s and one.end_s > stretch.start_s for one in protection.spoken)


def _is_disturbed(reader: StoreReader, clip: StoredClip) -> bool:
    """Return whether an event that is not agreed to be `no anomaly` went on during the clip."""
    rows = reader.store.database.rows(
        "SELECT event_id FROM events WHERE source_id = ? AND event_id <> ? AND start_utc_s < ? "
        "AND COALESCE(end_utc_s, 1e300) > ?",
        (clip.source_id, clip.event_id, clip.start_utc_s + clip.duration_s, clip.start_utc_s),
    )
    return any(agreed(reader.store.labels(row["event_id"])) != "no_anomaly" for row in rows)


def _sound(reader: StoreReader, clip: StoredClip) -> tuple[Float32, int]:
    with reader.open_file(clip) as file:
        try:
            samples, rate_hz = soundfile.read(file, dtype="float32", always_2d=True)
        except soundfile.SoundFileError as error:
            raise TrainingError(
                f"clip {clip.clip_id} of event {clip.event_id}: cannot be read ({error}); withdraw its label "
                "or mend the disk"
            ) from error
    mono: Float32 = samples[:, 0]
    return mono, int(rate_hz)
