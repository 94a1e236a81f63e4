from __future__ import annotations

import numpy as np
import pytest

from monitor.messages import Float32
from monitor.simulate.chunk import Chunk
from monitor.simulate.faults import BEARING, RATTLE
from monitor.simulate.friction import Crackle, Spells, Squeal
from monitor.simulate.knocks import Knocks, KnockSpec

SHAFT_HZ = 24.5


def chunk_at(index: int, rate_hz: int = 16_000) -> Chunk:
    n = rate_hz // 2
    turns = (index * n + np.arange(n)) / rate_hz * SHAFT_HZ
    return Chunk(1, index, rate_hz, turns, start_load=0.0, end_load=0.0)


def gate_of(chunk: Chunk) -> Float32:
    return np.ones(chunk.samples, dtype=np.float32)


@pytest.mark.parametrize("spec", [BEARING, RATTLE])
def test_knocks_have_a_mean_power_of_one(spec: KnockSpec) -> None:
    knocks = Knocks("knocks", spec, shaft_hz=SHAFT_HZ, sample_rate_hz=16_000)
    sounds = [knocks.render(chunk, gate_of(chunk)) for chunk in map(chunk_at, range(40))]
    assert pytest.approx(1.0, rel=0.2) == np.mean(
        [np.mean(sound**2) for sound in sounds if sound is not None]
    )


def test_knocks_ring_out_after_the_fault_and_then_are_silent() -> None:
    knocks = Knocks("rattle", RATTLE, shaft_hz=SHAFT_HZ, sample_rate_hz=16_000)
    chunk = chunk_at(0)
    knocks.render(chunk, gate_of(chunk))
    ringing = knocks.render(chunk_at(1), None)
    assert ringing is not None
    assert np.abs(ringing[:200]).max() > 0.05
    assert not ringing[4_000:].any()
    assert knocks.render(chunk_at(2), None) is None


def test_crackle_is_as_dense_at_the_start_of_a_chunk_as_later() -> None:
    crackle = Crackle("cavitation", 8_000, 16_000)
    chunks = [crackle.render(chunk, gate_of(chunk)) for chunk in map(chunk_at, range(400))]
    power = np.mean([sound**2 for sound in chunks[1:] if sound is not None], axis=0)
    assert pytest.approx(power[2_000:].mean(), rel=0.2) == power[320:800].mean()
    assert pytest.approx(1.0, rel=0.15) == power.mean()


def test_a_squeal_goes_on_in_phase_from_chunk_to_chunk() -> None:
    rate_hz = 192_000
    squeal = Squeal("belt_squeal", rate_hz)
    sounds = [squeal.render(chunk, gate_of(chunk)) for chunk in (chunk_at(i, rate_hz) for i in range(12))]
    whole = np.concatenate([sound for sound in sounds if sound is not None])
    steps = np.abs(np.diff(whole))
    seams = steps[rate_hz // 2 - 1 :: rate_hz // 2]
    assert 11 == len(seams)
    assert seams.max() <= np.quantile(steps, 0.9999)


def test_a_fault_begins_with_a_spell_each_time() -> None:
    spells = Spells("squeal", spell_s=(0.1, 0.2), pause_s=(0.1, 0.2), edge_s=0.01)
    for index in (0, 4, 9):
        chunk = chunk_at(index)
        gate = gate_of(chunk)
        gate[:5_000] = 0.0
        assert 1.0 == spells.render(chunk, gate)[5_000:6_500].min()


def test_spells_and_pauses_keep_their_lengths_across_chunks() -> None:
    spells = Spells("dropout", spell_s=(0.1, 0.4), pause_s=(0.08, 0.3), edge_s=1e-4)
    level = np.concatenate([spells.render(chunk, gate_of(chunk)) for chunk in map(chunk_at, range(60))])
    edges = np.flatnonzero(np.diff((level > 0.5).astype(np.int8)))
    pauses_s, spells_s = np.diff(edges)[::2] / 16_000, np.diff(edges)[1::2] / 16_000
    assert 0.079 < pauses_s.min() < pauses_s.max() < 0.302
    assert 0.099 < spells_s.min() < spells_s.max() < 0.402
