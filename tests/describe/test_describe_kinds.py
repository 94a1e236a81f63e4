"""Synthetic events of every kind, each called what it is, in its band, at its time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from describe_rig import AT, PARAMETERS, UTC_S, Event, Machine, described, knocks, louder, span_of
from numpy.typing import NDArray

from monitor.describe.bands import Bands
from monitor.explanation import Finding, SoundKind
from monitor.messages import Quality

BANDS = Bands(PARAMETERS)


def bands_of(finding: Finding) -> tuple[int, int]:
    found = BANDS.bands_of(finding.low_hz, finding.high_hz)
    return found.start, found.stop - 1


def near(expected: tuple[int, int], found: tuple[int, int], bands: int = 2) -> bool:
    return all(abs(a - b) <= bands for a, b in zip(expected, found, strict=True))


def wobbling(level: NDArray[np.float64], frames: NDArray[np.intp]) -> None:
    for column, frame in enumerate(frames):
        level[70 + round(3 * np.sin(frame / 4)), column] += 20.0


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("event", "kind", "band"),
    [
        (louder(slice(60, 62), 20.0), SoundKind.TONE, (60, 61)),
        (wobbling, SoundKind.TONE, (67, 73)),
        (louder(slice(80, 111), 8.0), SoundKind.HISS, (80, 110)),
        (knocks(slice(70, 111), 15.0, every=25.3), SoundKind.RHYTHM, (70, 110)),
        (knocks(slice(70, 111), 15.0, at=[40, 57, 190]), SoundKind.KNOCK, (70, 110)),
        (knocks(slice(70, 111), 15.0, at=[100]), SoundKind.KNOCK, (70, 110)),
        (louder(slice(None), 8.0), SoundKind.LEVEL_RISE, (0, 127)),
        (louder(slice(None), -8.0), SoundKind.LEVEL_DROP, (0, 127)),
        (louder(slice(30, 41), -15.0), SoundKind.MISSING, (30, 40)),
    ],
    ids=lambda value: value.value if isinstance(value, SoundKind) else "",
)
def test_an_event_is_called_what_it_is(
    event: Event, kind: SoundKind, band: tuple[int, int], seed: int
) -> None:
    explanation = described(event, seed=seed)
    assert kind is explanation.findings[0].kind
    assert near(band, bands_of(explanation.findings[0]), bands=6 if kind is SoundKind.KNOCK else 2)


@pytest.mark.parametrize("db", [6.0, 9.0, 15.0])
def test_a_change_of_power_is_told_to_a_decibel(db: float) -> None:
    assert pytest.approx(db, abs=1.0) == described(louder(slice(80, 111), db)).findings[0].change_db
    assert pytest.approx(-db, abs=1.5) == described(louder(slice(None), -db)).findings[0].change_db


@pytest.mark.parametrize("every", [5.0, 7.3, 12.8, 25.6, 47.0, 90.5])
def test_a_period_is_told_to_five_percent(every: float) -> None:
    finding = described(knocks(slice(70, 111), 15.0, every=every), windows=20).findings[0]
    assert SoundKind.RHYTHM is finding.kind
    assert finding.period_s is not None
    assert pytest.approx(every * PARAMETERS.hop_s, rel=0.05) == finding.period_s


def test_knocks_at_uneven_intervals_have_no_period() -> None:
    at = np.cumsum(np.random.default_rng(3).uniform(6, 40, 14))
    finding = described(knocks(slice(70, 111), 15.0, at=list(at)), windows=10).findings[0]
    assert (SoundKind.KNOCK, None) == (finding.kind, finding.period_s)


def test_two_sounds_are_both_told() -> None:
    def both(level: NDArray[np.float64], frames: NDArray[np.intp]) -> None:
        louder(slice(30, 32), 20.0)(level, frames)
        knocks(slice(90, 120), 20.0, every=25.0)(level, frames)

    kinds = {finding.kind for finding in described(both).findings}
    assert {SoundKind.TONE, SoundKind.RHYTHM} == kinds


def test_an_overtone_is_not_told() -> None:
    tone_hz = BANDS.hz_of(40, 40)
    overtone = BANDS.bands_of(2 * tone_hz[0], 2 * tone_hz[1])

    def harmonic(level: NDArray[np.float64], frames: NDArray[np.intp]) -> None:
        louder(slice(40, 41), 25.0)(level, frames)
        louder(overtone, 20.0)(level, frames)

    (finding,) = described(harmonic).findings
    assert near((40, 40), bands_of(finding))


def test_what_stands_out_nowhere_is_other_where_the_model_errs() -> None:
    machine = Machine(event_at=AT)
    describer = machine.describer()
    wrong = slice(48, 64)

    def model(values: NDArray[np.float32]) -> NDArray[np.float32]:
        told = values.copy()
        told[wrong] += 1.0
        return told

    machine.model = model
    for logmel, inference in machine.windows(AT, 3):
        explanation = describer.describe("e", logmel, inference)
    (finding,) = explanation.findings
    assert SoundKind.OTHER is finding.kind
    assert (48, 63) == bands_of(finding)


@pytest.mark.parametrize(
    ("quality", "kind"),
    [
        (Quality.FLAT, SoundKind.DROPOUT),
        (Quality.SILENT, SoundKind.DROPOUT),
        (Quality.GAP, SoundKind.DROPOUT),
        (Quality.ABSENT, SoundKind.DROPOUT),
        (Quality.CLIPPED, SoundKind.CLIPPING),
    ],
)
def test_windows_that_cannot_be_judged_are_told(quality: Quality, kind: SoundKind) -> None:
    describer = Machine(event_at=AT).describer()
    describer.miss(span_of(AT, quality=quality), "e")
    explanation = describer.miss(span_of(AT + 32, quality=quality), "e")
    assert explanation is not None
    (finding,) = explanation.findings
    assert kind is finding.kind
    assert finding.change_db <= 0.0


def test_what_broke_off_shortly_before_an_event_belongs_to_it() -> None:
    machine = Machine(event=louder(slice(80, 111), 10.0), event_at=AT)
    describer = machine.describer()
    assert describer.miss(span_of(AT - 64, quality=Quality.FLAT)) is None
    for logmel, inference in machine.windows(AT, 3):
        explanation = describer.describe("e", logmel, inference)
    assert [SoundKind.HISS, SoundKind.DROPOUT] == [finding.kind for finding in explanation.findings]
    early = machine.describer()
    early.miss(span_of(AT - 1000, quality=Quality.FLAT))
    for logmel, inference in machine.windows(AT, 3):
        explanation = early.describe("e", logmel, inference)
    assert [SoundKind.HISS] == [finding.kind for finding in explanation.findings]


def test_a_window_that_the_engine_failed_to_judge_says_nothing_of_the_sound() -> None:
    machine = Machine(event=louder(slice(80, 111), 10.0), event_at=AT)
    describer = machine.describer()
    describer.describe("e", machine.logmel(AT), None)
    for number in range(1, 6):
        assert describer.miss(span_of(AT + number * 32), "e") is None
    explanation = describer.describe("e", machine.logmel(AT + 6 * 32), None)
    kinds = {finding.kind for finding in explanation.findings}
    assert not kinds & {SoundKind.DROPOUT, SoundKind.CLIPPING}


def test_an_outage_before_an_event_is_told_and_never_outweighs_it() -> None:
    machine = Machine(event=louder(slice(80, 111), 10.0), event_at=AT)
    describer = machine.describer()
    for number in range(60):
        describer.miss(span_of(AT - 64 - number, quality=Quality.SILENT))
    for logmel, inference in machine.windows(AT, 4):
        explanation = describer.describe("e", logmel, inference)
    assert [SoundKind.HISS, SoundKind.DROPOUT] == [finding.kind for finding in explanation.findings]


def test_an_outage_from_before_the_clock_was_set_back_belongs_to_no_event() -> None:
    machine = Machine(event=louder(slice(80, 111), 10.0), event_at=AT)
    describer = machine.describer()
    late = span_of(AT - 500, quality=Quality.GAP)
    describer.miss(replace(late, start_utc_s=late.start_utc_s + 7200.0))
    for logmel, inference in machine.windows(AT, 4):
        explanation = describer.describe("e", logmel, inference)
    assert [SoundKind.HISS] == [finding.kind for finding in explanation.findings]


def test_a_tone_of_hours_stays_a_tone() -> None:
    """Peaks are counted up to 65,535 frames, 35 minutes; what they are compared with must be too."""
    machine = Machine(event=louder(slice(60, 61), 20.0), event_at=AT)
    describer = machine.describer()
    for logmel, inference in machine.windows(AT, 6):
        before = describer.describe("e", logmel, inference)
    sums = describer._portraits["e"].sums
    factor = 5_000_000 // sums.unusual
    sums.peaks = np.minimum(sums.peaks.astype(np.int64) * factor, 65_535).astype(np.uint16)
    sums.marked = sums.marked * factor
    sums.unusual, sums.frames = sums.unusual * factor, sums.frames * factor
    after = describer.describe("e", machine.logmel(AT + 6 * 32), None)
    assert SoundKind.TONE is before.findings[0].kind
    assert SoundKind.TONE is after.findings[0].kind


def test_a_finding_says_when_it_was_heard() -> None:
    def late(level: NDArray[np.float64], frames: NDArray[np.intp]) -> None:
        if 100 <= frames[0] < 180:
            level[80:111] += 12.0

    finding = described(late).findings[0]
    hop_s = PARAMETERS.hop_s
    assert pytest.approx(UTC_S + (AT + 100) * hop_s, abs=2 * hop_s) == finding.start_utc_s
    assert pytest.approx(UTC_S + (AT + 180) * hop_s, abs=2 * hop_s) == finding.end_utc_s
