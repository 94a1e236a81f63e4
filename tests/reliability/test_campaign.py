"""The fault campaign in its short form: one sequence by lot, always the same, and an engine that hangs."""

from __future__ import annotations

from pathlib import Path

import pytest
from campaign import show
from plant_lab import LabTimes, missing_parts
from run_sequence import run_sequence
from sequences import Step, sequence_of_seed, step_of_text

SEED = 58
QUICK = (
    "silence",
    "clipping",
    "sound server killed",
    "broker restarted",
    "disk full",
    "kill -9",
    "corrupt store",
)
HANG = Step(("engine hang",), alarmed=False, hold_s=0.0)

pytestmark = [
    pytest.mark.broker,
    pytest.mark.microphone,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(bool(missing_parts()), reason=missing_parts() or "all is there"),
]


def test_faults_by_lot_find_no_wrong_normal_and_lose_nothing(tmp_path: Path) -> None:
    steps = [*sequence_of_seed(SEED, 3, QUICK, longest_s=1.0), HANG]
    print(f"seed {SEED}:", ", ".join(step.text for step in steps))  # noqa: T201 - to run it again
    result = run_sequence(tmp_path, steps, SEED, LabTimes.short(), note=show)
    assert [] == result.found, (tmp_path / "daemon.log").read_text()[-4000:]
    assert len(steps) == len(result.steps)
    assert result.events
    assert result.commands


def test_a_seed_is_a_sequence_and_a_sequence_a_text() -> None:
    steps = sequence_of_seed(3, 16)
    assert steps == sequence_of_seed(3, 16) != sequence_of_seed(4, 16)
    assert steps == [step_of_text(step.text) for step in steps]
