"""A source's way to the queue has no hole, where its bundle is swapped or its input opened anew."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from machine_rig import UTC_S, demo_ear, machine

from monitor.health import HealthBook
from monitor.lane import Lane
from monitor.machine import Machine, facts_at_start
from monitor.messages import AudioBlock, CaptureHealth, CaptureState, Float32, Quality, Window
from monitor.window import Ledger, WindowGrid
from monitor.window_queue import WindowQueue

RATE_HZ = 16_000
GRIDS = {
    "as before": demo_ear().grid,
    "twice as often": replace(demo_ear().grid, hop_samples=demo_ear().grid.hop_samples // 2),
    "longer, of another hop": WindowGrid(16_000, 24_000, 5_000, 1_024, 500),
    "shorter, side by side": WindowGrid(16_000, 3_000, 3_000, 512, 250),
    "another rate": WindowGrid(22_050, 20_000, 7_350, 1_024, 490),
    "half the rate": WindowGrid(8_000, 8_192, 2_048, 512, 256),
}


def machine_on(grid: WindowGrid, number: int) -> Machine:
    pump = machine("pump", [])
    return replace(pump, ear=replace(pump.ear, grid=grid), number=number)


class Rig:
    """A lane, and all that it hands on."""

    def __init__(self, first: Machine) -> None:
        self.queue = WindowQueue(100_000)
        self.book = HealthBook([facts_at_start(first)])
        self.now_s = 0.0
        self.lane = Lane(first, self.queue, self.book, monotonic=lambda: self.now_s)

    def feed(self, blocks: Sequence[AudioBlock]) -> None:
        for block in blocks:
            self.now_s += (len(block.samples) + block.lost_samples) / block.sample_rate_hz
            self.lane.add(block)
            self.note()
            assert self.ledger.balances

    def note(self, received_samples: int = 0) -> int:
        """Tell what the input counted since it was opened; return how many samples are lost by now."""
        state = CaptureState.HEALTHY
        self.lane.note(CaptureHealth("pump", state, "", "test", received_samples=received_samples))
        return self.book.sources()[0].capture.lost_samples

    @property
    def ledger(self) -> Ledger:
        ledger = self.book.sources()[0].ledger
        assert ledger is not None
        return ledger

    def windows(self) -> list[Window]:
        return list(self.queue.take(100_000, 0.0).windows)


def ramp(count: int) -> Float32:
    """Sound in which every place has its own value, nearly: a splice cannot hide."""
    return ((np.arange(count) * 7919) % 20_011 / 20_011 - 0.5).astype(np.float32)


def cut(
    samples: Float32, sizes: Iterator[int], *, rate_hz: int = RATE_HZ, first: int = 0
) -> list[AudioBlock]:
    blocks, at = [], 0
    while at < len(samples):
        piece = samples[at : at + next(sizes)]
        blocks.append(AudioBlock("pump", piece, rate_hz, first + at, 0, UTC_S + at / rate_hz))
        at += len(piece)
    return blocks


def sizes(seed: int) -> Iterator[int]:
    dice = np.random.default_rng(seed)
    while True:
        yield int(dice.integers(1, 9_000))


def check_swap(windows: Sequence[Window], before: Machine, after: Machine) -> None:
    """Every start is there once: those of the one before up to a place, the next one's from there on."""
    old, new = (
        [window for window in windows if window.span.machine == each.number] for each in (before, after)
    )
    assert list(windows) == old + new, "no mix: the bundle changes once"
    hops, rates = zip(
        *((each.ear.grid.hop_samples, each.ear.grid.sample_rate_hz) for each in (before, after)), strict=True
    )
    swap = new[0].span.first_sample
    assert swap % hops[1] == 0, "on its own grid"
    starts = [window.span.first_sample for window in old]
    assert starts == list(range(starts[0], starts[0] + len(old) * hops[0], hops[0]))
    last = new if new[-1].span.first_sample % hops[1] == 0 else new[:-1]  # the tail ends with the stream
    assert [swap + n * hops[1] for n in range(len(last))] == [w.span.first_sample for w in last]
    swap_s = swap / rates[1]
    assert starts[-1] / rates[0] < swap_s <= (starts[-1] + hops[0]) / rates[0], "the next would start later"


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("seed", range(3))
def test_a_swap_loses_no_sample_and_no_window_and_mixes_none(grid: str, seed: int) -> None:
    before, after = machine_on(demo_ear().grid, 1), machine_on(GRIDS[grid], 2)
    rig = Rig(before)
    sound = ramp(RATE_HZ * 20)
    blocks = cut(sound, sizes(seed))
    middle = len(blocks) // 2
    rig.feed(blocks[:middle])
    rig.lane.succeed(after)
    rig.feed(blocks[middle:])
    windows = rig.windows()
    check_swap(windows, before, after)
    for window in windows:
        if after.ear.grid.sample_rate_hz == RATE_HZ or window.span.machine == 1:
            start = window.span.first_sample
            assert np.array_equal(sound[start : start + len(window.samples)], window.samples)
    assert {Quality.OK} == {window.span.quality for window in windows}
    rig.lane.finish()
    assert rig.ledger.balances
    end = len(sound) * after.ear.grid.sample_rate_hz // RATE_HZ
    assert (end, 0) == (rig.ledger.end_sample, rig.ledger.pending)
    assert rig.ledger.lost < after.ear.grid.frame_hop_samples, "what does not fill a frame at the very end"


def test_a_sine_comes_through_a_swap_to_another_rate_without_a_click() -> None:
    before, after = machine_on(demo_ear().grid, 1), machine_on(GRIDS["another rate"], 2)
    rig = Rig(before)
    device_hz, tone_hz = 48_000, 440.0
    sound = (0.5 * np.sin(2 * np.pi * tone_hz * np.arange(device_hz * 16) / device_hz)).astype(np.float32)
    blocks = cut(sound, sizes(4), rate_hz=device_hz)
    middle = len(blocks) // 2
    rig.feed(blocks[:middle])
    rig.lane.succeed(after)
    rig.feed(blocks[middle:])
    windows = rig.windows()
    check_swap(windows, before, after)
    for window in windows:
        rate_hz = (before if window.span.machine == 1 else after).ear.grid.sample_rate_hz
        time_s = (window.span.first_sample + np.arange(len(window.samples))) / rate_hz
        # the first moment of a resampler is not right; only the very first window of a stream has it
        skip = 200 if window.span.first_sample == 0 else 0
        expected = 0.5 * np.sin(2 * np.pi * tone_hz * time_s)
        # a resampler begins on a whole sample: the tone may be half of one late, a splice would be more
        assert np.abs(window.samples - expected)[skip:].max() < 0.5 * 2 * np.pi * tone_hz * 0.51 / rate_hz


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from(sorted(GRIDS)), min_size=1, max_size=4),
    st.integers(0, 1000),
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 40_000)), max_size=3),
)
def test_any_swaps_and_any_gaps_leave_the_ledger_exact(
    grids: list[str], seed: int, gaps: list[tuple[int, int]]
) -> None:
    machines = [machine_on(demo_ear().grid, 1)]
    machines += [machine_on(GRIDS[name], 2 + n) for n, name in enumerate(grids)]
    rig = Rig(machines[0])
    blocks, lost = cut(ramp(RATE_HZ * 15), sizes(seed)), 0
    missing = dict(gaps)
    for n, block in enumerate(blocks):
        gap = missing.get(n, 0)
        lost += gap
        if n % max(1, len(blocks) // (len(machines) + 1)) == 0 and 0 < n:
            place = n // max(1, len(blocks) // (len(machines) + 1))
            if place < len(machines):
                rig.lane.succeed(machines[place])
        rig.feed([replace(block, first_sample=block.first_sample + lost, lost_samples=gap)])
    rig.lane.finish()
    ledger, numbers = rig.ledger, [window.span.machine for window in rig.windows()]
    assert ledger.balances
    assert 0 == ledger.pending
    assert numbers == sorted(numbers), "never back"
    rate_hz = rig.lane.machine.ear.grid.sample_rate_hz
    end = (RATE_HZ * 15 + lost) * rate_hz / RATE_HZ
    assert abs(ledger.end_sample - end) <= 1


def test_an_input_that_is_opened_anew_goes_on_and_the_time_between_is_lost() -> None:
    pump = machine_on(demo_ear().grid, 1)
    rig = Rig(pump)
    rig.feed(cut(ramp(RATE_HZ * 6), sizes(1)))
    rig.lane.note(CaptureHealth("pump", CaptureState.HEALTHY, "", "test", received_samples=RATE_HZ * 6))
    rig.lane.go_on()
    rig.now_s += 1.5
    # another device, of another rate, which counts from 0
    rig.feed(cut(ramp(48_000 * 6), sizes(2), rate_hz=48_000))
    rig.lane.note(CaptureHealth("pump", CaptureState.HEALTHY, "", "test", received_samples=48_000 * 6))
    rig.lane.finish()
    windows, ledger = rig.windows(), rig.ledger
    hop = pump.ear.grid.hop_samples
    starts = [window.span.first_sample for window in windows]
    assert starts[:-1] == [n * hop for n in range(len(starts) - 1)], "the stream's grid goes on"
    assert {Quality.OK, Quality.GAP} == {window.span.quality for window in windows}
    assert ledger.balances
    assert abs(ledger.end_sample - round(RATE_HZ * 13.5)) <= 1
    assert abs(ledger.lost - RATE_HZ * 1.5) < RATE_HZ * 0.02 + pump.ear.grid.frame_hop_samples
    capture = rig.book.sources()[0].capture
    assert RATE_HZ * 6 + 48_000 * 6 == capture.received_samples
    assert abs(capture.lost_samples - 48_000 * 1.5) <= 1


def test_what_is_lost_never_grows_without_a_loss_and_never_falls_however_often_an_input_is_reopened() -> None:
    rig = Rig(machine_on(demo_ear().grid, 1))
    told = []
    for _ in range(3):
        rig.feed(cut(ramp(RATE_HZ), sizes(1)))
        told.append(rig.note(RATE_HZ))
        rig.now_s += 3.0
        rig.lane.go_on()
        told.append(rig.note())  # the device is still missing
    assert [n * 3 * RATE_HZ for n in (0, 0, 1, 1, 2, 2)] == told


def test_windows_are_cut_for_the_newest_of_several_successors_from_the_next_block_on() -> None:
    rig = Rig(machine_on(demo_ear().grid, 1))
    rig.feed(cut(ramp(RATE_HZ * 5), sizes(1)))
    for number in (2, 3):
        rig.lane.succeed(machine_on(demo_ear().grid, number))
    rig.feed(cut(ramp(RATE_HZ * 5), sizes(1), first=RATE_HZ * 5))
    numbers = [window.span.machine for window in rig.windows()]
    assert [1, 3] == list(dict.fromkeys(numbers))


def test_a_stream_that_ends_while_bundles_are_swapped_is_whole() -> None:
    for seconds in (0.01, 0.1, 0.5, 1.0, 2.0):
        before, after = machine_on(demo_ear().grid, 1), machine_on(GRIDS["longer, of another hop"], 2)
        rig = Rig(before)
        rig.feed(cut(ramp(RATE_HZ * 5), sizes(1)))
        rig.lane.succeed(after)
        rig.feed(cut(ramp(round(RATE_HZ * seconds)), sizes(2), first=RATE_HZ * 5))
        rig.lane.finish()
        rig.lane.finish()
        covered = np.zeros(RATE_HZ * 5 + round(RATE_HZ * seconds), bool)
        for window in rig.windows():
            start = window.span.first_sample
            covered[start : start + len(window.samples)] = True
        assert rig.ledger.balances
        assert rig.ledger.end_sample == len(covered)
        assert np.count_nonzero(~covered) == rig.ledger.lost


def test_clips_of_a_stream_that_has_ended_end_once_and_again_when_it_goes_on() -> None:
    rig = Rig(machine_on(demo_ear().grid, 1))
    rig.feed(cut(ramp(RATE_HZ * 5), sizes(1)))
    clips = rig.lane.machine.clips
    clips.flag("e1", 1.0, 3.0)
    rig.lane.end_clips()
    assert 0 == clips.waiting, "not before its end"
    for _ in range(2):
        rig.lane.finish()
        rig.lane.end_clips()
    assert 1 == clips.waiting
