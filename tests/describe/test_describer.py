"""What holds for a describer whatever it hears: growth, memory, restarts, silence, normal sound."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from describe_rig import AT, HOP, PARAMETERS, UTC_S, Machine, described, knocks, louder, new_describer
from numpy.typing import NDArray

from monitor.describe import Describer
from monitor.describe.describer import PASSED_OVER
from monitor.describe.portrait import ring_frames
from monitor.describe.stored import VERSION
from monitor.explanation import Explanation, SoundKind
from monitor.frontend import FrontendParameters
from monitor.messages import LogMel

RHYTHM = knocks(slice(70, 111), 15.0, every=25.0)


def test_an_explanation_grows_with_its_event() -> None:
    machine = Machine(event=RHYTHM, event_at=AT)
    describer = machine.describer()
    said = [describer.describe("e", *window) for window in machine.windows(AT, 8)]
    assert list(range(1, 9)) == [explanation.windows for explanation in said]
    assert {said[0].start_utc_s} == {explanation.start_utc_s for explanation in said}
    assert sorted(explanation.end_utc_s for explanation in said) == [e.end_utc_s for e in said]
    assert SoundKind.KNOCK is said[0].findings[0].kind  # two knocks are no rhythm yet
    assert SoundKind.RHYTHM is said[-1].findings[0].kind


def test_overlapping_windows_count_each_frame_once() -> None:
    whole = Machine(event=RHYTHM, event_at=AT, hop=64)
    halves = Machine(event=RHYTHM, event_at=AT, hop=32)
    describers = (halves.describer(), halves.describer())
    for window in whole.windows(AT, 4):
        by_wholes = describers[0].describe("e", *window)
    for window in halves.windows(AT, 7):
        by_halves = describers[1].describe("e", *window)
    (expected,), (found,) = by_wholes.findings, by_halves.findings
    assert (expected.kind, expected.low_hz, expected.high_hz) == (found.kind, found.low_hz, found.high_hz)
    assert pytest.approx(expected.change_db, abs=1e-3) == found.change_db  # sums were taken in another order
    assert expected.period_s == found.period_s


def test_events_do_not_hear_each_other() -> None:
    machine = Machine(event=RHYTHM, event_at=AT)
    alone, other = machine.describer(), machine.describer()
    tone = Machine(event=louder(slice(20, 22), 20.0), event_at=AT)
    for window, foreign in zip(machine.windows(AT, 6), tone.windows(AT, 6), strict=True):
        expected = alone.describe("e", *window)
        other.describe("another", *foreign)
        found = other.describe("e", *window)
    assert expected == found


def test_a_closed_event_begins_anew() -> None:
    machine = Machine(event=RHYTHM, event_at=AT)
    describer = machine.describer()
    for window in machine.windows(AT, 3):
        describer.describe("e", *window)
    describer.close("e")
    describer.close("never there")
    assert describer.portrait_tree("e") is None
    assert 1 == describer.describe("e", machine.logmel(AT), None).windows


@pytest.mark.parametrize(("mel_bands", "windows"), [(128, 120), (304, 8), (320, 8)])
def test_memory_is_bounded_however_long_an_event_lasts(mel_bands: int, windows: int) -> None:
    machine = Machine(parameters=FrontendParameters(mel_bands=mel_bands), event=RHYTHM, event_at=AT)
    describer = machine.describer(4)
    sizes = []
    for number in range(windows):
        # the same sound again and again, later each time
        logmel = machine.logmel(AT + number % 40 * HOP)
        later = replace(logmel.span, first_sample=(AT + number * HOP) * PARAMETERS.hop_samples)
        describer.describe("e", LogMel(later, logmel.values), None)
        sizes.append(len(json.dumps(describer.portrait_tree("e"))))
    portrait = describer._portraits["e"]
    assert ring_frames(portrait.bands) == portrait.course.shape[1] >= 94
    assert max(sizes) < (8000 if mel_bands == 128 else 16000)
    tree = describer.portrait_tree("e")
    assert tree is not None
    assert new_describer(machine).restore("e", tree)


def test_forgotten_events_do_not_pile_up() -> None:
    machine = Machine(event=RHYTHM, event_at=AT)
    describer = machine.describer()
    for number in range(50):
        describer.describe(f"event {number}", machine.logmel(AT), None)
    assert len(describer._portraits) < 10
    assert describer.portrait_tree("event 49") is not None


@pytest.mark.parametrize("windows", [1, 5, 40])
def test_a_restart_changes_nothing_in_the_next_explanation(windows: int) -> None:
    machine = Machine(event=RHYTHM, event_at=AT)
    describer = machine.describer()
    heard = list(machine.windows(AT, windows + 1))
    for window in heard[:-1]:
        describer.describe("e", *window)
    stored = json.loads(json.dumps(describer.portrait_tree("e")))
    restarted = new_describer(machine)  # has heard nothing
    assert restarted.restore("e", stored)
    assert stored == json.loads(json.dumps(restarted.portrait_tree("e")))
    # the stream's own count begins anew, the clock goes on
    logmel = heard[-1][0]
    anew = LogMel(replace(logmel.span, first_sample=0, start_s=0.0, end_s=2.048), logmel.values)
    assert describer.describe("e", *heard[-1]) == restarted.describe("e", anew, None)


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"version": VERSION + 1},
        {"version": VERSION, "maker": "another"},
    ],
)
def test_a_portrait_that_is_not_ours_is_refused(broken: dict[str, object]) -> None:
    describer = Machine(event_at=AT).describer()
    assert not describer.restore("e", broken)
    assert describer.portrait_tree("e") is None


@pytest.mark.parametrize("key", ["power", "course", "counts", "utc_s", "unheard", "risen", "reference"])
@pytest.mark.parametrize("value", [None, "", [], [1], "not base 85 \n", {}])
def test_a_damaged_portrait_is_refused(key: str, value: object) -> None:
    machine = Machine(event=RHYTHM, event_at=AT)
    describer = machine.describer()
    describer.describe("e", machine.logmel(AT), None)
    tree = describer.portrait_tree("e")
    assert tree is not None
    assert not new_describer(machine).restore("e", {**tree, key: value})


def test_silent_bands_are_no_trouble() -> None:
    def half_silent(level: NDArray[np.float64], _frames: NDArray[np.intp]) -> None:
        level[60:] = -100.0

    silent = Machine(event=half_silent, event_at=0)
    describer = new_describer(silent)
    for logmel, _ in silent.windows(100, 30):
        describer.hear(logmel, None, normal=True)
    for window in silent.windows(AT, 4):
        explanation = describer.describe("e", *window)
    finding = explanation.findings[0]
    assert np.isfinite([finding.low_hz, finding.high_hz, finding.change_db]).all()
    # and one that begins to sound is heard
    sounding = Machine(event=louder(slice(None), 0.0), event_at=0)
    for window in sounding.windows(AT + 4 * HOP, 4):
        explanation = describer.describe("f", *window)
    assert SoundKind.HISS is explanation.findings[0].kind
    assert explanation.findings[0].change_db > 30.0


def test_a_describer_that_has_heard_nothing_goes_by_the_bundle() -> None:
    machine = Machine(event=louder(slice(80, 111), 12.0), event_at=AT)
    describer = new_describer(machine)
    for window in machine.windows(AT, 4):
        explanation = describer.describe("e", *window)
    assert SoundKind.HISS is explanation.findings[0].kind
    assert pytest.approx(12.0, abs=1.0) == explanation.findings[0].change_db


def test_normal_sound_is_learned_and_the_rest_is_not() -> None:
    ordinary = Machine(event=louder(slice(80, 111), 12.0), event_at=0)
    said: list[Explanation] = []
    for normal in (True, False):
        describer = new_describer(ordinary)
        for logmel, inference in ordinary.windows(100, 30):
            describer.hear(logmel, inference, normal=normal)
        said.append(describer.describe("e", ordinary.logmel(AT), None))
    assert [SoundKind.OTHER, SoundKind.HISS] == [explanation.findings[0].kind for explanation in said]


def test_the_onset_of_an_event_teaches_nothing() -> None:
    machine = Machine(event=louder(slice(80, 111), 30.0), event_at=AT)
    describer = machine.describer()
    before, describer._passed_over = describer._baseline.frames, PASSED_OVER
    # the last normal window holds the beginning of what the next one is flagged for
    describer.hear(machine.logmel(AT - HOP), None, normal=True)
    describer.hear(machine.logmel(AT), None, normal=False)
    describer.hear(Machine(event_at=AT).logmel(AT + 200), None, normal=True)
    # at most those before it: the window before the flagged one was held back and is forgotten
    assert describer._baseline.frames - before in {0, (PASSED_OVER + 1) * HOP}
    assert describer._baseline.reference().mean_db[100] < machine.mean_db[100] + 1.0


def test_what_is_known_well_is_learned_from_every_fourth_window_for_four() -> None:
    machine = Machine(event_at=AT)
    describer = machine.describer()
    counts = []
    for logmel, inference in machine.windows(AT, 13):
        describer.hear(logmel, inference, normal=True)
        counts.append(describer._baseline.frames)
    assert {0, 4 * HOP} == set(np.diff(counts))
    assert 12 * HOP == counts[-1] - counts[0]


def test_the_model_explains_what_normal_sound_does_by_itself() -> None:
    def swinging(level: NDArray[np.float64], frames: NDArray[np.intp]) -> None:
        level += 5.0 * np.sin(frames / 20.0)

    swing = Machine(event=swinging, event_at=0)

    def model(values: NDArray[np.float32]) -> NDArray[np.float32]:
        # knows the course in time, and nothing of the noise in a band
        shape = np.linspace(1.0, -2.0, len(values), dtype=np.float32)[:, None]
        return np.asarray(shape + (values - shape).mean(axis=0, keepdims=True), np.float32)

    def said(*, model_known: bool) -> Explanation:
        swing.model = model if model_known else None
        describer = new_describer(swing)
        for logmel, inference in swing.windows(100, 30):
            describer.hear(logmel, inference, normal=True)
        event = Machine(event=swinging, event_at=0, model=swing.model)
        for logmel, _ in event.windows(AT, 6):
            values = logmel.values.copy()
            values[60:64] += 0.6
            tone = LogMel(logmel.span, values)
            explanation = describer.describe("e", tone, event.inference(tone))
        return explanation

    (finding,) = said(model_known=True).findings
    assert SoundKind.TONE is finding.kind
    assert pytest.approx(6.0, abs=2.5) == finding.change_db
    # without it the tone is lost in the swing
    assert SoundKind.TONE is not said(model_known=False).findings[0].kind


def test_a_clock_that_is_set_back_keeps_findings_within_the_event() -> None:
    machine = Machine(event=RHYTHM, event_at=AT)
    describer = machine.describer()
    for number, (logmel, inference) in enumerate(machine.windows(AT, 6)):
        span = logmel.span
        if number >= 3:
            span = replace(span, start_utc_s=span.start_utc_s - 3600.0)
        explanation = describer.describe("e", LogMel(span, logmel.values), inference)
        for finding in explanation.findings:
            assert explanation.start_utc_s <= finding.start_utc_s <= finding.end_utc_s
            assert finding.end_utc_s <= explanation.end_utc_s


def test_another_front_end_has_portraits_of_its_own() -> None:
    machine = Machine(event=RHYTHM, event_at=AT)
    describer = machine.describer()
    describer.describe("e", machine.logmel(AT), None)
    tree = describer.portrait_tree("e")
    assert tree is not None
    for other in (FrontendParameters(mel_bands=40), FrontendParameters(mel_scale="slaney")):
        assert not new_describer(Machine(parameters=other)).restore("e", tree)


def test_a_model_that_answers_no_numbers_costs_no_words() -> None:
    machine = Machine(event=RHYTHM, event_at=AT, model=lambda values: np.full_like(values, np.nan))
    describer = machine.describer()
    for window in machine.windows(AT, 6):
        explanation = describer.describe("e", *window)
    assert SoundKind.RHYTHM is explanation.findings[0].kind


def test_another_model_has_portraits_of_its_own() -> None:
    machine = Machine(event=RHYTHM, event_at=AT)
    describer = machine.describer()
    describer.describe("e", machine.logmel(AT), None)
    tree = describer.portrait_tree("e")
    mean = [0.1 + float(x) / 10.0 for x in machine.mean_db]
    other = Describer(PARAMETERS, mean=mean, std=[0.25] * len(mean), hop_frames=HOP)
    assert tree is not None
    assert not other.restore("e", tree)
    assert new_describer(machine).restore("e", tree)


def test_an_event_begins_where_its_first_window_does() -> None:
    explanation = described(RHYTHM, windows=3)
    assert pytest.approx(UTC_S + AT * PARAMETERS.hop_s) == explanation.start_utc_s
    assert pytest.approx(UTC_S + (AT + 128) * PARAMETERS.hop_s) == explanation.end_utc_s
