"""Decides what of a clip and of a window's maps is written: the one way from the sound to the disk.

Works in the keeper's thread, so that looking for speech never holds up judging. What cannot be checked is
not written, is counted and is said: sound that might be speech is never stored for want of an answer.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

import numpy as np

from monitor.band_pass import LEAST_WIDTH_HZ, Band, band_passed
from monitor.config import StoreConfig
from monitor.errors import SpeechCheckError
from monitor.logs import Log
from monitor.messages import Float32, read_only
from monitor.pipeline import FlaggedWindow
from monitor.privacy.blur import blurred, silenced, smeared
from monitor.privacy.speech import SpeechDetector, joined
from monitor.store import ClipJob, ClipRecorder, Store
from monitor.store.clip_files import note_unwritten_clip
from monitor.store.protection import Protection, Spoken

BEFORE_S, AFTER_S = 1.5, 0.5
"""Sound around a window that helps the check to hear; as far as it is held."""


class Shelf(Protocol):
    """Where the sound of a clip is to lie."""

    def write(self, clip: ClipJob) -> None:
        """Write a clip from which was taken what is not to be stored. Raises as Store.add_clip."""

    def note_unwritten(self, clip: ClipJob, why: str) -> None:
        """Keep that its sound is never written. Raises as Store.add_clip."""


class EventShelf:
    """Among the clips of the event that a clip belongs to."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def write(self, clip: ClipJob) -> None:
        """Write it. Raises as Store.add_clip."""
        self._store.add_clip(clip)

    def note_unwritten(self, clip: ClipJob, why: str) -> None:
        """Keep its row alone. Raises as Store.add_clip."""
        note_unwritten_clip(self._store.database, clip, why)


class SoundGuard:
    """Writes clips and maps as the configuration lets it. Belongs to the keeper's thread."""

    def __init__(self, store: Store, log: Log, *, noise: np.random.Generator | None = None) -> None:
        """`noise`: what takes the place of speech; by default nobody can know it again."""
        self._store = store
        self._events = EventShelf(store)
        self._log = log
        self._noise = np.random.default_rng() if noise is None else noise
        self._detector: SpeechDetector | None = None
        self._told = ""
        self.clips_with_speech = 0
        """Clips in which speech was found and taken out."""
        self.unchecked = 0
        """Clips that were not written, and windows whose maps lost their detail, because the check failed."""

    def require_speech_check(self) -> None:
        """Open the speech check. By any thread.

        Raises:
            SpeechCheckError: It is missing or damaged: no clip could ever be checked.
        """
        self._opened()

    def keep_clip(self, clip: ClipJob, rules: StoreConfig, shelf: Shelf | None = None) -> None:
        """Write a clip, or only that there was one; `shelf` None: among those of its event.

        Raises:
            StoreError: See Store.add_clip.
        """
        shelf = self._events if shelf is None else shelf
        if rules.audio == "never":
            shelf.note_unwritten(clip, "never")
            return
        try:
            protected = self._protected(clip, rules)
        except (SpeechCheckError, MemoryError) as error:
            self._note_failure(error)
            shelf.note_unwritten(clip, "unchecked")
            return
        shelf.write(protected)
        self.clips_with_speech += bool(protected.protection.spoken)

    def keep_map(self, flagged: FlaggedWindow, sound: ClipRecorder | None, rules: StoreConfig) -> None:
        """Write a window's maps; `sound` holds what was heard, None: nobody holds it any more.

        Raises:
            StoreError: See Store.add_map.
        """
        logmel, inference, protection = flagged.logmel, flagged.inference, Protection()
        if rules.speech != "keep":
            spoken = self._spoken_in(flagged, sound, rules)
            span = logmel.span
            frame_s = (span.end_s - span.start_s) / logmel.values.shape[1]
            logmel = replace(logmel, values=smeared(logmel.values, frame_s, spoken))
            inference = replace(
                inference,
                error_map=smeared(inference.error_map, frame_s, spoken),
                reconstruction=smeared(inference.reconstruction, frame_s, spoken),
            )
            protection = Protection(speech=rules.speech, spoken=tuple(spoken))
        self._store.add_map(
            flagged.event_id,
            flagged.score,
            inference,
            logmel,
            maps_per_event=rules.maps_per_event,
            protection=protection,
        )

    def _protected(self, clip: ClipJob, rules: StoreConfig) -> ClipJob:
        samples, spoken = clip.samples, list[Spoken]()
        if rules.speech != "keep":
            samples, spoken = self._without_speech(samples, clip.sample_rate_hz, rules)
        samples = _band_limited(samples, clip.sample_rate_hz, rules)
        protection = Protection(
            speech=None if rules.speech == "keep" else rules.speech,
            spoken=tuple(spoken),
            band_hz=rules.clip_band_hz,
            stop_hz=rules.clip_stop_hz,
        )
        return replace(clip, samples=samples, protection=protection)

    def _without_speech(
        self, samples: Float32, rate_hz: int, rules: StoreConfig
    ) -> tuple[Float32, list[Spoken]]:
        detector = self._opened()
        spoken = detector.spoken(samples, rate_hz, rules.speech_threshold)
        if not spoken:
            return samples, spoken
        if rules.speech == "withhold":
            return silenced(samples, rate_hz, spoken), spoken
        samples = blurred(samples, rate_hz, spoken, self._noise)
        left = detector.spoken(samples, rate_hz, rules.speech_threshold)
        return silenced(samples, rate_hz, left), joined([*spoken, *left])

    def _spoken_in(
        self, flagged: FlaggedWindow, sound: ClipRecorder | None, rules: StoreConfig
    ) -> list[Spoken]:
        """Return where somebody speaks in a window, from its start; all of it where nobody can say."""
        span = flagged.logmel.span
        all_of_it = [Spoken(0.0, span.end_s - span.start_s)]
        held = None
        if sound is not None:
            held = sound.held(span.start_s - BEFORE_S, span.end_s + AFTER_S)
            held = held or sound.held(span.start_s, span.end_s + AFTER_S)
        if held is None or held[2] + len(held[0]) / held[1] < span.end_s - 1.0 / held[1]:
            self._note_failure(
                SpeechCheckError("the sound of a window was no longer held when it was written")
            )
            return all_of_it
        samples, rate_hz, start_s = held
        try:
            found = self._opened().spoken(samples, rate_hz, rules.speech_threshold)
        except SpeechCheckError as error:
            self._note_failure(error)
            return all_of_it
        shift_s = span.start_s - start_s
        moved = (Spoken(max(0.0, one.start_s - shift_s), one.end_s - shift_s) for one in found)
        return [one for one in moved if one.end_s > 0.0 and one.start_s < all_of_it[0].end_s]

    def _opened(self) -> SpeechDetector:
        if self._detector is None:
            self._detector = SpeechDetector()
        return self._detector

    def _note_failure(self, error: SpeechCheckError | MemoryError) -> None:
        self.unchecked += 1
        reason = str(error) or "out of memory"
        if reason != self._told:
            self._log.error("sound is not stored, because it cannot be checked for speech", reason=reason)
        self._told = reason


def _band_limited(samples: Float32, rate_hz: int, rules: StoreConfig) -> Float32:
    """Return a sound with only the configured bands in it, in place and in phase."""
    for band_hz, keeps in ((rules.clip_band_hz, True), (rules.clip_stop_hz, False)):
        if band_hz is None:
            continue
        low_hz, high_hz = band_hz
        if low_hz >= rate_hz / 2 - LEAST_WIDTH_HZ:  # the band lies above all that this sound can hold
            samples = np.zeros_like(samples) if keeps else samples
            continue
        inside = np.concatenate(list(band_passed([samples], Band(low_hz, high_hz), rate_hz)))
        samples = inside if keeps else np.clip(samples - inside, -1.0, 1.0)
    return read_only(np.array(samples, np.float32))
