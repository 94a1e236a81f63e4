"""Sound from the network, decoded by an ffmpeg child process: RTSP cameras, HTTP and UDP streams.

The address reaches ffmpeg through its standard input, as a playlist of one entry, and not as an argument:
a password in it is then not for every user of the box to see. ffmpeg hands over the channels that are
wanted as they are; nothing is mixed down.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Mapping, Sequence
from urllib.parse import quote, unquote

import numpy as np

from monitor.addresses import (
    HIDDEN,
    SHORTEST_SECRET,
    address_shown,
    secrets_of_address,
    without_secret_forms,
)
from monitor.config import SourceConfig
from monitor.config import StreamSource as StreamConfig
from monitor.errors import SourceError
from monitor.sources import Source
from monitor.sources.child import Child
from monitor.sources.feed import Arrival, FeedBrokenError
from monitor.sources.live import LiveSource
from monitor.sources.watchdog import WatchdogSettings

PROTOCOLS = "pipe,http,https,httpproxy,tcp,tls,udp,rtp,srtp,srt,crypto"
"""What the playlist and what it leads to may open: the network, never a file of this box."""
SETTINGS = WatchdogSettings(quiet_s=5.0, start_s=20.0, may_run_ahead=True)
"""Networks take longer than sound cards, and catch up afterwards."""
PIPE_BYTES = 1 << 20
"""At 16 kHz mono 16 s of sound: how long the reader may be busy before ffmpeg has to wait."""
SAMPLE_BYTES = 4


def without_secrets(text: str, url: str) -> str:
    """Return `text` without the secrets of `url`, in whatever spelling, and of any address in it."""
    for told in (url, unquote(url), _entry(url)):
        text = text.replace(told, address_shown(url))
    for secret in sorted(secrets_of_address(url), key=len, reverse=True):
        # a short one alone would be found inside ordinary words
        if len(secret) >= SHORTEST_SECRET:
            text = text.replace(secret, HIDDEN)
            text = text.replace(quote(secret), HIDDEN)
    return without_secret_forms(text)


def playlist_from_url(url: str, options: Mapping[str, str]) -> bytes:
    """Return an ffconcat playlist with `url` as its only entry; `options` are those of its protocol."""
    lines = [
        "ffconcat version 1.0",
        f"file '{_entry(url)}'",
        *(f"option {key} {options[key]}" for key in options),
    ]
    return "\n".join([*lines, ""]).encode()


def _entry(url: str) -> str:
    return re.sub(r"[\s'\\]", lambda match: quote(match.group()), url)


def playlist_options(url: str, ffmpeg_version: str) -> dict[str, str]:
    """Return RTSP over TCP, since UDP loses packets unnoticed; ffmpeg before 5 can only choose by itself."""
    major = re.match(r"n?(\d+)", ffmpeg_version)
    old = major is not None and int(major.group(1)) < 5
    return {"rtsp_transport": "tcp"} if url.startswith("rtsp") and not old else {}


def installed_ffmpeg_version() -> str:
    """Return what ffmpeg calls its version, such as 5.1.9 or n7.0 or N-118000-gabcdef.

    Raises:
        SourceError: ffmpeg is not installed, or does not run.
    """
    try:
        done = subprocess.run(["ffmpeg", "-version"], capture_output=True, timeout=10, check=True)  # noqa: S607 - found on the PATH on purpose
    except (OSError, subprocess.SubprocessError) as error:
        raise SourceError(
            f"sources of kind `stream` need ffmpeg, which does not run here ({error}); `apt install ffmpeg`"
        ) from error
    words = done.stdout.decode(errors="replace").split()
    return words[2] if len(words) > 2 else ""


def ffmpeg_command(channels: Sequence[int], sample_rate_hz: int) -> list[str]:
    """Return the command that turns a playlist on standard input into interleaved float32.

    `channels` of the stream, from 1, become the columns, in that order.
    """
    pan = "|".join(f"c{column}=c{channel - 1}" for column, channel in enumerate(channels))
    reading = f"-f concat -safe 0 -protocol_whitelist {PROTOCOLS} -i pipe:0"
    writing = f"-vn -map 0:a:0 -af pan={len(channels)}c|{pan} -ar {sample_rate_hz} -f f32le pipe:1"
    return ["ffmpeg", *["-nostdin", "-hide_banner", "-loglevel", "error"], *reading.split(), *writing.split()]


class StreamFeed:
    """The ffmpeg that reads one address. See monitor.sources.feed for the contract."""

    def __init__(
        self, url: str, *, channels: Sequence[int], sample_rate_hz: int, options: Mapping[str, str]
    ) -> None:
        self.device = address_shown(url)
        self._url = url
        self._playlist = playlist_from_url(url, options)
        self._columns = len(channels)
        self._rate_hz = sample_rate_hz
        self._command = ffmpeg_command(channels, sample_rate_hz)
        self._child: Child | None = None
        self._rest = b""

    @property
    def child_pid(self) -> int | None:
        """The ffmpeg process, while one runs."""
        return None if self._child is None else self._child.pid

    def start(self) -> None:
        """Start ffmpeg; it connects by itself."""
        self._rest = b""
        command = Child.python("monitor.sources.tied", str(os.getpid()), *self._command)
        self._child = Child(command, told=self._playlist, pipe_bytes=PIPE_BYTES)

    def poll(self, timeout_s: float) -> Sequence[Arrival]:
        """Return what ffmpeg has decoded.

        Raises:
            FeedBrokenError: ffmpeg has ended; the text holds its last words, without secrets.
        """
        if self._child is None:
            return []
        try:
            data = self._rest + self._child.read(timeout_s)
        except FeedBrokenError as error:
            raise FeedBrokenError(without_secrets(str(error), self._url)) from None
        frame_bytes = SAMPLE_BYTES * self._columns
        whole = len(data) // frame_bytes * frame_bytes
        self._rest = data[whole:]
        if not whole:
            return []
        frames = np.frombuffer(data[:whole], "<f4").reshape(-1, self._columns)
        return [Arrival(frames=frames, sample_rate_hz=self._rate_hz, arrived_s=time.monotonic())]

    def remark(self) -> str:
        """Return what ffmpeg has complained about so far, without secrets."""
        return "" if self._child is None else without_secrets(self._child.last_words(), self._url)

    def stop(self) -> None:
        """Kill ffmpeg."""
        if self._child is not None:
            self._child.kill()
            self._child = None


def open_sources(configs: Sequence[SourceConfig]) -> list[Source]:
    """Prepare one source for each address and rate that `configs` name, with all channels wanted of it.

    Raises:
        SourceError: ffmpeg is not installed, or does not run.
    """
    streams: dict[tuple[str, int], list[StreamConfig]] = {}
    for config in configs:
        if isinstance(config, StreamConfig):
            streams.setdefault((config.url, config.sample_rate_hz), []).append(config)
    version = installed_ffmpeg_version() if streams else ""
    return [_open_stream(url, rate_hz, sharing, version) for (url, rate_hz), sharing in streams.items()]


def _open_stream(url: str, rate_hz: int, sharing: Sequence[StreamConfig], ffmpeg_version: str) -> LiveSource:
    channels = sorted({config.channel for config in sharing})
    options = playlist_options(url, ffmpeg_version)
    feed = StreamFeed(url, channels=channels, sample_rate_hz=rate_hz, options=options)
    columns = {config.id: channels.index(config.channel) for config in sharing}
    return LiveSource(columns, feed, sample_rate_hz=rate_hz, settings=SETTINGS)
