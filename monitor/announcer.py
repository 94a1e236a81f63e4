"""Tells what the pipeline found: to every outlet, and to the health book. Nothing here blocks."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from monitor.config import MqttConfig
from monitor.explanation import Explanation
from monitor.frontend import FrontendParameters, band_edges_hz
from monitor.health import HealthBook, SourceFacts
from monitor.machine import Machine, facts_at_start
from monitor.messages import AlarmChange, ChangeReason, Inference, MachineCondition, Score, Span
from monitor.privacy.published import inference_without_moments, score_without_moments
from monitor.publish.documents import Progress, alarm_payload, health_payload, known
from monitor.publish.explained import ExplanationDocument, Voice, explanation_document
from monitor.publish.fields import rfc3339_from_utc_s
from monitor.publish.limits import limits_document
from monitor.publish.outlet import Outlet
from monitor.publish.payloads import AlarmPayload, HealthPayload
from monitor.roster import Roster

HEALTH_EVERY_S = 60.0
"""Counters alone make news no more often than this."""
JUDGED = frozenset(
    {
        ChangeReason.LIMIT,
        ChangeReason.CLEARED,
        ChangeReason.WARNING,
        ChangeReason.WARNING_CLEARED,
        ChangeReason.CERTAIN,
    }
)
"""Reasons that only sound gives which was judged."""


class Announcer:
    """The pipeline's audience. There are no outlets when nothing is published.

    Until a source's first window is judged its alarm is told as uncertain: what the store has of it is how it
    was before this process began, and nobody has listened since.
    """

    def __init__(
        self,
        roster: Roster,
        outlets: Sequence[Outlet],
        book: HealthBook,
        config: MqttConfig,
        voice: Voice,
    ) -> None:
        """`voice` puts into words what an alarm sounded like."""
        self._roster = roster
        self._outlets = tuple(outlets)
        self._book = book
        self._map_windows = config.map_windows
        self._voice = voice
        self._told: dict[str, tuple[object, float]] = {}
        self._alarms: dict[str, AlarmPayload] = {}
        self._heard: set[str] = set()
        self._hides_moments: Callable[[Span], bool] = lambda _span: False

    def hide_moments(self, where: Callable[[Span], bool]) -> None:
        """Tell of windows of which `where` says so nothing that is finer than a second."""
        self._hides_moments = where

    def reconfigure(self, config: MqttConfig) -> None:
        """Take what of the configuration can be taken while running: mqtt.map_windows."""
        self._map_windows = config.map_windows

    def offer_score(self, score: Score) -> None:
        """Tell a window's score."""
        if self._hides_moments(score.span):
            score = score_without_moments(score)
        for outlet in self._outlets:
            outlet.offer_score(score)

    def offer_map(self, inference: Inference, *, flagged: bool) -> None:
        """Tell a window's error map, if mqtt.map_windows wants it."""
        wanted = self._map_windows == "all" or (self._map_windows == "flagged" and flagged)
        machine = self._roster.get(inference.span.source_id) if wanted else None
        if machine is not None:
            edges_hz = _edges_hz(machine.ear.frontend.parameters)
            if self._hides_moments(inference.span):
                inference = inference_without_moments(inference)
            for outlet in self._outlets:
                outlet.offer_map(inference, edges_hz)

    def tell_alarm(self, machine: Machine, change: AlarmChange) -> None:
        """Tell the state of a source's alarm after `change`."""
        if change.reason in JUDGED:
            self._heard.add(machine.source_id)
        uncertain = change.uncertain or machine.source_id not in self._heard
        self._book.note_alarm(machine.source_id, change.new_state, machine.alarm.limits, uncertain=uncertain)
        if self._outlets:
            facts = machine.alarm.snapshot
            # a change that closes an event still carries its id, the alarm does not
            now = replace(
                change,
                event_id=facts.event_id,
                event_start_utc_s=facts.event_start_utc_s,
                peak=facts.peak,
                uncertain=uncertain,
                explanation=change.explanation if facts.event_id is not None else None,
            )
            bundle_id, limits = machine.bundle_id, machine.alarm.limits
            self._set_alarm(alarm_payload(now, bundle_id=bundle_id, voice=self._voice, limits=limits))

    def tell_explanation(self, machine: Machine, explanation: Explanation) -> None:
        """Tell that more is known of the open event: the alarm as it was told last, with what has grown."""
        before = self._alarms.get(machine.source_id)
        if before is not None:
            grown = {
                "time": rfc3339_from_utc_s(explanation.end_utc_s),
                "peak": known(machine.alarm.snapshot.peak),
                "explanation": explanation_document(explanation, self._voice),
            }
            self._set_alarm(before.model_copy(update=grown))

    def tell_present_alarm(self, machine: Machine, explanation: Explanation | None) -> None:
        """Tell, at the start and after a reload, the state of a source's alarm, which has not changed."""
        uncertain = machine.alarm.snapshot.uncertain or machine.source_id not in self._heard
        self._book.note_alarm(
            machine.source_id, machine.alarm.state, machine.alarm.limits, uncertain=uncertain
        )
        told = explanation_document(explanation, self._voice)
        self._set_alarm(_present_alarm(machine, told, uncertain=uncertain))

    def tell_joined(self, machine: Machine) -> None:
        """Make a source known everywhere; the state of its alarm is to be told next."""
        self._book.join(facts_at_start(machine))
        for outlet in self._outlets:
            outlet.join(machine.source_id)
        self.tell_present_alarm(machine, None)

    def tell_succeeded(self, successor: Machine, explanation: Explanation | None) -> None:
        """Tell that a source is judged by another machine from now on, its alarm being as it was."""
        self._book.note_model(facts_at_start(successor))
        self.tell_present_alarm(successor, explanation)

    def tell_left(self, source_id: str) -> None:
        """Have a source forgotten everywhere but in the store."""
        self._book.leave(source_id)
        self._told.pop(source_id, None)
        self._alarms.pop(source_id, None)
        self._heard.discard(source_id)
        for outlet in self._outlets:
            outlet.leave(source_id)

    def _set_alarm(self, payload: AlarmPayload) -> None:
        if self._outlets:
            self._alarms[payload.source] = payload
        for outlet in self._outlets:
            outlet.set_alarm(payload)

    def wake(self) -> None:
        """Say that the store has something new to send."""
        for outlet in self._outlets:
            outlet.notify()

    def tell_window(self, score: Score, *, lag_s: float) -> None:
        """Note how a window went, for health."""
        self._book.note_score(score, lag_s=lag_s)
        if score.value is not None and score.span.source_id not in self._heard:
            self._heard.add(score.span.source_id)
            self._tell_heard(score)

    def _tell_heard(self, score: Score) -> None:
        """Tell that the first window has been judged, which changed nothing: the alarm is what it was."""
        machine = self._roster.get(score.span.source_id)
        if machine is None or machine.alarm.snapshot.uncertain:
            return
        self._book.note_alarm(machine.source_id, machine.alarm.state, machine.alarm.limits, uncertain=False)
        before = self._alarms.get(machine.source_id)
        if before is not None:
            certain = {"time": rfc3339_from_utc_s(score.span.end_utc_s), "uncertain": False}
            self._set_alarm(before.model_copy(update=certain))

    def tell_machine(self, source_id: str, machine: MachineCondition) -> None:
        """Note whether a machine runs, for health."""
        self._book.note_machine(source_id, machine)

    def tell_health(
        self, sources: Sequence[SourceFacts], now_monotonic_s: float, *, clock_set: bool = True
    ) -> None:
        """Tell every source's health that has news: at once for states, now and then for counters."""
        if not self._outlets:
            return
        for facts in sources:
            key = (_key_facts(facts), clock_set)
            told = self._told.get(facts.capture.source_id)
            if told is not None and told[0] == key and now_monotonic_s - told[1] < HEALTH_EVERY_S:
                continue
            self._told[facts.capture.source_id] = (key, now_monotonic_s)
            payload = _health_payload(facts, clock_set=clock_set)
            for outlet in self._outlets:
                outlet.set_health(payload)


@functools.lru_cache(maxsize=64)
def _edges_hz(parameters: FrontendParameters) -> NDArray[np.float64]:
    return band_edges_hz(parameters)


def _key_facts(facts: SourceFacts) -> object:
    shadow = facts.shadow
    return (
        facts.capture.state,
        facts.capture.reason,
        facts.quality,
        facts.backend,
        facts.bundle_id,
        facts.fallback,
        facts.keeps_up,
        facts.machine,
        facts.drift,
        None if shadow is None else (shadow.candidate, shadow.state, shadow.reason, shadow.verdict),
    )


def _present_alarm(
    machine: Machine, explanation: ExplanationDocument | None, *, uncertain: bool
) -> AlarmPayload:
    facts = machine.alarm.snapshot
    start, until = facts.event_start_utc_s, facts.shelved_until_utc_s
    return AlarmPayload(
        time=rfc3339_from_utc_s(time.time()),
        source=machine.source_id,
        bundle=machine.bundle_id,
        active=facts.active,
        warning=facts.warning,
        uncertain=uncertain,
        event_id=facts.event_id,
        event_start=None if start is None else rfc3339_from_utc_s(start),
        peak=known(facts.peak),
        shelved_until=None if until is None else rfc3339_from_utc_s(until),
        reason=facts.last_reason,
        actor=facts.actor,
        note=facts.note,
        off_reason=facts.off_reason,
        acknowledged=facts.nothing_waits,
        explanation=explanation,
        state=facts.state,
        limits=limits_document(machine.alarm.limits),
    )


def _health_payload(facts: SourceFacts, *, clock_set: bool) -> HealthPayload:
    progress = Progress(
        quality=facts.quality,
        backend=facts.backend,
        fallback=facts.fallback or None,
        dropped_windows=facts.dropped_windows,
        keeps_up=facts.keeps_up,
        dropped_share=facts.lately.dropped_share,
        clock_set=clock_set,
        lag_s=facts.lag_s,
        machine=facts.machine,
        drift=facts.drift,
        shadow=facts.shadow,
    )
    return health_payload(facts.capture, progress, at_utc_s=time.time(), bundle_id=facts.bundle_id)
