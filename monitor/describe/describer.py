"""Describes the events of one source: hears all its windows, knows its normal sound, draws its events."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence

import numpy as np

from monitor.clock import CLOCK_SET_UTC_S, STEP_S
from monitor.describe.bands import Bands, Float64
from monitor.describe.baseline import DB_PER_LOG10, ENOUGH_FRAMES, Baseline
from monitor.describe.findings import findings_of
from monitor.describe.frames import facts_of_frames
from monitor.describe.portrait import Portrait, ring_frames
from monitor.describe.stored import portrait_of_tree, tree_of_portrait
from monitor.describe.unheard import Unheard
from monitor.explanation import Explanation
from monitor.frontend import FrontendParameters
from monitor.messages import Inference, LogMel, Quality, Span

SHORTLY_S = 10.0
"""What could not be judged so shortly before an event belongs to it."""
PASSED_OVER = 3
"""Of the windows that could teach, once enough is known: what is normal changes in minutes, and learning each
costs a sixth of the CPU that scoring it does."""
OPEN_MAX = 4
"""Portraits kept at once; one event is open at a time, the oldest goes when somebody forgets to close."""


class Describer:
    """Describes the events of one source. Belongs to the thread that judges; never blocks."""

    def __init__(
        self,
        parameters: FrontendParameters,
        *,
        mean: Sequence[float],
        std: Sequence[float],
        hop_frames: int,
    ) -> None:
        """Begin with the bundle's standardisation (log10 units, shape (mel,)) as what is normal.

        `hop_frames`: from one window to the next.
        """
        self._hop_samples = parameters.hop_samples
        self._hop_s = parameters.hop_s
        self._bands = Bands(parameters)
        self._maker = _digest(parameters, mean, std)
        self._baseline = Baseline(self._bands, mean, std)
        self._hop_frames = hop_frames
        self._portraits: OrderedDict[str, Portrait] = OrderedDict()
        self._lately = Unheard()
        # the newest normal frames teach only once the window after them was normal too
        self._untaught: tuple[Float64, Float64 | None] | None = None
        self._passed_over = 0
        """Normal windows since the one that was learned last, which the next one stands for."""
        self._anchor: tuple[float, float] | None = None
        """Stream time of the last window, and how far UTC was ahead of it."""

    def hear(self, logmel: LogMel, inference: Inference | None = None, *, normal: bool) -> None:
        """Take a judged window; `normal`: nothing was unusual and no event open, so that it teaches."""
        self._follow_clock(logmel.span)
        if not normal:
            self._untaught = None
            return
        self._baseline.note_level(logmel.span.level_dbfs)
        untaught, self._untaught = self._untaught, None
        if untaught is not None:
            self._baseline.learn(*untaught, windows=1 + self._passed_over)
            self._passed_over = 0
        if self._baseline.frames >= ENOUGH_FRAMES and self._passed_over < PASSED_OVER:
            self._passed_over += 1
            return
        self._untaught = _levels(logmel, inference, frames=self._hop_frames)

    def describe(self, event_id: str, logmel: LogMel, inference: Inference | None) -> Explanation:
        """Take the next flagged window of an event and return what the event sounded like so far."""
        span = logmel.span
        self._follow_clock(span)
        portrait = self._portrait(event_id, span)
        level, model = _levels(logmel, inference)
        before, gap = self._known_frames(portrait, span, level.shape[1])
        if before < level.shape[1]:
            excess = level - portrait.reference.expected_db(model)
            start_utc_s = span.start_utc_s + before * self._hop_s
            portrait.add(
                excess[:, before:],
                facts_of_frames(excess, portrait.reference, self._bands, before),
                gap_frames=gap,
                since_s=max(start_utc_s - portrait.start_utc_s, 0.0),
            )
            portrait.next_frame = span.first_sample // self._hop_samples + level.shape[1]
            portrait.heard_until_utc_s = span.end_utc_s
        if inference is not None and np.isfinite(inference.error_map).all():
            portrait.note_error(inference.error_map)
        return self._explanation(portrait, span)

    def miss(self, span: Span, event_id: str | None = None) -> Explanation | None:
        """Take a window that could not be judged; with the id of an open event return how that sounds now.

        One whose input was good, which the engine failed to judge or did not get to, says nothing: None.
        """
        self._follow_clock(span)
        self._untaught = None
        if span.quality in {Quality.OK, Quality.DROPPED}:
            return None
        portrait = None if event_id is None else self._portrait(event_id, span)
        # before as well: the clock may have been set back
        if not -SHORTLY_S <= span.start_utc_s - self._lately.end_utc_s <= SHORTLY_S:
            self._lately = Unheard()
        self._lately.add(span)
        if portrait is None:
            return None
        portrait.unheard.add(span)
        return self._explanation(portrait, span)

    @property
    def remembered_s(self) -> float:
        """Seconds of sound whose course in time a portrait holds at most."""
        return ring_frames(self._bands) * self._hop_s

    def close(self, event_id: str) -> None:
        """Forget an event; unknown ones are no error."""
        self._portraits.pop(event_id, None)

    def portrait_tree(self, event_id: str) -> dict[str, object] | None:
        """Return an open event's portrait as JSON of less than 8 kB, to be stored; None: not open here."""
        portrait = self._portraits.get(event_id)
        return None if portrait is None else tree_of_portrait(portrait, self._maker)

    def restore(self, event_id: str, tree: Mapping[str, object]) -> bool:
        """Go on with an event that was open before a restart.

        Returns:
            False where the portrait is not one of this version, front end and model: the event begins anew.
        """
        portrait = portrait_of_tree(tree, self._bands, self._maker)
        if portrait is None:
            return False
        self._keep(event_id, portrait)
        return True

    def _follow_clock(self, span: Span) -> None:
        """Date what is remembered by the clock as it is now, if it was set since the window before.

        Else an event that began in 1970 and goes on would have lasted for 56 years.
        """
        before, self._anchor = self._anchor, (span.start_s, span.start_utc_s - span.start_s)
        if before is None or span.start_s < before[0]:  # the first, or the stream has begun anew
            return
        by_s = self._anchor[1] - before[1]
        if abs(by_s) >= STEP_S:
            for portrait in self._portraits.values():
                portrait.date_anew(by_s)
            self._lately.date_anew(by_s)

    def _portrait(self, event_id: str, span: Span) -> Portrait:
        known = self._portraits.get(event_id)
        if known is not None:
            if known.next_frame is None and known.heard_until_utc_s < CLOCK_SET_UTC_S <= span.start_utc_s:
                # drawn before a restart, by a clock that was set since: as if it had only just been heard
                known.date_anew(span.start_utc_s - known.heard_until_utc_s)
            return known
        portrait = Portrait.begun(self._bands, self._baseline.reference(), span.start_utc_s)
        portrait.unheard.take_over(
            self._lately, since_utc_s=span.start_utc_s - SHORTLY_S, until_utc_s=span.end_utc_s
        )
        self._keep(event_id, portrait)
        return portrait

    def _keep(self, event_id: str, portrait: Portrait) -> None:
        self._portraits[event_id] = portrait
        while len(self._portraits) > OPEN_MAX:
            self._portraits.popitem(last=False)

    def _known_frames(self, portrait: Portrait, span: Span, frames: int) -> tuple[int, int]:
        """Return how many frames of a window the portrait has already, and how many are missing before it."""
        if portrait.next_frame is not None:
            ahead = portrait.next_frame - span.first_sample // self._hop_samples
        else:  # the stream's count began anew with a restart: by the clock
            ahead = round((portrait.heard_until_utc_s - span.start_utc_s) / self._hop_s)
        if ahead > frames:  # the stream, or the clock, was set back
            return 0, 0
        return max(ahead, 0), max(-ahead, 0)

    def _explanation(self, portrait: Portrait, span: Span) -> Explanation:
        portrait.windows += 1
        portrait.end_utc_s = max(span.end_utc_s, portrait.end_utc_s)
        return Explanation(
            findings=findings_of(portrait),
            start_utc_s=portrait.start_utc_s,
            end_utc_s=portrait.end_utc_s,
            windows=portrait.windows,
        )


def _digest(parameters: FrontendParameters, mean: Sequence[float], std: Sequence[float]) -> str:
    """Return what tells one front end and model from another: dB against one's normal are not the other's."""
    figures = np.array([*mean, *std], dtype=np.float32).tobytes()
    return hashlib.sha256(parameters.digest.encode() + figures).hexdigest()[:16]


def _levels(
    logmel: LogMel, inference: Inference | None, *, frames: int = 0
) -> tuple[Float64, Float64 | None]:
    """Return a window in dB, shape (mel, frames), and what the model made of it, if that is numbers.

    Only its last `frames`, unless that is 0.
    """
    level = DB_PER_LOG10 * logmel.values[:, -frames:].astype(np.float64)
    if inference is None or not np.isfinite(inference.reconstruction).all():
        return level, None
    return level, DB_PER_LOG10 * inference.reconstruction[:, -frames:].astype(np.float64)
