"""What was recorded while the live bundle was in alarm is set aside and heard, unless it always is so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from learn_rig import minute, record_before

from monitor.config import InputQualityConfig
from monitor.learning.alarms import alarms_in
from monitor.learning.documents import Found
from monitor.learning.foreman import following_look
from monitor.learning.plan import Plan, Step
from monitor.learning.steps import look_through, material_of, stretch_of
from monitor.listening import ear_without_bundle
from monitor.messages import AlarmChange, AlarmState, ChangeReason
from monitor.recording.given import GivenFile, given_files
from monitor.recording.learn_folder import LearnFolder
from monitor.recording.spans import began
from monitor.replay.pages.learn_words import why_odd
from monitor.replay.pages.words import Tongue
from monitor.store import Label, Store, open_store

MINUTES = 6
PLAN = Plan(source="pump", step=Step.LOOK, hours=1.0, by="ada", started_utc_s=0.0)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(tmp_path)) as opened:
        yield opened


@pytest.fixture
def files(tmp_path: Path) -> list[GivenFile]:
    """Minutes that were recorded one after the other."""
    place = record_before(tmp_path, "pump", [minute(number) for number in range(MINUTES)])
    return given_files([place / "recordings"])


def alarm(
    store: Store, files: list[GivenFile], start_s: float, end_s: float | None, name: str = "knock"
) -> None:
    begin = began(files[0].path)
    assert begin is not None
    raised = AlarmChange(
        source_id="pump", event_id=name, old_state=AlarmState.NORMAL, new_state=AlarmState.UNACKNOWLEDGED,
        reason=ChangeReason.LIMIT, at_utc_s=begin + start_s, event_start_utc_s=begin + start_s, peak=2.0,
        warning=True, uncertain=False, active=True,
    )  # fmt: skip
    store.apply([raised], snapshot={}, bundle_id="demo")
    if end_s is not None:
        cleared = replace(
            raised, reason=ChangeReason.CLEARED, at_utc_s=begin + end_s, active=False,
            new_state=AlarmState.RETURNED,
        )  # fmt: skip
        store.apply([cleared], snapshot={}, bundle_id="demo")


def test_an_alarm_is_set_aside_for_somebody_to_hear_and_cut_out(
    store: Store, files: list[GivenFile], tmp_path: Path
) -> None:
    alarm(store, files, 80.0, 95.0)
    found = alarms_in(files, tmp_path, "pump")
    (one,) = found.stretches
    assert (18, 37, files[1].path) == (round(one.start_s), round(one.end_s), Path(one.file))
    assert "the live bundle was in alarm (knock)" == stretch_of(one).reason
    assert "das urteilende Modell war im Alarm" == why_odd(Tongue("de"), one)
    assert () == alarms_in(files, tmp_path, "fan").stretches, "another machine's"

    with LearnFolder(tmp_path / "learn" / "pump") as work:
        ear = ear_without_bundle(InputQualityConfig())
        looked = look_through(files, ear, work, say=lambda _: None, alarms=found)
        assert one in looked.stretches
        assert Step.LISTEN is following_look(PLAN, looked), "a person hears it first"
        aside = material_of(files, looked, [], work, "pump").odd_s
        kept = material_of(files, looked, [one.id], work, "pump").odd_s
    assert pytest.approx(19.0, abs=1.0) == aside - kept


def test_what_is_unlike_the_rest_in_an_alarm_is_heard_and_counted_once(store: Store, tmp_path: Path) -> None:
    place = record_before(tmp_path, "pump", [minute(number, odd=number in {2, 7}) for number in range(10)])
    files = given_files([place / "recordings"])
    alarm(store, files, 142.0, 144.0, "inside")  # of the tone from 140 to 145 s
    alarm(store, files, 438.0, 442.0, "before")  # it begins before the other, at 440 s
    with LearnFolder(tmp_path / "learn" / "pump") as work:
        ear, alarms = ear_without_bundle(InputQualityConfig()), alarms_in(files, tmp_path, "pump")
        found = look_through(files, ear, work, say=lambda _: None, alarms=alarms)
        made = material_of(files, found, [], work, "pump")
    inside, before = found.stretches
    assert ("inside", "before") == (inside.event, before.event)
    for one, (start_s, end_s) in ((inside, (19, 27)), (before, (16, 27))):
        assert start_s - 1 < one.start_s < start_s + 1
        assert end_s - 2 < one.end_s < end_s + 1
        assert 4.0 < one.strangeness
        assert f"({one.event}); " in stretch_of(one).reason
        assert "louder than usual at" in stretch_of(one).reason
    assert pytest.approx(inside.end_s - inside.start_s + before.end_s - before.start_s) == made.odd_s
    assert pytest.approx(600.0, abs=0.1) == made.odd_s + made.train_s + made.calibrate_s
    assert pytest.approx(made.odd_s) == found.odd_s()


def test_what_people_called_normal_is_learned(store: Store, files: list[GivenFile], tmp_path: Path) -> None:
    alarm(store, files, 80.0, 95.0)
    store.add_label(Label("knock", "no_anomaly", "anna", 1.7e9))
    assert () == alarms_in(files, tmp_path, "pump").stretches
    store.add_label(Label("knock", "anomaly", "bert", 1.7e9))
    assert 1 == len(alarms_in(files, tmp_path, "pump").stretches), "people do not agree"


def test_under_a_bundle_that_is_always_in_alarm_a_person_is_asked_about_the_machine(
    store: Store, files: list[GivenFile], tmp_path: Path
) -> None:
    alarm(store, files, -3600.0, None)
    found = alarms_in(files, tmp_path, "pump")
    assert () == found.stretches
    (advice,) = found.advice
    assert ("alarm", True) == (advice.code, "in alarm for 100 % of" in advice.text.replace("%", " %"))
    with LearnFolder(tmp_path / "learn" / "pump") as work:
        ear = ear_without_bundle(InputQualityConfig())
        looked = look_through(files, ear, work, say=lambda _: None, alarms=found)
    assert f"  - {advice.text}" in looked.lines, "the terminal tells it too"
    clean = Found(
        key="k",
        total_s=60.0,
        looked=True,
        lines=(),
        advice=(advice,),
        speech_share=0.0,
        states=1,
        stretches=(),
    )
    assert Step.LISTEN is following_look(PLAN, clean)
    assert Step.LEARN is following_look(PLAN.model_copy(update={"unattended": True}), clean)


def test_without_a_store_nothing_is_known_of_alarms(files: list[GivenFile], tmp_path: Path) -> None:
    assert () == alarms_in(files, tmp_path / "elsewhere", "pump").stretches
