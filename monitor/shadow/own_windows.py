"""Cuts a source's sound for a candidate whose windows lie otherwise, or are made into log-mel otherwise.

The sound is that which is held for clips, so that capture knows nothing of it. It is resampled and cut from
where it was last heard; where that is held no more, or input was lost, cutting begins anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from monitor.frontend import StreamFrontend
from monitor.listening import BlockWindows, Ear
from monitor.messages import AudioBlock, LogMel, Quality, Span, Window
from monitor.store import ClipRecorder

SAME_PLACE_S = 0.001
"""A piece of sound that begins so near the end of the last one follows it."""


class OwnWindows:
    """Of one source and one candidate. Belongs to the shadow thread."""

    def __init__(self, source_id: str, ear: Ear) -> None:
        self._source_id = source_id
        self._ear = ear
        self._cutter = BlockWindows(source_id, ear)
        self._frontend = StreamFrontend(ear.frontend)
        self._begin_s = 0.0
        self._heard = 0
        self._to_s: float | None = None

    def up_to(self, live: Span, sound: ClipRecorder) -> Iterator[LogMel]:
        """Yield the windows that are complete by the end of a live one, and fit to be judged."""
        if live.quality is not Quality.OK:
            self._to_s = None  # what is lost, or not sound, is in no window of the candidate's
            return
        since_s = live.start_s if self._to_s is None else self._to_s
        held = sound.held(since_s, live.end_s)
        if held is None and self._to_s is not None:
            self._to_s = None
            held = sound.held(live.start_s, live.end_s)
        if held is None:
            return
        samples, rate_hz, start_s = held
        if self._to_s is None or abs(start_s - self._to_s) > SAME_PLACE_S:
            self._begin_anew(start_s)
        self._to_s = start_s + len(samples) / rate_hz
        utc_s = live.start_utc_s - live.start_s
        block = AudioBlock(self._source_id, samples, rate_hz, self._heard, 0, utc_s + start_s)
        self._heard += len(samples)
        for window in self._cutter.add(block):
            logmel = self._frontend.logmel_from_window(window)
            if window.span.quality is Quality.OK:
                yield replace(logmel, span=self._placed(window, utc_s))

    def _begin_anew(self, at_s: float) -> None:
        self._cutter = BlockWindows(self._source_id, self._ear)
        self._frontend = StreamFrontend(self._ear.frontend)
        self._begin_s, self._heard = at_s, 0

    def _placed(self, window: Window, utc_s: float) -> Span:
        """Return where a window lies in the source's stream: the cutter counts from where it began."""
        span = window.span
        start_s = self._begin_s + span.start_s
        return replace(span, start_s=start_s, end_s=self._begin_s + span.end_s, start_utc_s=utc_s + start_s)
