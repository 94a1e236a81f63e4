"""Describes the events of one source: hears all its windows, knows its normal sound, draws its events."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Mapping, Sequence

import numpy as np

from monitor.describe.bands import Bands, Float64
from monitor.describe.baseline import DB_PER_LOG10, Baseline
from monitor.describe.findings import findings_of
from monitor.describe.portrait import Portrait
from monitor.explanation import Explanation
from monitor.frontend import FrontendParameters
from monitor.messages import Inference, LogMel, Span

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
        self._parameters = parameters
        self._bands = Bands(parameters)
        self._baseline = Baseline(self._bands, mean, std)
        self._hop_frames = hop_frames
        self._portraits: OrderedDict[str, Portrait] = OrderedDict()

    def hear(self, logmel: LogMel, inference: Inference | None = None, *, normal: bool) -> None:
        """Take a judged window; `normal`: nothing was unusual and no event open, so that it teaches."""
        if not normal:
            return
        self._baseline.learn(*_levels(logmel, inference, self._hop_frames))

    def describe(self, event_id: str, logmel: LogMel, inference: Inference | None) -> Explanation:
        """Take the next flagged window of an event and return what the event sounded like so far."""
        portrait = self._portraits.get(event_id)
        if portrait is None:
            portrait = self._open(event_id)
        span = logmel.span
        level, model = _levels(logmel, inference, logmel.values.shape[1])
        excess = level - portrait.reference.expected_db(model)
        portrait.add(excess, np.zeros(excess.shape, bool), span.start_utc_s, self._parameters.hop_s)
        return self._explanation(portrait, span)

    def miss(self, span: Span, event_id: str | None = None) -> Explanation | None:
        """Take a window that could not be judged; with the id of an open event return how that sounds now."""
        portrait = None if event_id is None else self._portraits.get(event_id)
        return None if portrait is None else self._explanation(portrait, span)

    def close(self, event_id: str) -> None:
        """Forget an event; unknown ones are no error."""
        self._portraits.pop(event_id, None)

    def portrait_tree(self, event_id: str) -> dict[str, object] | None:
        """Return an open event's portrait as JSON of less than 8 kB, to be stored; None: not open here."""
        return None if event_id not in self._portraits else {}

    def restore(self, event_id: str, tree: Mapping[str, object]) -> bool:
        """Go on with an event that was open before a restart.

        Returns:
            False where the portrait is not one of this version and front end: the event then begins anew.
        """
        del event_id, tree
        return False

    def _open(self, event_id: str) -> Portrait:
        portrait = Portrait(self._bands, self._baseline.reference())
        self._portraits[event_id] = portrait
        while len(self._portraits) > OPEN_MAX:
            self._portraits.popitem(last=False)
        return portrait

    def _explanation(self, portrait: Portrait, span: Span) -> Explanation:
        portrait.windows += 1
        if math.isnan(portrait.start_utc_s):
            portrait.start_utc_s = span.start_utc_s
        portrait.end_utc_s = max(span.end_utc_s, portrait.start_utc_s)
        return Explanation(
            findings_of(portrait),
            start_utc_s=portrait.start_utc_s,
            end_utc_s=portrait.end_utc_s,
            windows=portrait.windows,
        )


def _levels(logmel: LogMel, inference: Inference | None, frames: int) -> tuple[Float64, Float64 | None]:
    """Return the last `frames` frames in dB, and what the model made of them."""
    level = DB_PER_LOG10 * logmel.values[:, -frames:].astype(np.float64)
    if inference is None:
        return level, None
    return level, DB_PER_LOG10 * inference.reconstruction[:, -frames:].astype(np.float64)
