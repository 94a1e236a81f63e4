"""What a comparison of a candidate with the live bundle found, and the verdict: values without any rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Outcome = Literal["better", "not_better", "too_early"]
Figure = float | int | str


@dataclass(frozen=True, slots=True)
class Pairs:
    """Cases that were put to both bundles, by which of them answered with an alarm."""

    both: int = 0
    """Both did."""
    live_only: int = 0
    """The live one did, the candidate did not."""
    candidate_only: int = 0
    """The candidate did, the live one did not."""
    neither: int = 0
    """None did."""

    @property
    def live(self) -> int:
        """Cases in which the live one did."""
        return self.both + self.live_only

    @property
    def candidate(self) -> int:
        """Cases in which the candidate did."""
        return self.both + self.candidate_only

    @property
    def cases(self) -> int:
        """All of them."""
        return self.both + self.live_only + self.candidate_only + self.neither

    def plus(self, *, live: bool, candidate: bool) -> Pairs:
        """Return the pairs with a further case."""
        return Pairs(
            self.both + (live and candidate),
            self.live_only + (live and not candidate),
            self.candidate_only + (candidate and not live),
            self.neither + (not live and not candidate),
        )

    def joined(self, others: Pairs) -> Pairs:
        """Return the pairs with all cases of `others`."""
        return Pairs(
            self.both + others.both,
            self.live_only + others.live_only,
            self.candidate_only + others.candidate_only,
            self.neither + others.neither,
        )


@dataclass(frozen=True, slots=True)
class Probe:
    """Foreign sounds of one loudness, mixed into the machine's own normal sound."""

    snr_db: float
    """How much louder the foreign sound is than the machine's."""
    heard: Pairs
    """Mixtures in which a window reached the limit that does not without the foreign sound."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Labelled events that prove nothing, by why."""

    used: int = 0
    """The candidate or the live bundle learned from it."""
    withdrawn: int = 0
    """Everybody who had said something took it back."""
    unsure: int = 0
    """Whoever listened could not say."""
    disagreed: int = 0
    """One says anomaly, another says none."""
    no_sound: int = 0
    """Nothing of its sound is kept that is as it was heard, and both did not judge it beside each other."""
    waiting: int = 0
    """Its sound was not scored yet, for want of time; it is when this is asked again."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A stretch of sound at which one of the two alarmed and the other did not."""

    dispute_id: str
    """What a label of it names, where there is no event."""
    start_utc_s: float
    """When it began."""
    end_utc_s: float
    """When that alarm had cleared."""
    alarmed: Literal["live", "candidate"]
    """Which of the two."""
    live_peak: float | None
    """Highest value of the live bundle in it, 1.0 = its limit; None: not known."""
    candidate_peak: float | None
    """Highest value of the candidate in it, 1.0 = its own limit; None: not known."""
    rating: str | None
    """What people's last words come to, a value of monitor.promotion.agreement; None: nobody has said any."""
    event_id: str | None = None
    """The event that the live bundle had raised; None: there is none."""
    clip_id: str | None = None
    """Its sound; None: none was kept."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A candidate beside the live bundle of one source, as far as is known now."""

    source_id: str
    """Whose bundles they are."""
    live: str
    """The version that judges."""
    candidate: str
    """The version that wants to."""
    at_utc_s: float
    """When this was found."""
    budget_per_week: float
    """So many false alarms a week both promise (alarm.false_alarms_per_week)."""
    hours: float = 0.0
    """Hours of sound that both have judged beside each other."""
    since_utc_s: float | None = None
    """Since when they judge beside each other; None: they never have."""
    skipped_share: float = 0.0
    """Of those windows the share that the candidate was not given, for want of CPU time."""
    false_alarms: Pairs = field(default_factory=Pairs)
    """Alarms of these hours that were none: `no_anomaly` by label; and the candidate's own that nobody
    labelled, for nobody knows better. Counted as alarms, with the delays of the source."""
    spared: int = 0
    """Of `false_alarms.live_only` those that lie five minutes apart: only these speak for the candidate."""
    unlabelled_live_only: int = 0
    """Alarms of the live bundle alone that nobody labelled: each may be a fault that the candidate misses."""
    unlabelled_skipped: int = 0
    """Events that the live bundle raised meanwhile where the candidate was not asked, and nobody labelled."""
    unlabelled_both: int = 0
    """Alarms of both that nobody labelled: they speak for neither."""
    unlabelled_candidate_only: int = 0
    """Of `false_alarms.candidate_only` those that nobody labelled."""
    anomalies: Pairs = field(default_factory=Pairs)
    """Faults, of events labelled `anomaly`, that neither has learned from, beside each other or by their kept
    sound: events of one kind less than a day apart are one."""
    normals: Pairs = field(default_factory=Pairs)
    """The same labelled `no_anomaly`, by their kept sound alone: told, and no proof, for most of them are
    there because the live one had raised them."""
    probes: tuple[Probe, ...] = ()
    """Foreign sounds, the loudest first; empty: no normal sound is kept to mix them into, or not yet."""
    probes_asked: int = 0
    """Foreign sounds that are to be tried in all; some cannot be mixed in, for they would be clipped."""
    probes_waiting: int = 0
    """Of these those that were not scored yet, for want of time; they are when this is asked again."""
    left_out: LeftOut = field(default_factory=LeftOut)
    """Labelled events that were not counted."""
    disagreements: tuple[Disagreement, ...] = ()
    """Where to listen, the newest first; bounded."""

    @property
    def probes_tried(self) -> int:
        """Foreign sounds that were tried."""
        return self.probes_asked - self.probes_waiting

    @property
    def false_alarms_live(self) -> int:
        """Of the live bundle, in `hours`."""
        return self.false_alarms.live

    @property
    def false_alarms_candidate(self) -> int:
        """Of the candidate, in `hours`."""
        return self.false_alarms.candidate


@dataclass(frozen=True, slots=True)
class Ground:
    """One reason of a verdict: a code, and the figures of its sentence."""

    code: str
    """A key of monitor.promotion.sentences.SENTENCES."""
    figures: Mapping[str, Figure] = field(default_factory=dict)
    """What the sentence has in braces."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows of a comparison."""

    outcome: Outcome
    """`better`: it may judge. `not_better`: it is worse, or as good. `too_early`: too little is known."""
    grounds: tuple[Ground, ...]
    """Why, what decides first."""
    reasons: tuple[str, ...]
    """The same as English sentences without full stops."""

    @property
    def is_better(self) -> bool:
        """Whether the managed policy promotes it."""
        return self.outcome == "better"
