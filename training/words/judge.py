"""Lets a Describer hear streams as the daemon would, and compares what it says with what is true."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from monitor.describe import Describer
from monitor.describe.bands import Bands
from monitor.explanation import Explanation, Finding, SoundKind
from monitor.frontend import FrontendParameters
from monitor.messages import Span
from training.words.cases import Event, Heard, Hearing, Stream

FLAGGED_OVERLAP_S = 0.5
"""A window with so much of an event in it is taken as flagged: detection is judged elsewhere."""
TAIL_S = 2.0
"""Windows that begin so soon after an event are flagged too, as an alarm's off-delay does."""


@dataclass(frozen=True, slots=True)
class Judged:
    """An event and what was said of it at its end."""

    stream: Stream
    """Where it was heard."""
    event: Event
    """The truth."""
    explanation: Explanation
    """What the describer made of all its windows."""
    overlap: float
    """Of the first finding's band with the truth's, in mel bands: shared over all, 0 to 1."""

    @property
    def finding(self) -> Finding:
        """The first finding, which the sentence begins with."""
        return self.explanation.findings[0]

    @property
    def right(self) -> bool:
        """Whether the first finding is of the right kind."""
        return self.finding.kind is self.event.kind

    @property
    def period_error(self) -> float | None:
        """The period's error as a share of it; infinite: none was found; None: there is none."""
        true_s = self.event.period_s
        if true_s is None:
            return None
        found_s = self.finding.period_s
        return np.inf if found_s is None else abs(found_s / true_s - 1.0)


def describer_of(hearing: Hearing, before: Iterable[Heard] = ()) -> Describer:
    """Return a describer that has heard this normal sound."""
    parameters = hearing.ear.frontend.parameters
    manifest = hearing.ear.bundle.manifest
    describer = Describer(
        parameters,
        mean=manifest.standardisation_mean,
        std=manifest.standardisation_std,
        hop_frames=round(hearing.ear.hop_s / parameters.hop_s),
    )
    for heard in before:
        _hear(describer, heard, None, normal=True)
    return describer


def judge_stream(stream: Stream, describer: Describer, parameters: FrontendParameters) -> Iterator[Judged]:
    """Yield each event of a stream with what a describer that hears the whole stream says of it."""
    said: dict[int, Explanation] = {}
    for heard in stream.heard:
        number, normal = _role(heard.span, stream.events)
        found = _hear(describer, heard, number, normal=normal)
        if number is not None and found is not None:
            said[number] = found
    for number, event in enumerate(stream.events):
        overlap = band_overlap(said[number].findings[0], event, parameters)
        yield Judged(stream, event, said[number], overlap)


def _hear(describer: Describer, heard: Heard, number: int | None, *, normal: bool) -> Explanation | None:
    event_id = None if number is None else str(number)
    if heard.logmel is None:
        return describer.miss(heard.span, event_id)
    describer.hear(heard.logmel, heard.inference, normal=normal)
    return None if event_id is None else describer.describe(event_id, heard.logmel, heard.inference)


def _role(span: Span, events: Sequence[Event]) -> tuple[int | None, bool]:
    """Return the event that a window belongs to, and whether it is normal."""
    for number, event in enumerate(events):
        if span.end_s < event.onset_s or span.start_s > event.offset_s + TAIL_S:
            continue
        return (number if span.end_s - event.onset_s >= FLAGGED_OVERLAP_S else None), False
    return None, True


def band_overlap(finding: Finding, event: Event, parameters: FrontendParameters) -> float:
    """Return how many mel bands two bands share, over how many either has."""
    bands = Bands(parameters)
    found, true = np.zeros((2, bands.count), bool)
    found[bands.bands_of(finding.low_hz, finding.high_hz)] = True
    true[bands.bands_of(event.low_hz, event.high_hz)] = True
    return float(np.sum(found & true) / np.sum(found | true))


def confusion(judged: Sequence[Judged]) -> dict[SoundKind, dict[SoundKind, int]]:
    """Return how often each true kind was called what."""
    table: dict[SoundKind, dict[SoundKind, int]] = {}
    for one in judged:
        row = table.setdefault(one.event.kind, {})
        row[one.finding.kind] = row.get(one.finding.kind, 0) + 1
    return table
