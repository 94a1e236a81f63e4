from __future__ import annotations

import numpy as np
import pytest

from monitor.errors import SourceError
from monitor.simulate import Fault, SimulatedMachine


def onsets(machine: SimulatedMachine, until_s: float) -> list[tuple[str, float, float]]:
    return [(truth.kind, truth.onset_s, truth.offset_s) for truth in machine.truth(until_s)]


def test_truth_names_each_fault_that_begins_before_the_time_asked_for() -> None:
    machine = SimulatedMachine(faults=[Fault("air_leak", 20.0, 5.0), Fault("bearing", 4.0, 30.0)])
    assert [("bearing", 4.0, 34.0)] == onsets(machine, 20.0)
    assert [("bearing", 4.0, 34.0), ("air_leak", 20.0, 25.0)] == onsets(machine, 20.1)


def test_truth_repeats_with_the_schedule() -> None:
    machine = SimulatedMachine(faults=[Fault("bearing", 1.0, 2.0)], repeat_every_s=10.0)
    expected = [("bearing", 1.0, 3.0), ("bearing", 11.0, 13.0), ("bearing", 21.0, 23.0)]
    assert expected == onsets(machine, 30.0)


def test_truth_does_not_depend_on_how_much_was_heard() -> None:
    machine = SimulatedMachine(faults=[Fault("bearing", 1.0, 2.0)], repeat_every_s=10.0)
    before = machine.truth(30.0)
    machine.next_samples(500_000)
    assert before == machine.truth(30.0)


def test_a_repeated_fault_is_heard_in_each_cycle_and_not_between() -> None:
    faulty = SimulatedMachine(sample_rate_hz=16_000, faults=[Fault("air_leak", 1.0, 1.0)], repeat_every_s=4.0)
    added = faulty.next_samples(160_000) - SimulatedMachine(sample_rate_hz=16_000).next_samples(160_000)
    heard = [bool(abs(second).max() > 1e-3) for second in added.reshape(10, 16_000)[:, 4000:]]
    assert [False, True, False, False, False, True, False, False, False, True] == heard


def test_two_faults_at_once_are_both_heard() -> None:
    faults = [Fault("air_leak", 0.0, 2.0), Fault("belt_squeal", 0.0, 2.0)]
    normal, leak, squeal, both = (
        SimulatedMachine(sample_rate_hz=16_000, faults=some).next_samples(32_000)
        for some in ([], faults[:1], faults[1:], faults)
    )
    assert np.abs(both + normal - leak - squeal).max() < 1e-5
    assert np.std(leak - squeal) > 1e-3


@pytest.mark.parametrize(
    ("fault", "repeat_every_s", "words"),
    [
        (Fault("gremlin", 0.0, 1.0), None, r"'gremlin'.*bearing, cavitation"),
        (Fault("bearing", -1.0, 1.0), None, r"start_s -1\.0.*at least 0"),
        (Fault("bearing", 0.0, 0.0), None, r"duration_s 0\.0.*above 0"),
        (Fault("bearing", 0.0, 1.0, 0.0), None, r"severity 0\.0.*above 0"),
        (Fault("bearing", 0.0, float("nan")), None, r"duration_s nan"),
        (Fault("bearing", 8.0, 3.0), 10.0, r"ends at 11\.0 s.*repeat_every_s 10\.0; make"),
        (Fault("bearing", 0.0, 3.0), 0.0, r"repeat_every_s 0\.0 must be above 0"),
    ],
)
def test_an_impossible_schedule_is_refused(fault: Fault, repeat_every_s: float | None, words: str) -> None:
    with pytest.raises(SourceError, match=words):
        SimulatedMachine(faults=[fault], repeat_every_s=repeat_every_s)
