from __future__ import annotations

import functools

import numpy as np
import pytest
from numpy.typing import NDArray

from monitor.messages import Float32
from monitor.simulate import Fault, SimulatedMachine, Truth
from monitor.simulate.faults import BEARING_ORDER, bpfo_order
from monitor.simulate.specs import MACHINES

RATES_HZ = (16_000, 48_000)
SPAN_S = 6
RISE_DB = {"bearing": 9.0, "cavitation": 8.0, "belt_squeal": 14.0, "imbalance": 11.0, "air_leak": 10.0}
"""What the truth promises at severity 1.0, in the truth band."""
cases = pytest.mark.parametrize(
    ("kind", "machine", "rate_hz"),
    [(kind, machine, rate) for kind in RISE_DB for machine in sorted(MACHINES) for rate in RATES_HZ],
)


@functools.lru_cache(maxsize=64)
def heard(machine: str, rate_hz: int, kind: str | None, severity: float = 1.0) -> Float32:
    faults = () if kind is None else (Fault(kind, 0.0, SPAN_S, severity),)
    return SimulatedMachine(machine, sample_rate_hz=rate_hz, faults=faults).next_samples(SPAN_S * rate_hz)


@functools.lru_cache(maxsize=64)
def power_of(machine: str, rate_hz: int, kind: str | None) -> NDArray[np.float64]:
    """Power spectrum of all of it: bin i is at i / SPAN_S Hz."""
    return np.abs(np.fft.rfft(heard(machine, rate_hz, kind).astype(np.float64))) ** 2


def truth_of(machine: str, kind: str) -> Truth:
    (truth,) = SimulatedMachine(machine, faults=[Fault(kind, 0.0, SPAN_S)]).truth(1.0)
    return truth


def rise_db(machine: str, rate_hz: int, kind: str, low_hz: float, high_hz: float) -> float:
    """How far the fault lifts the energy of a band above the same machine's normal sound."""
    bins = slice(round(low_hz * SPAN_S), round(high_hz * SPAN_S) + 1)
    with_fault, normal = (power_of(machine, rate_hz, what)[bins].sum() for what in (kind, None))
    return float(10 * np.log10(with_fault / normal))


@cases
def test_energy_rises_in_the_truth_band_by_what_is_promised(kind: str, machine: str, rate_hz: int) -> None:
    truth = truth_of(machine, kind)
    assert RISE_DB[kind] <= rise_db(machine, rate_hz, kind, truth.low_hz, truth.high_hz)


@cases
def test_energy_rises_less_on_either_side_of_the_truth_band(kind: str, machine: str, rate_hz: int) -> None:
    truth = truth_of(machine, kind)
    inside_db = rise_db(machine, rate_hz, kind, truth.low_hz, truth.high_hz)
    if truth.low_hz > 100.0:
        assert rise_db(machine, rate_hz, kind, 5.0, truth.low_hz) < inside_db - 8.0
    if truth.high_hz < 8000.0:
        assert rise_db(machine, rate_hz, kind, truth.high_hz, 8000.0) < inside_db - 3.0


@pytest.mark.parametrize("kind", [*RISE_DB, "dropout"])
@pytest.mark.parametrize("machine", sorted(MACHINES))
def test_truth_bands_lie_below_8_khz(machine: str, kind: str) -> None:
    truth = truth_of(machine, kind)
    assert 0.0 <= truth.low_hz < truth.high_hz <= 8000.0


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("machine", sorted(MACHINES))
def test_the_bearing_knocks_at_the_period_of_the_truth(machine: str, rate_hz: int) -> None:
    truth = truth_of(machine, "bearing")
    period_s = strongest_period_s(
        heard(machine, rate_hz, "bearing"), rate_hz, (truth.low_hz, truth.high_hz), (0.005, 0.03)
    )
    assert truth.period_s == pytest.approx(period_s, rel=0.05)


@pytest.mark.parametrize("machine", sorted(MACHINES))
def test_imbalance_rattles_once_per_revolution(machine: str) -> None:
    truth = truth_of(machine, "imbalance")
    period_s = strongest_period_s(
        heard(machine, 16_000, "imbalance") - heard(machine, 16_000, None), 16_000, (250, 1100), (0.025, 0.08)
    )
    assert truth.period_s == pytest.approx(period_s, rel=0.05)


def strongest_period_s(
    samples: Float32, rate_hz: int, band_hz: tuple[float, float], within_s: tuple[float, float]
) -> float:
    """Lag of the highest autocorrelation of the envelope of a band."""
    spectrum = np.fft.fft(samples)
    hz = np.fft.fftfreq(len(samples), 1 / rate_hz)
    spectrum[(hz < band_hz[0]) | (hz > band_hz[1])] = 0.0
    envelope = np.abs(np.fft.ifft(spectrum))
    power = np.abs(np.fft.rfft(envelope - envelope.mean(), 2 * len(envelope))) ** 2
    correlation = np.fft.irfft(power)
    first, last = (round(lag_s * rate_hz) for lag_s in within_s)
    return (first + int(np.argmax(correlation[first:last]))) / rate_hz


def test_bpfo_of_a_6205_is_the_catalogue_value() -> None:
    assert pytest.approx(3.5848, abs=1e-3) == BEARING_ORDER
    assert bpfo_order(9, 7.94, 39.04, 40.0) > BEARING_ORDER


@pytest.mark.parametrize("kind", sorted(RISE_DB))
def test_severity_is_a_factor_on_the_amplitude(kind: str) -> None:
    normal = heard("pump", 16_000, None)
    once, twice = (heard("pump", 16_000, kind, severity) - normal for severity in (0.1, 0.2))
    assert np.abs(twice - 2.0 * once).max() < 1e-5
    assert np.std(once) > 1e-4


@pytest.mark.parametrize("kind", sorted(RISE_DB))
def test_a_fault_is_added_to_the_normal_sound_and_leaves_no_trace(kind: str) -> None:
    faulty = SimulatedMachine(sample_rate_hz=16_000, faults=[Fault(kind, 1.2, 0.9)]).next_samples(64_000)
    added = faulty - SimulatedMachine(sample_rate_hz=16_000).next_samples(64_000)
    assert np.abs(added[: round(1.2 * 16_000)]).max() < 1e-6
    assert np.std(added[round(1.2 * 16_000) : round(2.1 * 16_000)]) > 1e-3
    assert np.abs(added[40_000:]).max() < 1e-6, "the room and all that rings is quiet 0.4 s after the end"
    assert not added[56_000:].any(), "and not even rounding differs a second later"


@pytest.mark.parametrize("kind", [None, *sorted(RISE_DB)])
def test_no_click_where_one_chunk_ends_and_the_next_begins(kind: str | None) -> None:
    sound = heard("pump", 16_000, kind) - (heard("pump", 16_000, None) if kind else 0.0)
    steps = np.abs(np.diff(sound, 2))
    seams = np.concatenate([steps[end - 3 : end + 2] for end in range(8_000, len(sound), 8_000)])
    assert np.median(seams) < 2.0 * np.median(steps) + 1e-6
    assert seams.max() < 1.2 * steps.max()


def test_a_fault_fades_in_within_20_ms() -> None:
    faulty = SimulatedMachine(sample_rate_hz=16_000, faults=[Fault("air_leak", 1.0, 2.0)])
    added = faulty.next_samples(48_000) - SimulatedMachine(sample_rate_hz=16_000).next_samples(48_000)
    first_half, later = added[16_000:16_160], added[24_000:32_000]
    assert 0.0 < np.std(first_half) < 0.5 * np.std(later)


def test_a_squeal_stops_and_starts_but_never_for_long() -> None:
    squeal = heard("pump", 16_000, "belt_squeal") - heard("pump", 16_000, None)
    level = np.sqrt(np.mean(squeal.reshape(-1, 320) ** 2, axis=1))
    quiet = level < 0.3 * np.median(level)
    assert 0.01 < quiet.mean() < 0.4
    assert longest_run(quiet) * 0.02 < 0.35


def test_cavitation_crackles_where_a_leak_hisses() -> None:
    normal = heard("pump", 16_000, None)
    crests = []
    for kind in ("cavitation", "air_leak"):
        added = heard("pump", 16_000, kind) - normal
        levels_db = 10 * np.log10(np.mean(added.reshape(-1, 320) ** 2, axis=1) + 1e-12)
        crests.append(np.std(levels_db))
    assert crests[0] > 2.5 * crests[1]


@pytest.mark.parametrize("rate_hz", [16_000, 44_100, 48_000])
def test_a_dropout_gives_exact_zeros_for_100_to_400_ms_at_a_time(rate_hz: int) -> None:
    zero = heard("pump", rate_hz, "dropout") == 0.0
    edges = np.flatnonzero(np.diff(np.concatenate([[False], zero, [False]]).astype(np.int8)))
    lengths_s = (edges[1::2] - edges[::2]) / rate_hz
    long_s = lengths_s[lengths_s > 0.01]  # a sample of sound may be 0 by chance
    assert long_s[:-1].min() > 0.09
    assert long_s.max() < 0.41
    assert SPAN_S < len(long_s) < 5 * SPAN_S, "more than once a second"
    assert 0.3 < zero.mean() < 0.8


def test_sound_between_dropouts_is_the_normal_sound() -> None:
    dropped, normal = heard("pump", 16_000, "dropout"), heard("pump", 16_000, None)
    kept = dropped != 0.0
    assert np.array_equal(normal[kept], dropped[kept])


def longest_run(flags: NDArray[np.bool_]) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return int((edges[1::2] - edges[::2]).max(initial=0))
