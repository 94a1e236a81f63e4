"""Pieces hold every sample once, never across a gap, and what is too short is counted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.messages import AudioBlock
from monitor.recording.pieces import Piece, PieceCutter

RATES = (1000, 1600)
SHORTEST_S, FILE_S = 0.07, 0.5


@given(
    st.lists(
        st.tuples(st.integers(0, 900), st.sampled_from([0, 0, 0, 1, 70]), st.sampled_from(RATES)),
        max_size=25,
    )
)
@settings(max_examples=150, deadline=None)
def test_every_sample_is_in_one_piece_or_too_short_or_pending(runs: list[tuple[int, int, int]]) -> None:
    cutter = PieceCutter(shortest_s=SHORTEST_S, file_s=FILE_S)
    at, received, bounds = 0, 0, set()
    pieces: list[Piece] = []
    rate_before = 0
    for count, lost, rate in runs:
        if lost or rate != rate_before:
            bounds.add(at + lost)
        rate_before = rate
        at += lost
        # each sample tells its own place in the stream
        samples = np.arange(at, at + count, dtype=np.float32)
        pieces += cutter.add(AudioBlock("m", samples, rate, at, lost, 1_000_000.0))
        at, received = at + count, received + count
        assert received == sum(len(p.samples) for p in pieces) + cutter.short + cutter.pending
    pieces += cutter.finish()
    assert 0 == cutter.pending
    assert received == sum(len(p.samples) for p in pieces) + cutter.short
    for piece in pieces:
        places = piece.samples.astype(int)
        assert set(np.diff(places)) <= {1}
        assert not bounds & set(places[1:].tolist())
        assert SHORTEST_S * piece.sample_rate_hz < len(places) <= FILE_S * piece.sample_rate_hz
    starts = [int(p.samples[0]) for p in pieces]
    assert sorted(starts) == starts


def test_a_piece_knows_when_it_began_also_in_the_middle_of_a_block() -> None:
    cutter = PieceCutter(shortest_s=SHORTEST_S, file_s=FILE_S)
    pieces = cutter.add(AudioBlock("m", np.zeros(1200, np.float32), 1000, 0, 0, 5000.0)) + cutter.finish()
    assert [5000.0, 5000.5, 5001.0] == pytest.approx([p.start_utc_s for p in pieces])
    assert [0.5, 0.5, 0.2] == [p.seconds for p in pieces]


def test_files_no_longer_than_the_shortest_are_refused() -> None:
    with pytest.raises(ValueError, match="longer"):
        PieceCutter(shortest_s=2.0, file_s=2.0)
