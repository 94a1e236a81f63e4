"""One source's shadow run: what the candidate says of its windows, and what becomes of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from monitor.alarm import AlarmSnapshot
from monitor.config import AlarmConfig
from monitor.machine import Machine
from monitor.messages import Inference, LogMel, Quality, Score
from monitor.promotion.rehearsed import limits_only, rules_of
from monitor.shadow.candidate import Candidate
from monitor.shadow.disputes import Change, Disputes
from monitor.shadow.own_windows import OwnWindows
from monitor.shadow.pairs import Pairs
from monitor.shadow.sounds import name_of
from monitor.store import ClipRecorder
from monitor.store.shadow import RunKey, ShadowTally, ShadowWindow

CHANGES_MAX = 1000
"""Disputes that wait to be told while the store takes nothing; beyond, the oldest goes, as it would there."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A window as the live bundle has settled it."""

    machine: Machine
    """Who judged it."""
    score: Score
    """What came of it."""
    logmel: LogMel | None
    """What its engine was given; None: nothing, as the sound was not fit for it."""
    alarm: AlarmSnapshot
    """The source's alarm after it."""

    @property
    def live_bundle_id(self) -> str:
        """The live bundle's; a source without one has no candidate that judges beside it."""
        return self.score.bundle_id or ""


class Watch:
    """Belongs to the shadow thread."""

    def __init__(
        self, source_id: str, candidate: Candidate, settings: AlarmConfig, *, clip_every_s: float
    ) -> None:
        """`clip_every_s`: of disputes that follow each other faster one has its sound kept."""
        self.source_id = source_id
        """The source that is heard."""
        self.candidate = candidate
        """Who judges beside its live bundle."""
        self._settings = settings
        self._own = OwnWindows(source_id, candidate.ear)
        self._pairs = Pairs()
        self._disputes = Disputes(settings, AlarmSnapshot(source_id))
        self._rules = ""
        """By which limits and delays both are held against, for the run."""
        self._live_bundle_id = ""
        self._unfit: Quality | None = None
        """Why the last window was not judged by anybody; None: it was."""
        self._tallies: dict[RunKey, ShadowTally] = {}
        self._clip_every_s = clip_every_s
        self._clip_at_s: float | None = None
        self._clip: tuple[float, str] | None = None
        """Of the dispute whose sound is being recorded: where it begins, and the name of the clip."""
        self.changes: deque[tuple[RunKey, Change, str | None]] = deque(maxlen=CHANGES_MAX)
        """What is to be told of disputes, oldest first, each with the name of its clip; None: it has none."""

    def logmels(self, heard: Heard) -> Sequence[LogMel]:
        """Return what the candidate is to be given, now that the live bundle has settled a window."""
        if heard.logmel is not None and self.candidate.hears_as(heard.machine.ear):
            return [heard.logmel]
        if self.candidate.hears_as(heard.machine.ear):
            return []
        return list(self._own.up_to(heard.score.span, heard.machine.clips))

    def take(self, heard: Heard, inferences: Sequence[Inference]) -> None:
        """Take a window of the live bundle and what the candidate answered to its `logmels`."""
        self._follow(heard)
        for live, candidate in self._paired(heard.score, inferences):
            self._note(heard, live, candidate)

    def skip(self, count: int, at_utc_s: float, live_bundle_id: str, hop_s: float) -> None:
        """Take it that so many windows were not given to the candidate, the first of them at `at_utc_s`."""
        key = RunKey(self.source_id, live_bundle_id, self.candidate.version)
        tally = self._tallies.get(key, ShadowTally(at_utc_s, hop_s))
        self._tallies[key] = replace(tally, skipped=tally.skipped + count)

    def taken(self) -> dict[RunKey, ShadowTally]:
        """Return what has come since the last call."""
        taken, self._tallies = self._tallies, {}
        return taken

    def _follow(self, heard: Heard) -> None:
        """Begin anew beside another live bundle, and hold both against the limits in force."""
        if heard.live_bundle_id != self._live_bundle_id:
            self._live_bundle_id, self._pairs = heard.live_bundle_id, Pairs()
        elif self._disputes.facts == limits_only(heard.alarm):
            return
        self._disputes = Disputes(self._settings, heard.alarm)
        self._rules = rules_of(self._settings, heard.alarm)

    def _paired(self, live: Score, inferences: Sequence[Inference]) -> Iterator[tuple[Score, Score | None]]:
        yield from self._pairs.of_live(live)
        for inference in inferences:
            yield from self._pairs.of_candidate(self.candidate.scorer.score_from_inference(inference))

    def _note(self, heard: Heard, live: Score, candidate: Score | None) -> None:
        key = RunKey(self.source_id, self._live_bundle_id, self.candidate.version)
        hop_s, span = heard.machine.ear.hop_s, live.span
        tally = replace(self._tallies.get(key, ShadowTally(span.start_utc_s, hop_s)), rules=self._rules)
        if candidate is None and span.quality is Quality.OK:  # where windows lie otherwise, at an edge
            self._tallies[key] = replace(tally, skipped=tally.skipped + 1)
            return
        if span.quality is not Quality.OK and span.quality is self._unfit:
            return  # a machine may be off all weekend: the first window says why
        self._unfit = None if span.quality is Quality.OK else span.quality
        value = None if candidate is None else candidate.value
        window = ShadowWindow(
            source_id=self.source_id,
            live_bundle_id=self._live_bundle_id,
            candidate=self.candidate.version,
            start_utc_s=span.start_utc_s,
            end_utc_s=span.end_utc_s,
            start_s=span.start_s,
            live=live.value,
            candidate_value=value,
            quality=span.quality,
        )
        self._tallies[key] = replace(tally, windows=(*tally.windows, window))
        if candidate is None:
            return
        change = self._disputes.take(live, candidate, heard.alarm.event_id if heard.alarm.active else None)
        if change is not None:
            self._tell(key, change)
        self._record(heard.machine.clips, live)

    def _tell(self, key: RunKey, change: Change) -> None:
        """Have a change told; of a dispute that is not told yet what it has become by now is enough."""
        name = None if self._clip is None else self._clip[1]
        if change.is_new and self._clip is not None and self._clip[0] == change.dispute.start_s:
            self._clip_at_s = self._clip[0]  # of what was no dispute nothing is kept, and it uses up nothing
        if self.changes and not change.is_new:
            before_key, before, before_name = self.changes[-1]
            if before_key == key and not before.is_over:
                self.changes.pop()
                change, name = replace(change, is_new=before.is_new), before_name
        self.changes.append((key, change, name))

    def _record(self, sound: ClipRecorder, live: Score) -> None:
        """Have the sound recorded while the candidate alarms alone: of a live alarm the event has it."""
        dispute, span = self._disputes.open, live.span
        if dispute is None or dispute.alarmed == "live":
            self._clip = None
            return
        if self._clip is not None and self._clip[0] == dispute.start_s:
            sound.flag(self._clip[1], span.start_s, span.end_s)
            return
        self._clip = None
        is_soon = (
            self._clip_at_s is not None and 0.0 <= dispute.start_s - self._clip_at_s < self._clip_every_s
        )
        # what is held no more would count as a clip of the live bundle that was missed
        if is_soon or sound.held(span.start_s, span.end_s) is None:
            return
        self._clip = (dispute.start_s, name_of(dispute.start_utc_s))
        sound.flag(self._clip[1], dispute.start_s, span.end_s)
