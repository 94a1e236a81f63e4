from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from fixtures_time import FakeTime

from monitor.messages import AudioBlock, CaptureState
from monitor.sources.feed import Arrival, FeedBrokenError
from monitor.sources.live import LiveSource
from monitor.sources.watchdog import WatchdogSettings

RATE = 1000


class ScriptedFeed:
    """A device of `columns` channels that delivers 0.1 s of noise every 0.1 s while `up`."""

    device = "scripted"

    def __init__(self, time: FakeTime, columns: int = 1) -> None:
        self.time = time
        self.columns = columns
        self.up = True
        self.answers = True
        self.startable = True
        self.rate_hz = RATE
        self.flat: set[int] = set()
        self.speed = 1.0
        self.lost_next = 0
        self.overflow_next = False
        self.running = False
        self.starts: list[float] = []
        self._rng = np.random.default_rng(1)

    def start(self) -> None:
        if not self.startable:
            raise OSError(11, "no more processes")
        self.running = True
        self.starts.append(self.time.now_s)

    def poll(self, timeout_s: float) -> Sequence[Arrival]:
        if not self.answers:
            self.time.wait(timeout_s)
            return []
        if not self.up:
            raise FeedBrokenError("unplugged")
        if timeout_s < 0.1:
            self.time.wait(timeout_s)
            return []
        self.time.wait(0.1)
        count = round(self.rate_hz / 10 * self.speed)
        frames = self._rng.uniform(-0.5, 0.5, (count, self.columns)).astype(np.float32)
        frames[:, list(self.flat)] = 0.0
        lost, self.lost_next = self.lost_next, 0
        overflowed, self.overflow_next = self.overflow_next, False
        return [Arrival(frames, self.rate_hz, self.time.now_s, lost, overflowed)]

    def remark(self) -> str:
        return "its process hangs"

    def stop(self) -> None:
        self.running = False


@pytest.fixture
def feed(fake_time: FakeTime) -> ScriptedFeed:
    return ScriptedFeed(fake_time)


def live(feed: ScriptedFeed, *source_ids: str) -> LiveSource:
    columns = {name: i for i, name in enumerate(source_ids or ("pump",))}
    return LiveSource(
        columns, feed, sample_rate_hz=RATE, settings=WatchdogSettings(), clocks=feed.time.clocks
    )


def listen(source: LiveSource, feed: ScriptedFeed, seconds: float) -> list[AudioBlock]:
    blocks: list[AudioBlock] = []
    end_s = feed.time.now_s + seconds
    while feed.time.now_s < end_s - 1e-6:
        blocks += source.read(0.25)
    return blocks


def check_ledger(blocks: Sequence[AudioBlock], start: int = 0) -> int:
    end = start
    for block in blocks:
        assert end + block.lost_samples == block.first_sample
        end = block.end_sample
    return end


def test_sound_passes_without_loss(feed: ScriptedFeed) -> None:
    source = live(feed)
    blocks = listen(source, feed, 5.0)
    assert 5 * RATE == check_ledger(blocks)
    assert 0 == sum(block.lost_samples for block in blocks)
    assert CaptureState.HEALTHY is source.health()[0].state


def test_a_device_that_is_missing_at_the_start_is_reported_absent_in_real_time(feed: ScriptedFeed) -> None:
    feed.up = False
    opened_s = feed.time.now_s
    source = live(feed)
    blocks = listen(source, feed, 20.0)
    assert 0 == sum(len(block.samples) for block in blocks)
    assert 15 <= len(blocks) <= 20
    health = source.health()[0]
    assert 0.0 <= feed.time.now_s - opened_s - health.lost_samples / RATE <= 1.25
    assert (CaptureState.FAILED, "unplugged") == (health.state, health.reason)


def test_a_slow_first_start_is_no_loss_for_the_sound_of_that_time_comes_with_it(feed: ScriptedFeed) -> None:
    feed.answers = False
    source = live(feed)
    assert [] == listen(source, feed, 6)
    feed.answers, feed.speed = True, 60.0  # what was looked at before the first byte comes in one piece
    first = source.read(0.2)[0]
    assert (0, 0) == (first.first_sample, first.lost_samples)
    assert feed.time.clocks.wall() - 6.0 == pytest.approx(first.captured_utc_s)


def test_a_first_start_in_vain_is_lost_time_from_the_beginning_on(feed: ScriptedFeed) -> None:
    feed.answers = False
    source = live(feed)
    lost = sum(block.lost_samples for block in listen(source, feed, WatchdogSettings().start_s + 2))
    assert lost == pytest.approx((WatchdogSettings().start_s + 2) * RATE, abs=1.5 * RATE)


def test_an_unplugged_device_is_lost_time_and_comes_back_at_its_place(feed: ScriptedFeed) -> None:
    source, opened_s = live(feed), feed.time.now_s
    blocks = listen(source, feed, 3.0)
    feed.up = False
    blocks += listen(source, feed, 7.3)
    assert CaptureState.HEALTHY is not source.health()[0].state
    feed.up = True
    blocks += listen(source, feed, 10.0)
    assert CaptureState.HEALTHY is source.health()[0].state
    end = check_ledger(blocks)
    assert feed.time.now_s - opened_s == pytest.approx(end / RATE, abs=0.01)
    assert 7.3 <= source.health()[0].lost_samples / RATE <= 13.0
    for block in blocks:
        since_s = block.captured_utc_s - feed.time.wall_offset_s - opened_s
        assert block.first_sample / RATE == pytest.approx(since_s, abs=0.01)


def test_a_device_that_hangs_is_stopped_after_quiet_s_and_the_reason_says_what_hangs(
    feed: ScriptedFeed,
) -> None:
    source, opened_s = live(feed), feed.time.now_s
    blocks = listen(source, feed, 1.0)
    feed.answers = False
    blocks += listen(source, feed, 2.2)
    health = source.health()[0]
    assert (CaptureState.ALARMED, "no sound for 2 s: its process hangs") == (health.state, health.reason)
    assert not feed.running
    feed.answers = True
    blocks += listen(source, feed, 3.0)
    assert feed.time.now_s - opened_s == pytest.approx(check_ledger(blocks) / RATE, abs=0.01)
    assert [0] == [i for i, block in enumerate(blocks) if block.first_sample == 0]


def test_a_box_that_is_out_of_processes_is_waited_for(feed: ScriptedFeed) -> None:
    feed.startable = False
    source = live(feed)
    listen(source, feed, 1.0)
    assert "no more processes" in source.health()[0].reason
    feed.startable = True
    listen(source, feed, 3.0)
    assert CaptureState.HEALTHY is source.health()[0].state


def test_known_loss_stands_before_the_block_that_follows_it(feed: ScriptedFeed) -> None:
    source = live(feed)
    listen(source, feed, 1.0)
    feed.lost_next = 37
    (block,) = source.read(0.25)
    assert 37 == block.lost_samples


def test_an_overflow_of_unknown_size_is_at_least_one_lost_sample(feed: ScriptedFeed) -> None:
    source = live(feed)
    listen(source, feed, 1.0)
    feed.overflow_next = True
    (block,) = source.read(0.25)
    assert 1 <= block.lost_samples
    assert 1 == source.health()[0].overflows


def test_an_overflow_after_a_stall_is_as_long_as_the_stall(feed: ScriptedFeed) -> None:
    source = live(feed)
    listen(source, feed, 1.0)
    feed.time.wait(0.4)
    feed.overflow_next = True
    (block,) = source.read(0.25)
    assert 400 == pytest.approx(block.lost_samples, abs=2)


def test_sound_that_goes_missing_unnoticed_becomes_loss(feed: ScriptedFeed) -> None:
    source, opened_s = live(feed), feed.time.now_s
    blocks = listen(source, feed, 1.0)
    feed.speed = 0.9
    blocks += listen(source, feed, 9.5)
    feed.speed = 1.0
    blocks += listen(source, feed, 6.0)
    assert 1 == source.health()[0].restarts
    assert feed.time.now_s - opened_s == pytest.approx(check_ledger(blocks) / RATE, abs=0.15)


def test_channels_of_one_device_share_the_ledger_and_the_stream(fake_time: FakeTime) -> None:
    feed = ScriptedFeed(fake_time, columns=3)
    source = live(feed, "pump", "fan", "gearbox")
    blocks = listen(source, feed, 1.0)
    assert ("pump", "fan", "gearbox") == source.source_ids
    for name in source.source_ids:
        assert RATE == check_ledger([block for block in blocks if block.source_id == name])
    assert 1 == len(feed.starts)
    sounds = {block.samples.tobytes() for block in blocks[:3]}
    assert 3 == len(sounds)


def test_one_dead_channel_is_alarmed_and_its_neighbour_is_not_disturbed(fake_time: FakeTime) -> None:
    feed = ScriptedFeed(fake_time, columns=2)
    source = live(feed, "pump", "fan")
    listen(source, feed, 1.0)
    feed.flat = {1}
    listen(source, feed, 6.0)
    pump, fan = source.health()
    assert CaptureState.HEALTHY is pump.state
    assert (CaptureState.ALARMED, "the channel has stood still at 0 for over 5 s") == (fan.state, fan.reason)
    listen(source, feed, 1.0)
    assert fan.reason == source.health()[1].reason, "what goes on is no news"
    assert 1 == len(feed.starts)


def test_a_flat_line_on_all_channels_restarts_and_its_samples_still_flow(feed: ScriptedFeed) -> None:
    source, opened_s = live(feed), feed.time.now_s
    blocks = listen(source, feed, 1.0)
    feed.flat = {0}
    blocks += listen(source, feed, 5.3)
    assert CaptureState.ALARMED is source.health()[0].state
    blocks += listen(source, feed, 30.0)
    assert 2 <= len(feed.starts) <= 6
    received = sum(len(block.samples) for block in blocks)
    assert received >= 0.95 * RATE * (feed.time.now_s - opened_s)
    feed.flat = set()
    listen(source, feed, 0.3)
    assert CaptureState.HEALTHY is source.health()[0].state


def test_a_device_that_returns_at_another_rate_is_counted_at_that_rate(feed: ScriptedFeed) -> None:
    source = live(feed)
    blocks = listen(source, feed, 2.0)
    feed.up = False
    blocks += listen(source, feed, 1.5)
    feed.up, feed.rate_hz = True, 2 * RATE
    blocks += listen(source, feed, 4.0)
    check_ledger(blocks)
    assert 2 * RATE == blocks[-1].sample_rate_hz
    assert CaptureState.HEALTHY is source.health()[0].state


def test_reading_waits_no_longer_than_it_was_told(feed: ScriptedFeed) -> None:
    feed.answers = False
    source = live(feed)
    for timeout_s in (0.0, 0.05, 0.7):
        before_s = feed.time.now_s
        assert [] == source.read(timeout_s)
        assert timeout_s == pytest.approx(feed.time.now_s - before_s)


def test_closing_stops_the_feed_and_ends_the_reading(feed: ScriptedFeed) -> None:
    source = live(feed)
    listen(source, feed, 0.5)
    source.close()
    source.close()
    assert not feed.running
    assert [] == source.read(1.0)
    assert source.finished
    assert CaptureState.ENDED is source.health()[0].state
