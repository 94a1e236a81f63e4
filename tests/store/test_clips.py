from __future__ import annotations

import threading
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.messages import AudioBlock, read_only
from monitor.store import ClipJob, ClipRecorder

RATE_HZ = 1000
UTC_S = 5.0  # a box that started in 1970


def sound_at(first: int, count: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """Every sample tells its own index."""
    return read_only(((np.arange(first, first + count) + 1) / 2**20).astype(np.float32))


def block(first: int, count: int, *, lost: int = 0, rate_hz: int = RATE_HZ) -> AudioBlock:
    return AudioBlock(
        source_id="pump1",
        samples=sound_at(first, count),
        sample_rate_hz=rate_hz,
        first_sample=first,
        lost_samples=lost,
        captured_utc_s=UTC_S + first / rate_hz,
    )


def recorder(
    *,
    pre_roll_s: float = 1.0,
    post_roll_s: float = 2.0,
    max_clip_s: float = 10.0,
    clip_every_s: float = 60.0,
    lag_s: float = 3.0,
) -> ClipRecorder:
    return ClipRecorder(
        "pump1",
        pre_roll_s=pre_roll_s,
        post_roll_s=post_roll_s,
        max_clip_s=max_clip_s,
        clip_every_s=clip_every_s,
        lag_s=lag_s,
    )


def listen(clips: ClipRecorder, start: int, end: int, step: int = 100) -> None:
    for first in range(start, end, step):
        clips.add_block(block(first, min(step, end - first)))


def extent(job: ClipJob) -> tuple[int, int]:
    start = round(job.start_s * job.sample_rate_hz)
    return start, start + len(job.samples)


def test_a_clip_has_its_pre_roll_and_post_roll_to_the_sample() -> None:
    clips = recorder()
    listen(clips, 0, 6_950, step=47)
    clips.flag("e1", 4.001, 6.003)
    listen(clips, 6_950, 11_002, step=52)
    assert clips.take_finished() == []
    listen(clips, 11_002, 11_003)  # 6.003 + post-roll 2 + lag 3: nothing can lengthen it any more
    (job,) = clips.take_finished()
    assert extent(job) == (3_001, 8_003)
    np.testing.assert_array_equal(job.samples, sound_at(3_001, 5_002))
    assert (job.source_id, job.event_id, job.sample_rate_hz, job.lost_samples) == ("pump1", "e1", RATE_HZ, 0)
    assert job.start_utc_s == pytest.approx(UTC_S + 3.001, abs=1e-9)
    assert not job.samples.flags.writeable


def test_later_flagged_windows_lengthen_a_clip() -> None:
    clips = recorder()
    listen(clips, 0, 4_000)
    clips.flag("e1", 2.0, 4.0)
    listen(clips, 4_000, 8_900)  # past the first post-roll, but a window may still be on its way
    clips.flag("e1", 3.0, 5.0)
    clips.flag("e1", 2.5, 4.5)  # scored out of order: shortens nothing
    listen(clips, 8_900, 10_000)
    (job,) = clips.take_finished()
    assert extent(job) == (1_000, 7_000)


def test_a_clip_is_never_longer_than_max_clip_s() -> None:
    clips = recorder(max_clip_s=4.0)
    listen(clips, 0, 4_000)
    clips.flag("e1", 2.0, 4.0)
    clips.flag("e1", 3.0, 5.0)
    listen(clips, 4_000, 4_999)
    assert clips.take_finished() == []
    listen(clips, 4_999, 5_000)
    (job,) = clips.take_finished()
    assert extent(job) == (1_000, 5_000)


@pytest.mark.parametrize("ahead_ms", [0, 5_000, 40_000])
def test_a_clip_is_as_long_however_far_judging_is_behind(ahead_ms: int) -> None:
    clips = recorder(lag_s=2.0 + ahead_ms / 1000)
    jobs = []
    for end in range(1_000, 120_001, 1_000):
        listen(clips, end - 1_000, end)
        judged = end - ahead_ms
        if 20_000 < judged <= 40_000:  # an event of 20 s
            clips.flag("e1", judged / 1000 - 2.0, judged / 1000)
        jobs += clips.take_finished()
    assert [(18_000, 28_000)] == [extent(job) for job in jobs], "max_clip_s, from the pre-roll on"


def test_a_pre_roll_never_pushes_the_flagged_window_out_of_its_clip() -> None:
    clips = recorder(pre_roll_s=5.0, max_clip_s=4.0)
    listen(clips, 0, 9_000)
    clips.flag("e1", 6.0, 8.0)
    clips.finish()
    (job,) = clips.take_finished()
    assert extent(job) == (4_000, 8_000)


def test_an_event_that_goes_on_gets_one_further_clip_each_clip_every_s() -> None:
    clips = recorder(max_clip_s=6.0, clip_every_s=20.0)
    jobs = []
    for second in range(65):
        listen(clips, second * 1000, (second + 1) * 1000)
        if second >= 4:
            clips.flag("e1", second - 1.0, second + 1.0)
        jobs += clips.take_finished()
    assert [extent(job) for job in jobs] == [(2_000, 8_000), (22_000, 28_000), (42_000, 48_000)]


def test_clips_of_one_event_do_not_overlap() -> None:
    clips = recorder(max_clip_s=3.0, clip_every_s=1.0)
    jobs = []
    for second in range(30):
        listen(clips, second * 1000, (second + 1) * 1000)
        clips.flag("e1", second, second + 1.0)
        jobs += clips.take_finished()
    extents = [extent(job) for job in jobs]
    assert len(extents) >= 8
    assert all(end <= start for (_, end), (start, _) in pairwise(extents))


def test_two_events_have_a_clip_each() -> None:
    clips = recorder()
    listen(clips, 0, 5_000)
    clips.flag("e1", 3.0, 4.0)
    listen(clips, 5_000, 8_000)
    clips.flag("e2", 6.0, 7.0)
    clips.finish()
    assert [(j.event_id, extent(j)) for j in clips.take_finished()] == [
        ("e1", (2_000, 6_000)),
        ("e2", (5_000, 8_000)),
    ]


def test_a_clip_at_the_start_has_the_pre_roll_that_there_is() -> None:
    clips = recorder()
    listen(clips, 0, 2_000)
    clips.flag("e1", 0.5, 2.0)
    clips.finish()
    (job,) = clips.take_finished()
    assert extent(job) == (0, 2_000)
    assert job.lost_samples == 0


def test_lost_samples_are_zeros_in_their_place_and_counted() -> None:
    clips = recorder()
    listen(clips, 0, 3_000)
    clips.add_block(block(3_400, 100, lost=400))
    clips.add_block(block(3_700, 0, lost=200))  # a device that is away reports in empty blocks
    clips.add_block(block(4_000, 1_000, lost=300))
    clips.flag("e1", 2.0, 5.0)
    clips.add_block(block(5_000, 3_000))
    clips.finish()
    (job,) = clips.take_finished()
    expected = np.concatenate(
        [
            sound_at(1_000, 2_000),
            np.zeros(400, np.float32),
            sound_at(3_400, 100),
            np.zeros(500, np.float32),
            sound_at(4_000, 3_000),
        ]
    )
    np.testing.assert_array_equal(job.samples, expected)
    assert job.lost_samples == 900


def test_a_clip_that_starts_in_a_gap_has_the_time_of_its_first_sample() -> None:
    clips = recorder()
    listen(clips, 0, 1_000)
    clips.add_block(block(3_000, 3_000, lost=2_000))
    clips.flag("e1", 3.0, 4.0)
    clips.finish()
    (job,) = clips.take_finished()
    assert (extent(job), job.lost_samples) == ((2_000, 6_000), 1_000)
    assert job.start_utc_s == pytest.approx(UTC_S + 2.0, abs=1e-9)


def test_memory_is_bounded_whatever_is_lost_or_flagged() -> None:
    clips = recorder(pre_roll_s=1.0, lag_s=3.0, max_clip_s=10.0)
    listen(clips, 0, 60_000)
    assert clips.held_s <= 4.0 + 0.1
    held = []
    for first in range(60_000, 90_000, 100):
        clips.add_block(block(first, 100))
        clips.flag("e1", first / 1000 - 2.0, first / 1000)
        held.append(clips.held_s)
    assert 9.0 < max(held) <= 10.0 + 0.1
    clips.add_block(block(10**9, 100, lost=10**9 - 90_000))
    assert clips.held_s <= 4.0 + 0.1
    for number in range(1000):
        clips.add_block(block(10**9 + 100 + 100 * number, 0, lost=100 if number else 0))
    assert clips.held_s <= 4.0 + 0.1


def test_a_window_that_comes_too_late_has_the_sound_that_is_still_held() -> None:
    clips = recorder(pre_roll_s=1.0, lag_s=3.0)
    listen(clips, 0, 9_000)
    clips.flag("e1", 4.0, 6.0)  # its pre-roll began 6 s ago, 4 are held
    clips.finish()
    (job,) = clips.take_finished()
    assert extent(job) == (5_000, 8_000)


def test_a_window_whose_sound_is_gone_or_not_there_yet_is_counted() -> None:
    clips = recorder()
    clips.flag("e1", 0.0, 1.0)
    listen(clips, 0, 60_000)
    clips.flag("e1", 10.0, 12.0)
    clips.flag("e1", 60.0, 62.0)
    clips.finish()
    assert (clips.missed_windows, clips.take_finished()) == (3, [])


def test_a_change_of_rate_ends_the_clip_and_stream_time_goes_on() -> None:
    clips = recorder()
    listen(clips, 0, 5_000)
    clips.flag("e1", 3.0, 5.0)
    for number in range(60):
        clips.add_block(block(5_000 + 200 * number, 200, rate_hz=2000))
    clips.flag("e2", 8.5, 9.5)  # 7 000 samples at the new rate after the 5 s at the old one: from 12 000 on
    clips.finish()
    first, second = clips.take_finished()
    assert (first.start_s, len(first.samples), first.sample_rate_hz) == (2.0, 3_000, 1000)
    assert (second.start_s, len(second.samples), second.sample_rate_hz) == (7.5, 7_000, 2000)
    np.testing.assert_array_equal(second.samples, sound_at(10_000, 7_000))


def test_a_device_that_was_waited_for_at_another_rate_than_its_own_has_its_sound_kept() -> None:
    clips = recorder()
    for second in range(1, 4):  # three seconds of nothing, counted at the usual rate
        clips.add_block(block(3000 * second, 0, lost=3000, rate_hz=3000))
    listen(clips, 9_000, 15_000)
    clips.flag("e1", 8.0, 9.0)
    listen(clips, 15_000, 20_000)
    clips.finish()
    (job,) = clips.take_finished()
    assert (job.start_s, clips.missed_windows) == (7.0, 0)
    np.testing.assert_array_equal(job.samples, sound_at(13_000, 4_000))


def test_a_writer_that_does_not_come_loses_the_oldest_clips_and_is_told() -> None:
    clips = recorder(max_clip_s=2.0, clip_every_s=2.0)
    for second in range(20):
        listen(clips, second * 1000, (second + 1) * 1000)
        clips.flag(f"e{second}", second, second + 1.0)
    clips.finish()
    jobs = clips.take_finished()
    assert (len(jobs), clips.dropped_clips) == (4, 16)
    assert jobs[-1].event_id == "e19"


@given(
    cuts=st.lists(st.tuples(st.integers(0, 400), st.sampled_from([0, 0, 0, 7, 300])), max_size=60),
    flags=st.lists(st.tuples(st.integers(0, 12_000), st.integers(1, 3_000)), max_size=12),
)
def test_however_sound_arrives_a_clip_is_the_stream_between_its_ends(
    cuts: list[tuple[int, int]], flags: list[tuple[int, int]]
) -> None:
    clips = recorder()
    truth = np.zeros(0, np.float32)
    jobs = []
    waiting = list(flags)
    for count, lost in cuts:
        truth = np.concatenate([truth, np.zeros(lost, np.float32), sound_at(len(truth) + lost, count)])
        clips.add_block(block(len(truth) - count, count, lost=lost))
        if waiting and waiting[0][0] + waiting[0][1] <= len(truth):
            start, length = waiting.pop(0)
            clips.flag(f"e{start % 3}", start / 1000, (start + length) / 1000)
        jobs += clips.take_finished()
        assert clips.held_s <= 10.0 + 3.0 + 0.7
    clips.finish()
    for job in jobs + clips.take_finished():
        start, end = extent(job)
        assert 0 < end - start <= 10_000
        np.testing.assert_array_equal(job.samples, truth[start:end])
        assert job.lost_samples == np.count_nonzero(truth[start:end] == 0)


def test_capture_pipeline_and_writer_may_run_at_once() -> None:
    clips = recorder(max_clip_s=5.0, clip_every_s=5.0, lag_s=1000.0)
    done = threading.Event()
    jobs: list[ClipJob] = []

    def take() -> None:
        while not done.is_set():
            jobs.extend(clips.take_finished())

    def flag() -> None:
        for second in range(300):
            clips.flag("e1", float(second), second + 1.0)

    listen(clips, 0, 2_000)
    threads = [threading.Thread(target=take), threading.Thread(target=flag)]
    for thread in threads:
        thread.start()
    listen(clips, 2_000, 300_000)
    threads[1].join()
    clips.finish()
    done.set()
    threads[0].join()
    for job in jobs + clips.take_finished():
        start, end = extent(job)
        np.testing.assert_array_equal(job.samples, sound_at(start, end - start))
