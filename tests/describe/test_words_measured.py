"""The measurement of the words: truth that is true, honest tables, one fault heard as the daemon would."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from describe_rig import PARAMETERS

from engines.runtime import open_engine
from monitor.config import SimulatedSource
from monitor.explanation import Explanation, Finding, SoundKind
from monitor.simulate.schedule import KINDS
from training.errors import TrainingError
from training.sound import blocks_of_recording, recording_of_machine
from training.words.cases import Event, Hearing, Stream
from training.words.command import BEGIN, END, SPLITS, _replace
from training.words.judge import Judged, band_overlap, confusion, describer_of, judge_stream
from training.words.report import markdown_of_parts
from training.words.simulated import KIND_OF
from training.words.sounds import MAKERS, RATE_HZ, knocks, notched


def judged(
    kind: SoundKind, said: SoundKind, *, period_s: float | None = None, found_s: float | None = None
) -> Judged:
    event = Event("e", kind, 0.0, 1.0, 1000.0, 2000.0, "+6 dB", period_s, 10.0)
    finding = Finding(said, 1000.0, 2000.0, 0.0, 1.0, 12.0, found_s)
    return Judged(Stream("s", "m", [], [event]), event, Explanation((finding,), 0.0, 1.0, 1), 1.0)


def test_overlap_is_shared_over_joint_bands() -> None:
    event = Event("e", SoundKind.HISS, 0.0, 1.0, 1000.0, 2000.0, "")
    same = Finding(SoundKind.HISS, 1000.0, 2000.0, 0.0, 1.0, 0.0)
    apart = Finding(SoundKind.HISS, 3000.0, 4000.0, 0.0, 1.0, 0.0)
    wider = Finding(SoundKind.HISS, 500.0, 4000.0, 0.0, 1.0, 0.0)
    assert 1.0 == band_overlap(same, event, PARAMETERS)
    assert 0.0 == band_overlap(apart, event, PARAMETERS)
    assert 0.2 < band_overlap(wider, event, PARAMETERS) < 0.6


def test_a_period_that_was_not_told_is_wrong() -> None:
    assert judged(SoundKind.HISS, SoundKind.HISS).period_error is None
    assert np.inf == judged(SoundKind.RHYTHM, SoundKind.KNOCK, period_s=1.0).period_error
    told = judged(SoundKind.RHYTHM, SoundKind.RHYTHM, period_s=1.0, found_s=1.04)
    assert pytest.approx(0.04) == told.period_error


def test_tables_say_what_was_right_beside_chance() -> None:
    ones = [
        judged(SoundKind.HISS, SoundKind.HISS),
        judged(SoundKind.HISS, SoundKind.HISS),
        judged(SoundKind.HISS, SoundKind.TONE),
        judged(SoundKind.RHYTHM, SoundKind.RHYTHM, period_s=1.0, found_s=1.5),
    ]
    assert {SoundKind.HISS: 2, SoundKind.TONE: 1} == confusion(ones)[SoundKind.HISS]
    text = markdown_of_parts({"Part": ones})
    assert "| Part | 4 | 0.75 | 0.75 | 1.00 | 1.00 | 0 of 1 told, 1 true |" in text
    assert "| **hiss** |  | 1 | 2 |" in text
    assert "+2.0, 0.0" in text
    assert "Zischen oder Rasseln" in text


def test_only_the_measured_part_of_a_document_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "words.md"
    path.write_text(f"before\n{BEGIN}old\n{END}after\n", encoding="utf-8")
    _replace(path, "new\n")
    assert f"before\n{BEGIN}\nnew\n\n{END}after\n" == path.read_text(encoding="utf-8")
    path.write_text("no marks\n", encoding="utf-8")
    with pytest.raises(TrainingError, match="lacks the lines"):
        _replace(path, "new\n")


def test_development_and_test_share_no_day_no_recording_and_no_sound() -> None:
    development, test = SPLITS["development"], SPLITS["test"]
    assert not set(development.seeds) & set(test.seeds)
    assert "train" not in {development.role, test.role}  # which the describer hears before
    assert development.role != test.role
    assert development.seed != test.seed


def test_every_fault_has_a_word() -> None:
    assert set(KINDS) == set(KIND_OF)


@pytest.mark.parametrize("maker", MAKERS)
def test_made_sounds_are_loud_where_they_say(maker) -> None:  # type: ignore[no-untyped-def] # noqa: ANN001
    made = maker(np.random.default_rng(1), 4.0)
    assert (4 * RATE_HZ,) == made.samples.shape == made.active.shape
    assert np.mean(made.samples[made.active] ** 2) > 0.5 * np.mean(made.samples**2)


def test_made_knocks_come_at_their_rate() -> None:
    made = knocks(np.random.default_rng(2), 6.0)
    assert made.period_s is not None
    onsets = np.flatnonzero(np.diff(made.active.astype(int)) == 1) / RATE_HZ
    assert pytest.approx(made.period_s, rel=0.03) == np.diff(onsets).mean()


def test_a_notch_takes_its_band_away_and_nothing_else() -> None:
    noise = np.random.default_rng(0).standard_normal(RATE_HZ).astype(np.float32)
    left = np.abs(np.fft.rfft(notched(noise, 1000.0, 2000.0))) / np.abs(np.fft.rfft(noise))
    assert left[1001:2000].max() < 0.02
    assert pytest.approx(1.0, abs=0.01) == left[:999].mean()


def test_a_bearing_is_heard_through_the_daemons_own_path() -> None:
    fault = {"kind": "bearing", "start_s": 16.0, "duration_s": 6.0, "severity": 0.75}
    source = SimulatedSource.model_validate(
        {
            "id": "pump",
            "kind": "simulated",
            "seed": 400,
            "pace": "fast",
            "duration_s": 24.0,
            "faults": [fault],
        }
    )
    engine = open_engine(Hearing(None, None).ear.bundle)
    hearing = Hearing(None, engine)
    heard = hearing.heard(blocks_of_recording(recording_of_machine(source)))
    event = Event("bearing", SoundKind.HISS, 16.0, 22.0, 2800.0, 5300.0, "severity 0.75")
    (one,) = judge_stream(Stream("s", "pump", heard, [event]), describer_of(hearing), PARAMETERS)
    engine.close()
    assert one.right
    assert one.overlap >= 0.5
