from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.errors import SourceError
from monitor.messages import Float32
from monitor.simulate import Fault, SimulatedMachine
from monitor.simulate.schedule import KINDS
from monitor.simulate.specs import MACHINES

RATE_HZ = 16_000
EVERY_FAULT = tuple(Fault(kind, 0.3 + 0.2 * i, 0.9) for i, kind in enumerate(KINDS))
SPAN = 40_000
PINNED = (0.05365, 0.0628, 0.05608, 0.0548, 0.05469, 0.05551, 0.05825, 0.05341)
"""RMS of each eighth of the first second: the demo bundle was trained on this sound, change both or none."""


def every_fault() -> SimulatedMachine:
    return SimulatedMachine("pump", seed=3, sample_rate_hz=RATE_HZ, faults=EVERY_FAULT, repeat_every_s=2.3)


@pytest.fixture(scope="module")
def uncut() -> Float32:
    return every_fault().next_samples(SPAN)


def octave_levels_db(samples: Float32, rate_hz: int) -> Float32:
    """RMS level of each octave from 62 Hz to 8 kHz."""
    power = np.abs(np.fft.rfft(samples)) ** 2 / len(samples) ** 2
    hz = np.fft.rfftfreq(len(samples), 1 / rate_hz)
    edges = 62.5 * 2.0 ** np.arange(8)
    bands = [power[(hz >= low) & (hz < high)].sum() for low, high in itertools.pairwise(edges)]
    return np.asarray(10 * np.log10(bands), dtype=np.float32)


@settings(max_examples=40, deadline=None)
@given(cuts=st.lists(st.integers(0, SPAN), max_size=12))
def test_the_sound_is_the_same_to_the_bit_whatever_the_cut(cuts: list[int], uncut: Float32) -> None:
    machine = every_fault()
    ends = [*sorted(cuts), SPAN]
    parts = [machine.next_samples(end - start) for start, end in zip([0, *ends], ends, strict=False)]
    assert np.array_equal(uncut, np.concatenate(parts))
    assert SPAN / RATE_HZ == machine.position_s


def test_blocks_of_a_device_give_the_same_sound(uncut: Float32) -> None:
    machine = every_fault()
    parts = [machine.next_samples(160) for _ in range(SPAN // 160)]
    assert np.array_equal(uncut, np.concatenate(parts))


@pytest.mark.parametrize("rate_hz", [16_000, 44_100, 48_000])
@pytest.mark.parametrize("machine", sorted(MACHINES))
def test_samples_are_float32_within_full_scale_at_about_26_dbfs(machine: str, rate_hz: int) -> None:
    samples = SimulatedMachine(machine, sample_rate_hz=rate_hz).next_samples(10 * rate_hz)
    assert np.float32 == samples.dtype
    assert np.abs(samples).max() < 0.7
    assert pytest.approx(-26.0, abs=3.0) == 20 * np.log10(np.std(samples))
    assert abs(float(samples.mean())) < 3e-3


def test_same_seed_same_sound_and_another_seed_another() -> None:
    first, again, other = (
        SimulatedMachine(seed=seed, sample_rate_hz=RATE_HZ).next_samples(RATE_HZ) for seed in (5, 5, 6)
    )
    assert np.array_equal(first, again)
    assert abs(float(np.corrcoef(first, other)[0, 1])) < 0.5


@pytest.mark.parametrize("machine", sorted(MACHINES))
def test_every_seed_and_every_time_is_the_same_machine(machine: str) -> None:
    stretches = []
    for seed in range(3):
        running = SimulatedMachine(machine, seed=seed, sample_rate_hz=RATE_HZ)
        stretches += [octave_levels_db(running.next_samples(30 * RATE_HZ), RATE_HZ) for _ in range(2)]
    spread_db = np.ptp(np.stack(stretches), axis=0)
    assert (spread_db > 0.05).all(), "normal sound varies"
    assert (spread_db < 4.0).all(), "but within bounds"


def test_machines_differ_in_their_spectrum() -> None:
    levels = [
        octave_levels_db(SimulatedMachine(name, sample_rate_hz=RATE_HZ).next_samples(10 * RATE_HZ), RATE_HZ)
        for name in sorted(MACHINES)
    ]
    for one, other in itertools.combinations(levels, 2):
        assert np.abs(one - other).max() > 3.0


@pytest.mark.parametrize("rate_hz", [44_100, 48_000])
@pytest.mark.parametrize("machine", sorted(MACHINES))
def test_a_machine_sounds_alike_below_8_khz_at_every_rate(machine: str, rate_hz: int) -> None:
    at_model_rate, at_device_rate = (
        octave_levels_db(SimulatedMachine(machine, sample_rate_hz=rate).next_samples(20 * rate), rate)
        for rate in (RATE_HZ, rate_hz)
    )
    assert at_device_rate == pytest.approx(at_model_rate, abs=1.0)


def test_pitch_follows_the_shaft_of_the_pump() -> None:
    samples = SimulatedMachine(sample_rate_hz=RATE_HZ).next_samples(20 * RATE_HZ)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    hz = np.fft.rfftfreq(len(samples), 1 / RATE_HZ)
    near = (hz > 110) & (hz < 190)
    assert pytest.approx(6 * 24.5, rel=0.012) == hz[near][np.argmax(spectrum[near])]


@pytest.mark.parametrize("rate_hz", [RATE_HZ, 48_000])
def test_it_costs_far_less_than_real_time(rate_hz: int) -> None:
    machine = SimulatedMachine(sample_rate_hz=rate_hz)
    machine.next_samples(rate_hz)
    begun_s = time.process_time()
    machine.next_samples(20 * rate_hz)
    # a fifth of what was measured, so that a busy machine passes and a slow algorithm does not
    assert time.process_time() - begun_s < 20 / 20


@pytest.mark.parametrize("rate_hz", [22_050, 96_000, 192_000])
def test_unusual_converters_are_simulated_too(rate_hz: int) -> None:
    faults = [Fault(kind, 0.0, 1.0) for kind in KINDS if kind != "dropout"]
    samples = SimulatedMachine(sample_rate_hz=rate_hz, faults=faults).next_samples(rate_hz)
    assert (rate_hz,) == samples.shape
    assert 0.05 < np.std(samples) < 0.5


def test_the_sound_of_a_seed_is_pinned() -> None:
    samples = SimulatedMachine(seed=1, sample_rate_hz=RATE_HZ).next_samples(RATE_HZ)
    rough = np.sqrt(np.mean(samples.reshape(8, -1) ** 2, axis=1))
    assert PINNED == pytest.approx(rough, rel=1e-3)


def test_nothing_is_asked_nothing_is_given() -> None:
    machine = SimulatedMachine(sample_rate_hz=RATE_HZ)
    assert (0,) == machine.next_samples(0).shape
    assert 0.0 == machine.position_s
    with pytest.raises(ValueError, match="-1"):
        machine.next_samples(-1)


def test_what_was_given_is_the_callers_own() -> None:
    machine, twin = (SimulatedMachine(sample_rate_hz=RATE_HZ) for _ in range(2))
    machine.next_samples(100)[:] = 9.0
    twin.next_samples(100)
    assert np.array_equal(twin.next_samples(100), machine.next_samples(100))


def test_an_unknown_machine_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SourceError, match=r"'lathe'.*fan, gearbox, pump"):
        SimulatedMachine("lathe")


def test_a_rate_that_cannot_carry_the_faults_is_refused() -> None:
    with pytest.raises(SourceError, match=r"sample_rate_hz 8000.*at least 16000"):
        SimulatedMachine(sample_rate_hz=8000)
