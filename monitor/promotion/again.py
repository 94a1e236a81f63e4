"""Sound that was kept, put to both bundles again: labelled events, and foreign sounds in normal ones."""

from __future__ import annotations

import enum
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from monitor.alarm import AlarmSnapshot
from monitor.config import AlarmConfig
from monitor.promotion.faults import Answered
from monitor.promotion.foreign import MAKERS, SNRS_DB, mixed
from monitor.promotion.kept_sound import NormalSound, normal_sound, sound_of_clip, whole_clips
from monitor.promotion.labelled import Labelled
from monitor.promotion.listener import Listener, Row, Sound, values_of_rows
from monitor.promotion.pairing import Stretches, beginning, spells
from monitor.promotion.records import LeftOut, Pairs, Probe
from monitor.promotion.rehearsed import RehearsedAlarm
from monitor.store import Store, StoredClip

LIMIT = 1.0
NORMAL_MAX = 8
"""So many stretches of normal sound are mixed."""


class Answer(enum.Enum):
    """What came of asking a bundle whether it finds an event, or hears a foreign sound."""

    FOUND = "found"
    MISSED = "missed"
    NO_SOUND = "no_sound"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of events that were heard again."""

    anomalies: tuple[Answered, ...]
    """Those labelled as an anomaly."""
    normals: Pairs
    """As Comparison.normals."""
    left_out: LeftOut
    """Its `no_sound` and `waiting`."""


@dataclass(frozen=True, slots=True)
class Probed:
    """What came of foreign sounds."""

    probes: tuple[Probe, ...]
    """As Comparison.probes, of those that both were asked for."""
    asked: int
    """Mixtures that are to be tried in all."""
    waiting: int
    """Of these those that were not scored yet, for want of time."""


@dataclass(frozen=True, slots=True)
class RaisedBy:
    """Which events the live version itself has raised, by the limits that hold now."""

    live_bundle_id: str
    """Of its model."""
    since_utc_s: float | None
    """Since when it judges by them; None: not known."""

    def has(self, labelled: Labelled) -> bool:
        """Say whether the live version found this event, as is on record."""
        is_since = self.since_utc_s is None or labelled.start_utc_s >= self.since_utc_s
        return is_since and labelled.bundle_id == self.live_bundle_id


@dataclass(frozen=True, slots=True)
class Hearing:
    """Both bundles, and what decides whether they would have alarmed."""

    store: Store
    """Where sound is listed."""
    live: Listener
    """The bundle that judges."""
    candidate: Listener
    """The bundle that wants to."""
    raised: RaisedBy
    """These events were found by the live one."""
    settings: AlarmConfig
    """Limits and delays of the source."""
    facts: AlarmSnapshot
    """Whose limits an operator has set."""

    def events(self, labelled: Iterable[Labelled]) -> Heard:
        """Return which of these events both find in their kept sound.

        Raises:
            CodedError: A bundle cannot be opened, or the store cannot be read.
        """
        left_out = LeftOut()
        answered: dict[str, list[Answered]] = {"anomaly": [], "no_anomaly": []}
        for one in labelled:
            answers = self._answers(one)
            if Answer.WAITING in answers:
                left_out = replace(left_out, waiting=left_out.waiting + 1)
            elif Answer.NO_SOUND in answers:
                left_out = replace(left_out, no_sound=left_out.no_sound + 1)
            else:
                live, candidate = (answer is Answer.FOUND for answer in answers)
                told = Answered(one.start_utc_s, one.end_utc_s, one.kind, live, candidate)
                answered[one.rating].append(told)
        return Heard(tuple(answered["anomaly"]), _pairs(answered["no_anomaly"]), left_out)

    def _answers(self, labelled: Labelled) -> tuple[Answer, Answer]:
        clips = whole_clips(self.store, labelled.event_id)
        candidate = self._found(self.candidate, labelled, clips)
        if self.raised.has(labelled):
            return Answer.FOUND, candidate
        return self._found(self.live, labelled, clips), candidate

    def _found(self, listener: Listener, labelled: Labelled, clips: Sequence[StoredClip]) -> Answer:
        answer = Answer.NO_SOUND
        for clip in clips:
            rows = listener.values(clip.clip_id, partial(sound_of_clip, self.store.state_dir, clip))
            if rows is None:
                return Answer.WAITING
            if not rows:
                continue
            answer = Answer.MISSED
            alarm = RehearsedAlarm(self.settings, self.facts)
            for value in values_of_rows(rows, clip.start_s, clip.start_utc_s):
                alarm.take(value)
            if Stretches(alarm.finish()).meets(beginning(labelled)):
                return Answer.FOUND
        return answer

    def probed(self) -> Probed:
        """Return which foreign sounds both hear, and nothing without them.

        Raises:
            CodedError: A bundle cannot be opened, or the store cannot be read.
        """
        stretches, wanted = self._worth_mixing(normal_sound(self.store, self.facts.source_id))
        found, asked = [], wanted * len(SNRS_DB) * len(MAKERS)
        waiting = asked - len(stretches) * len(SNRS_DB) * len(MAKERS)
        for snr_db in SNRS_DB:
            pairs = Pairs()
            for stretch, kind in itertools.product(stretches, MAKERS):
                answers = tuple(_hears(one, stretch, kind, snr_db) for one in (self.live, self.candidate))
                if Answer.WAITING in answers:
                    waiting += 1
                elif Answer.NO_SOUND not in answers:
                    live, candidate = (answer is Answer.FOUND for answer in answers)
                    pairs = pairs.plus(live=live, candidate=candidate)
            found.append(Probe(snr_db, pairs))
        told = tuple(found) if any(probe.heard.cases for probe in found) else ()
        return Probed(told, asked, waiting)

    def _worth_mixing(self, stretches: Sequence[NormalSound]) -> tuple[list[NormalSound], int]:
        """Return up to NORMAL_MAX stretches, and how many there may be once the candidate is asked of all.

        The moments before an event of a deaf live bundle hold the event's beginning, at which a better one
        alarms: what it makes of a foreign sound in them says nothing. One that alarms in more than half of
        all stretches alarms at the machine itself, and is asked of all; that is said only when all are known.
        Once NORMAL_MAX are calm nothing more is asked, so that what is mixed depends on no box's time.
        """
        calm: list[NormalSound] = []
        unknown = 0
        for stretch in stretches:
            if len(calm) == NORMAL_MAX:  # half of all that there can be: it is not restless
                break
            rows = self.candidate.values(stretch.key, stretch.sound)
            unknown += rows is None
            if rows is not None and (_highest(rows) or 0.0) < LIMIT:
                calm.append(stretch)
        if unknown == 0 and 2 * len(calm) < len(stretches):
            calm = list(stretches)
        return calm[:NORMAL_MAX], min(NORMAL_MAX, len(calm) + unknown)


def _hears(listener: Listener, stretch: NormalSound, kind: str, snr_db: float) -> Answer:
    """Say whether a bundle hears a foreign sound, and nothing without it; NO_SOUND: it cannot be mixed."""

    def mixture() -> Sound | None:
        sound = stretch.sound()
        if sound is None:
            return None
        samples = mixed(sound.samples, sound.sample_rate_hz, kind, snr_db)
        return None if samples is None else replace(sound, samples=samples)

    rows = listener.values(stretch.key, stretch.sound)
    mixed_rows = listener.values(f"{stretch.key} {kind} {snr_db:+g}", mixture)
    if rows is None or mixed_rows is None:
        return Answer.WAITING
    clean, with_it = _highest(rows), _highest(mixed_rows)
    if clean is None or with_it is None:
        return Answer.NO_SOUND
    return Answer.FOUND if clean < LIMIT <= with_it else Answer.MISSED


def _pairs(answered: Iterable[Answered]) -> Pairs:
    """Return false alarms as cases; those of one spell are one, raised by whoever raises any of them."""
    pairs = Pairs()
    for spell in spells(answered):
        pairs = pairs.plus(live=any(one.live for one in spell), candidate=any(one.candidate for one in spell))
    return pairs


def _highest(rows: Sequence[Row]) -> float | None:
    values = [value for _, _, value, _ in rows if value is not None]
    return max(values) if values else None
