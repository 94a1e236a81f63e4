"""No sound is learned as the machine that no person has cleared, nor what was done to it out of service."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from learn_rig import waiting_to_be_heard

from monitor.config import parse_config
from monitor.health import HealthBook, SourceFacts
from monitor.learning.attendance import Attendance
from monitor.learning.documents import Advice, Found
from monitor.learning.foreman import following_look
from monitor.learning.plan import Plan, Step
from monitor.learning.plan_book import PlanBook
from monitor.learning.session import Recording
from monitor.learning.tap import Taps
from monitor.messages import AlarmState, AudioBlock, CaptureHealth, CaptureState, read_only

PLAN = Plan(source="pump", step=Step.LOOK, hours=1.0, by="ada", started_utc_s=0.0)


def found(tmp_path: Path, **changes: object) -> Found:
    return waiting_to_be_heard(tmp_path).model_copy(update={"stretches": (), **changes})


def test_speech_and_sound_that_nobody_could_look_through_wait_for_a_person(tmp_path: Path) -> None:
    clean = found(tmp_path)
    assert Step.LEARN is following_look(PLAN, clean)
    spoken = clean.model_copy(update={"advice": (Advice(code="speech", text="somebody speaks"),)})
    assert Step.LISTEN is following_look(PLAN, spoken)
    assert Step.LISTEN is following_look(PLAN, clean.model_copy(update={"looked": False}))
    assert Step.LISTEN is following_look(PLAN, None)
    assert Step.LEARN is following_look(PLAN.model_copy(update={"unattended": True}), spoken)


@pytest.mark.parametrize(
    ("state", "recorded_s"),
    [(AlarmState.NORMAL, 2.0), (AlarmState.UNACKNOWLEDGED, 2.0), (AlarmState.OUT_OF_SERVICE, 0.0)],
)
def test_nothing_is_recorded_of_a_machine_that_is_out_of_service(
    tmp_path: Path, state: AlarmState, recorded_s: float
) -> None:
    config = parse_config(f"state_dir: {tmp_path}\nsources: [{{id: pump, kind: simulated}}]\n", name="here")
    facts = SourceFacts(CaptureHealth("pump", CaptureState.HEALTHY, "", "a device"), "ae-1", "onnx")
    taps = Taps()
    book = PlanBook(config, lambda _: config.store)
    attendance = Attendance(book, taps, HealthBook([replace(facts, alarm=state)]))
    plan = PLAN.model_copy(update={"step": Step.RECORD})
    attendance.feed(plan, config.sources[0])
    hiss = np.random.default_rng(0).normal(0.0, 0.05, 32_000).astype(np.float32)
    taps.hear(AudioBlock("pump", read_only(hiss), 16_000, 0, 0, 1.7e9))
    session, _ = attendance.feed(plan, config.sources[0])
    assert isinstance(session, Recording)
    assert (recorded_s, 2.0 - recorded_s) == (session.done_s, session.now().off_s)
    attendance.drop("pump")
