"""What monitor/sources/__init__.py promises, for every kind of source, with real devices and servers."""

from __future__ import annotations

import functools
import http.server
import itertools
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
from fixtures_mosquitto import LEAST_S, patience
from fixtures_pulse import PulseMicrophone
from fixtures_time import stalls

from monitor.config import FileSource, MicrophoneSource, SimulatedSource, SourceConfig, StreamSource
from monitor.errors import SourceError
from monitor.messages import AudioBlock, CaptureState
from monitor.sources import OPENERS, Source, open_sources
from monitor.sources.paced import Pace

RATE = 16_000
SOUND_S = 1.25
SOUND = (np.random.default_rng(5).standard_normal(round(SOUND_S * RATE)) * 0.1).astype(np.float32)
ENDING = ("file", "file_fast", "simulated", "simulated_fast")
LIVE = ("stream", "microphone")


@pytest.fixture
def sound_file(tmp_path: Path) -> Path:
    path = tmp_path / "sound.wav"
    soundfile.write(path, SOUND, RATE, "FLOAT")
    return path


@pytest.fixture
def sound_url(sound_file: Path) -> Iterator[str]:
    """An HTTP server on this machine that serves the sound."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(sound_file.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/{sound_file.name}"
        server.shutdown()
        thread.join()


def config_of(kind: str, request: pytest.FixtureRequest) -> SourceConfig:
    pace: Pace = "fast" if kind.endswith("_fast") else "real_time"
    if kind.startswith("file"):
        return FileSource(id="pump", kind="file", path=request.getfixturevalue("sound_file"), pace=pace)
    if kind.startswith("simulated"):
        return SimulatedSource(
            id="pump", kind="simulated", pace=pace, sample_rate_hz=RATE, duration_s=SOUND_S
        )
    if kind == "stream":
        url = request.getfixturevalue("sound_url")
        return StreamSource(id="pump", kind="stream", url=url, sample_rate_hz=RATE)
    microphone: PulseMicrophone = request.getfixturevalue("pulse_microphone")
    microphone.feed(np.repeat(SOUND, 3))
    return MicrophoneSource(id="pump", kind="microphone", sample_rate_hz=48_000)


@pytest.fixture(
    params=[
        *ENDING,
        "stream",
        pytest.param("microphone", marks=pytest.mark.microphone),
    ]
)
def source(request: pytest.FixtureRequest) -> Iterator[Source]:
    (opened,) = open_sources([config_of(request.param, request)])
    yield opened
    opened.close()


def heard(source: Source, seconds: float) -> list[AudioBlock]:
    """Return blocks until they hold that much sound, the source has ended, or patience has."""
    blocks: list[AudioBlock] = []
    received_s = 0.0
    deadline_s = time.monotonic() + seconds + LEAST_S * patience()
    while received_s < seconds and not source.finished and time.monotonic() < deadline_s:
        for block in source.read(0.5):
            blocks.append(block)
            received_s += len(block.samples) / block.sample_rate_hz
    return blocks


def test_every_kind_of_the_table_is_under_this_contract() -> None:
    assert {kind.removesuffix("_fast") for kind in (*ENDING, *LIVE)} == set(OPENERS)


def test_blocks_follow_each_other_and_the_ledger_is_exact(source: Source) -> None:
    blocks = heard(source, 0.8)
    end = 0
    for block in blocks:
        assert end + block.lost_samples == block.first_sample
        assert 0 <= block.lost_samples
        end = block.end_sample
    (health,) = source.health()
    assert end == health.received_samples + health.lost_samples
    assert 0.8 <= sum(len(block.samples) for block in blocks) / blocks[0].sample_rate_hz
    sounding = list(itertools.dropwhile(lambda block: not len(block.samples), blocks))
    assert 0 == sum(block.lost_samples for block in sounding[1:]), (
        "before it, a device may have taken its time"
    )


def test_samples_are_mono_float32_within_full_scale_and_read_only(source: Source) -> None:
    for block in heard(source, 0.5):
        assert ("pump",) == source.source_ids == (block.source_id,)
        assert np.float32 == block.samples.dtype
        assert 1 == block.samples.ndim
        assert not block.samples.flags.writeable
        assert np.abs(block.samples).max(initial=0.0) <= 1.0


def test_utc_never_falls_and_goes_with_the_samples(source: Source) -> None:
    before_s = time.time()
    blocks = heard(source, 0.8)
    assert before_s - 1.0 <= blocks[0].captured_utc_s <= time.time()
    for earlier, later in itertools.pairwise(blocks):
        assert later.captured_utc_s > earlier.captured_utc_s


def test_reading_waits_no_longer_than_it_was_told(source: Source) -> None:
    for timeout_s in (0.0, 0.02, 0.3):
        with stalls() as worst_s:
            before_s = time.monotonic()
            source.read(timeout_s)
            took_s = time.monotonic() - before_s
            box_s = worst_s()
        assert took_s <= timeout_s + 0.25 + 2 * box_s


def test_a_source_that_sounds_is_healthy_and_says_what_it_hears(source: Source) -> None:
    heard(source, 0.5)
    (health,) = source.health()
    assert ("pump", CaptureState.HEALTHY, "") == (health.source_id, health.state, health.reason)
    assert health.device


def test_after_closing_nothing_comes_and_closing_again_is_harmless(source: Source) -> None:
    heard(source, 0.3)
    before_s = time.monotonic()
    source.close()
    source.close()
    assert time.monotonic() - before_s <= 3.0 * patience()
    assert source.finished
    assert [] == list(source.read(0.2))
    assert CaptureState.ENDED is source.health()[0].state


def test_closing_before_the_first_read_is_harmless(source: Source) -> None:
    source.close()
    assert [] == list(source.read(0.1))
    assert source.finished


@pytest.mark.parametrize("kind", ENDING)
def test_sound_that_ends_is_handed_over_to_its_last_sample(kind: str, request: pytest.FixtureRequest) -> None:
    (source,) = open_sources([config_of(kind, request)])
    blocks = heard(source, 60.0)
    assert source.finished
    assert len(SOUND) == sum(len(block.samples) for block in blocks)
    assert CaptureState.ENDED is source.health()[0].state
    source.close()


@pytest.mark.parametrize("kind", ["file", "file_fast", "stream"])
def test_what_is_heard_is_what_was_recorded(kind: str, request: pytest.FixtureRequest) -> None:
    (source,) = open_sources([config_of(kind, request)])
    sound = np.concatenate([block.samples for block in heard(source, 1.0)])[:RATE]
    source.close()
    np.testing.assert_allclose(sound, SOUND[:RATE], atol=1e-6)


def test_what_was_opened_is_closed_when_a_later_source_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[Sequence[str]] = []
    monkeypatch.setattr(
        "monitor.sources.paced.PacedSource.close", lambda self: closed.append(self.source_ids)
    )
    good = SimulatedSource(id="good", kind="simulated")
    bad = FileSource(id="bad", kind="file", path=tmp_path / "missing.wav")
    with pytest.raises(SourceError, match=r"missing\.wav"):
        open_sources([good, bad])
    assert [("good",)] == closed
