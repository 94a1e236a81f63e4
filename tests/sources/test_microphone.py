from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import psutil
import pytest
from fixtures_mosquitto import LEAST_S, patience
from fixtures_pulse import PulseMicrophone
from fixtures_time import stalls

from monitor.config import MicrophoneSource
from monitor.errors import SourceError
from monitor.messages import AudioBlock, CaptureState
from monitor.sources import open_sources
from monitor.sources.live import LiveSource
from monitor.sources.microphone import MicrophoneFeed
from monitor.sources.watchdog import WatchdogSettings

RATE = 48_000
KERNELS = "/dev/shm/"  # noqa: S108 - where the kernel keeps shared memory
NOISE = (np.random.default_rng(7).standard_normal(2 * RATE) * 0.1).astype(np.float32)


def config(source_id: str = "pump", **settings: object) -> MicrophoneSource:
    return MicrophoneSource.model_validate(
        {"id": source_id, "kind": "microphone", "sample_rate_hz": RATE, **settings}
    )


@pytest.fixture
def source(pulse_microphone: PulseMicrophone) -> Iterator[LiveSource]:
    pulse_microphone.feed(NOISE)
    opened = live(config())
    yield opened
    opened.close()


def live(*configs: MicrophoneSource) -> LiveSource:
    (opened,) = open_sources(configs)
    assert isinstance(opened, LiveSource)
    return opened


def feed_of(source: LiveSource) -> MicrophoneFeed:
    assert isinstance(source._feed, MicrophoneFeed)
    return source._feed


def listen_until(source: LiveSource, *states: CaptureState) -> list[AudioBlock]:
    """Listen until the source is in one of these states, however long this box takes."""
    blocks = listen(source, LEAST_S * patience(), until=is_in(source, *states))
    assert is_in(source, *states)(), source.health()
    return blocks


def listen(source: LiveSource, seconds: float, until: Callable[[], bool] = lambda: False) -> list[AudioBlock]:
    blocks: list[AudioBlock] = []
    deadline_s = time.monotonic() + seconds
    while time.monotonic() < deadline_s and not until():
        blocks += source.read(0.2)
    return blocks


def is_in(source: LiveSource, *states: CaptureState) -> Callable[[], bool]:
    return lambda: source.health()[0].state in states


def check_ledger(source: LiveSource, blocks: Sequence[AudioBlock]) -> None:
    end = 0
    for block in blocks:
        assert end + block.lost_samples == block.first_sample
        end = block.end_sample
    (health,) = source.health()
    assert end == health.received_samples + health.lost_samples
    assert sum(block.lost_samples for block in blocks) == health.lost_samples


@pytest.mark.microphone
def test_what_is_played_is_what_is_heard_sample_by_sample(source: LiveSource) -> None:
    blocks = listen_until(source, CaptureState.HEALTHY)
    blocks += listen(source, 1.5)
    check_ledger(source, blocks)
    (health,) = source.health()
    sounds = [index for index, block in enumerate(blocks) if len(block.samples)]
    assert 0 == sum(block.lost_samples for block in blocks[sounds[0] + 1 :])
    header = feed_of(source)._header
    assert header is not None
    assert health.received_samples == header.read_frames  # the ring is freed as it is read
    sound = np.concatenate([block.samples for block in blocks])[:RATE]
    spectrum = np.fft.rfft(np.tile(NOISE, 2)) * np.conj(np.fft.rfft(sound, 4 * RATE))
    offset = int(np.argmax(np.fft.irfft(spectrum)))
    np.testing.assert_allclose(sound, np.tile(NOISE, 3)[offset : offset + RATE], atol=1e-6)


@pytest.mark.microphone
def test_a_killed_sound_server_is_alarmed_and_heard_again_when_it_returns(
    source: LiveSource, pulse_microphone: PulseMicrophone
) -> None:
    blocks = listen_until(source, CaptureState.HEALTHY)
    blocks += listen(source, 1.0)
    heard_s, (health,) = time.monotonic(), source.health()
    before = health.received_samples + health.lost_samples
    with stalls() as worst_s:
        pulse_microphone.kill_server()
        blocks += listen_until(source, CaptureState.ALARMED)
        blocks += listen_until(source, CaptureState.RECOVERING)
        assert source.health()[0].reason
        blocks += listen(source, 1.5)
        pulse_microphone.start()
        pulse_microphone.feed(NOISE)
        blocks += listen_until(source, CaptureState.HEALTHY)
        blocks += listen(source, 0.5)
        box_s = worst_s()
    check_ledger(source, blocks)
    (health,) = source.health()
    assert 1 <= health.restarts
    assert 2 * RATE <= health.lost_samples
    # stream time has gone on in real time, but for the latest block
    elapsed_s = time.monotonic() - heard_s
    passed_s = (health.received_samples + health.lost_samples - before) / RATE
    assert elapsed_s == pytest.approx(passed_s, abs=1.0 + 2 * box_s)


@pytest.mark.microphone
def test_a_stream_that_is_moved_to_a_silent_input_is_alarmed_as_a_flat_line(
    pulse_microphone: PulseMicrophone,
) -> None:
    pulse_microphone.feed(NOISE)
    feed = MicrophoneFeed("default", channels=1, sample_rate_hz=RATE, block_ms=100.0)
    settings = WatchdogSettings(quiet_s=15.0, flat_s=2.0)  # the silent input takes 2 s to its first block
    source = LiveSource({"pump": 0}, feed, sample_rate_hz=RATE, settings=settings)
    listen_until(source, CaptureState.HEALTHY)
    pulse_microphone.unload_source()
    blocks = listen_until(source, CaptureState.ALARMED)
    (health,) = source.health()
    source.close()
    assert "stood still" in health.reason
    assert (0, 0) == (health.restarts, health.overflows)  # nobody was told: the zeros gave it away
    assert 0.0 == np.abs(blocks[-1].samples).max()


@pytest.mark.microphone
def test_a_killed_capture_process_is_replaced(source: LiveSource) -> None:
    blocks = listen_until(source, CaptureState.HEALTHY)
    pid, lost = feed_of(source).child_pid, source.health()[0].lost_samples
    assert pid is not None
    killed_s = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    blocks += listen_until(source, CaptureState.ALARMED)
    assert "ended with -9" in source.health()[0].reason
    blocks += listen_until(source, CaptureState.HEALTHY)
    away_s = time.monotonic() - killed_s
    blocks += listen(source, 0.3)
    assert pid != feed_of(source).child_pid
    assert 0.5 * RATE <= source.health()[0].lost_samples - lost <= (away_s + 0.5) * RATE
    check_ledger(source, blocks)


@pytest.mark.microphone
def test_a_stopped_capture_process_is_replaced_and_the_reason_names_it(source: LiveSource) -> None:
    listen_until(source, CaptureState.HEALTHY)
    pid = feed_of(source).child_pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    listen_until(source, CaptureState.ALARMED)
    assert "no sound for 2 s: its process has not answered" in source.health()[0].reason
    assert not psutil.pid_exists(pid)


@pytest.mark.microphone
def test_a_killed_daemon_leaves_no_capture_process_and_no_shared_memory(
    pulse_microphone: PulseMicrophone,
) -> None:
    pulse_microphone.feed(NOISE)
    script = (
        "from monitor.config import MicrophoneSource\n"
        "from monitor.sources import open_sources\n"
        "(source,) = open_sources([MicrophoneSource(id='pump', kind='microphone')])\n"
        "while not any(len(block.samples) for block in source.read(0.5)): pass\n"
        "print(source._feed.child_pid, flush=True)\n"
        "while True: source.read(0.5)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as daemon:
        assert daemon.stdout is not None
        child = psutil.Process(int(daemon.stdout.readline()))
        mapped = {one.path for one in child.memory_maps()}
        pulse_microphone.silence()  # it shall not depend on sound to notice
        daemon.kill()
    _, alive = psutil.wait_procs([child], timeout=LEAST_S)
    assert [] == alive
    assert any("memfd:wheeltapper-microphone" in path for path in mapped), "it is gone when both of them are"
    assert [] == [path for path in mapped if path.startswith(KERNELS) and Path(path).exists()]


@pytest.mark.microphone
def test_a_device_that_is_not_there_is_waited_for_and_named(pulse_microphone: PulseMicrophone) -> None:
    pulse_microphone.feed(NOISE)
    source = live(config(device="usb-path:9-9"))
    blocks = listen(source, LEAST_S * patience(), until=lambda: "is not there" in source.health()[0].reason)
    blocks += listen(source, 1.5)
    (health,) = source.health()
    source.close()
    assert "audio device 'usb-path:9-9' is not there; there are" in health.reason
    assert 1 <= len(blocks)
    assert 0 == sum(len(block.samples) for block in blocks)


def test_two_rates_for_one_device_are_refused() -> None:
    configs = [config("pump", sample_rate_hz=48000), config("fan", channel=2, sample_rate_hz=44100)]
    with pytest.raises(SourceError, match="pump, fan share device 'default' but want 44100 and 48000 Hz"):
        open_sources(configs)


def test_channels_of_one_device_are_one_source_and_other_devices_are_others() -> None:
    configs = [config("a"), config("b", channel=2, sample_rate_hz=None), config("c", device="usb-path:1-1")]
    assert [("a", "b"), ("c",)] == [source.source_ids for source in open_sources(configs)]


@pytest.mark.microphone
def test_each_channel_carries_its_own_sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    microphone = PulseMicrophone(tmp_path, channels=2)
    for name, value in microphone.environment.items():
        monkeypatch.setenv(name, value)
    microphone.start()
    microphone.feed(np.stack([NOISE, 0.5 * NOISE], axis=1))
    source = live(config("right", channel=2), config("left", channel=1))
    try:
        blocks = listen_until(source, CaptureState.HEALTHY)
        blocks += listen(source, 1.0)
    finally:
        source.close()
        microphone.stop()
    left, right = (
        np.concatenate([block.samples for block in blocks if block.source_id == name])
        for name in ("left", "right")
    )
    assert RATE // 2 <= len(left)
    np.testing.assert_allclose(right, 0.5 * left, atol=1e-6)
