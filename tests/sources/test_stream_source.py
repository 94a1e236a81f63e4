from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile

from monitor.config import StreamSource
from monitor.errors import SourceError
from monitor.messages import AudioBlock, CaptureState
from monitor.sources import open_sources
from monitor.sources.live import LiveSource
from monitor.sources.stream import StreamFeed, playlist_from_url, playlist_options, without_secrets

RATE = 16_000
SECRET = "s3cret%40pass"  # noqa: S105 - that it never shows is the test


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def live(*configs: StreamSource) -> LiveSource:
    (opened,) = open_sources(configs)
    assert isinstance(opened, LiveSource)
    return opened


def stream(url: str, source_id: str = "pump", channel: int = 1) -> StreamSource:
    return StreamSource(id=source_id, kind="stream", url=url, channel=channel, sample_rate_hz=RATE)


def listen(source: LiveSource, seconds: float, *, until: CaptureState | None = None) -> list[AudioBlock]:
    blocks: list[AudioBlock] = []
    deadline_s = time.monotonic() + seconds
    while time.monotonic() < deadline_s and source.health()[0].state is not until:
        blocks += source.read(0.2)
    return blocks


def arguments_of_children() -> list[str]:
    arguments: list[str] = []
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error):  # it has ended meanwhile
            arguments += child.cmdline()
    return arguments


class Sender:
    """An ffmpeg that sends two channels of noise over UDP, in real time, until it is stopped."""

    def __init__(self, folder: Path) -> None:
        self.url = f"udp://127.0.0.1:{free_port()}"
        self._path = folder / "noise.wav"
        rng = np.random.default_rng(2)
        noise = rng.standard_normal((30 * RATE, 2)).astype(np.float32) * [0.1, 0.02]
        soundfile.write(self._path, noise, RATE)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = f"ffmpeg -nostdin -loglevel quiet -re -stream_loop -1 -i {self._path} -c:a aac -b:a 128k"
        self._process = subprocess.Popen([*command.split(), "-f", "mpegts", f"{self.url}?pkt_size=1316"])

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@pytest.fixture
def sender(tmp_path: Path) -> Iterator[Sender]:
    opened = Sender(tmp_path)
    yield opened
    opened.stop()


def test_a_sender_that_stops_and_returns_is_lost_time_and_heard_again(sender: Sender) -> None:
    source = live(stream(sender.url, "left", 1), stream(sender.url, "right", 2))
    sender.start()
    blocks = listen(source, 100.0, until=CaptureState.HEALTHY)
    blocks += listen(source, 2.0)
    sender.stop()
    blocks += listen(source, 60.0, until=CaptureState.ALARMED)
    assert "no sound for 5 s" in source.health()[0].reason
    blocks += listen(source, 1.0)
    sender.start()
    blocks += listen(source, 100.0, until=CaptureState.HEALTHY)
    left, right = source.health()
    source.close()
    assert CaptureState.HEALTHY is left.state
    assert 5 * RATE <= left.lost_samples
    for health in (left, right):
        end = 0
        for block in (block for block in blocks if block.source_id == health.source_id):
            assert end + block.lost_samples == block.first_sample
            end = block.end_sample
        assert end == health.received_samples + health.lost_samples
    # the channels are handed over as they are, not mixed
    loud, quiet = (
        np.concatenate([block.samples for block in blocks if block.source_id == name]).std()
        for name in ("left", "right")
    )
    assert 5.0 == pytest.approx(loud / quiet, rel=0.3)


def test_an_address_that_does_not_answer_is_waited_for_and_its_password_never_shows() -> None:
    with socket.socket() as closed:  # bound, but nobody listens
        closed.bind(("127.0.0.1", 0))
        url = f"http://joe:{SECRET}@127.0.0.1:{closed.getsockname()[1]}/mic"
        source = live(stream(url))
        arguments: list[str] = []
        blocks: list[AudioBlock] = []
        deadline_s = time.monotonic() + 60.0
        while time.monotonic() < deadline_s and not (
            "ffmpeg" in arguments
            and "refused" in source.health()[0].reason
            and source.health()[0].lost_samples
        ):
            blocks += source.read(0.02)
            for child in psutil.Process().children():
                with contextlib.suppress(psutil.Error):  # it has ended meanwhile
                    arguments += child.cmdline()
    (health,) = source.health()
    source.close()
    assert "ffmpeg" in arguments
    assert "refused" in health.reason
    assert 1 <= health.lost_samples
    assert 0 == health.received_samples
    for text in (health.device, health.reason, *arguments):
        assert SECRET not in text
        assert "s3cret" not in text


@pytest.mark.parametrize(
    ("url", "text", "expected"),
    [
        ("rtsp://joe:pw@cam/1", "rtsp://joe:pw@cam/1: 404", "rtsp://***@cam/1: 404"),
        ("http://joe:p%40w@cam", "open http://joe:p@w@cam failed", "open http://***@cam failed"),
        ("http://joe:p%40w@cam", "open http://joe:p%40w@cam failed", "open http://***@cam failed"),
        ("http://u:hun ter2@h/x", "'http://u:hun%20ter2@h/x': gone, hun ter2", "'http://***@h/x': gone, ***"),
        ("srt://h:9?passphrase=SECRETPASS", "open srt://h:9?passphrase=SECRETPASS", "open srt://h:9?***"),
        ("https://h/x?t=SECRET", "path /x, query t=SECRET", "path /x, query t=***"),
        ("rtsp://h/user=a_password=word2_c=1", "no user=a_password=word2_c=1 at h", "no *** at h"),
        ("http://cam/a:b", "http://cam/a:b", "http://cam/a:b"),
        ("http://cam", "redirected to http://a:b@other/", "redirected to http://***@other/"),
    ],
)
def test_passwords_are_replaced_wherever_they_stand(url: str, text: str, expected: str) -> None:
    assert expected == without_secrets(text, url)


def test_a_playlist_cannot_be_broken_out_of() -> None:
    playlist = playlist_from_url("http://cam/'\nfile '/etc/passwd", {})
    assert b"ffconcat version 1.0\nfile 'http://cam/%27%0Afile%20%27/etc/passwd'\n" == playlist


def test_rtsp_goes_over_tcp_where_ffmpeg_can_be_told_so() -> None:
    assert {"rtsp_transport": "tcp"} == playlist_options("rtsp://cam", "5.1.9-0+deb12u1")
    assert {"rtsp_transport": "tcp"} == playlist_options("rtsps://cam", "N-118000-g1234")
    assert {} == playlist_options("rtsp://cam", "4.4.2-0ubuntu0.22.04.1")
    assert {} == playlist_options("http://cam", "n7.0")


def test_a_missing_ffmpeg_is_refused_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceError, match=r"need ffmpeg.*apt install ffmpeg"):
        open_sources([stream("udp://127.0.0.1:1")])


def test_channels_of_one_address_share_one_ffmpeg() -> None:
    url = "udp://127.0.0.1:1"
    source = live(stream(url, "b", 4), stream(url, "a", 2), stream(url, "c", 4))
    assert ("b", "a", "c") == source.source_ids
    assert isinstance(source._feed, StreamFeed)
    assert "pan=2c|c0=c1|c1=c3" in source._feed._command
