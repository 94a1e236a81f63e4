"""Sound from a recording: WAV, FLAC, OGG or whatever libsndfile reads, one channel of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from monitor.config import FileSource as FileConfig
from monitor.config import SourceConfig
from monitor.errors import AudioFileError
from monitor.messages import Float32
from monitor.sources import Source
from monitor.sources.paced import PacedSource

PLAIN_FORMATS = ("WAV", "WAVEX", "RF64", "AIFF", "AU", "RAW")
"""Of which a second is decoded at a time: a block alone is mostly the call."""


class Recording:
    """One channel of a sound file, from its start; with `repeat` without end."""

    def __init__(self, path: Path, *, channel: int = 1, repeat: bool = False) -> None:
        """Open the file.

        Raises:
            AudioFileError: It is missing, cannot be decoded, is empty or has no such channel.
        """
        if not path.is_file():
            raise AudioFileError(f"{path}: there is no such file; correct `path` of the source")
        try:
            self._file = soundfile.SoundFile(str(path))
        except soundfile.SoundFileError as error:
            raise AudioFileError(
                f"{path}: is not sound that libsndfile can read ({error}); convert it to WAV or FLAC"
            ) from error
        self.device = str(path)
        self.sample_rate_hz = int(self._file.samplerate)
        self._column = channel - 1
        self._repeat = repeat
        self._ahead: Float32 = np.zeros(0, np.float32)
        # not of what is compressed: damage ahead would cost the good sound before it
        self._decode_ahead = self.sample_rate_hz if self._file.format in PLAIN_FORMATS else 0
        try:
            self._check()
        except AudioFileError:
            self._file.close()
            raise

    def _check(self) -> None:
        if self._file.frames <= 0:
            raise AudioFileError(f"{self.device}: holds no sound; record it again or name another file")
        if self._column >= self._file.channels:
            raise AudioFileError(
                f"{self.device}: has {self._file.channels} channels, `channel` is {self._column + 1}; "
                f"give 1 to {self._file.channels}"
            )

    def next_samples(self, count: int) -> Float32:
        """Return the next `count` samples, shape (count,); fewer only at the end.

        Raises:
            AudioFileError: The file is damaged from here on.
        """
        first = self._take(count)
        if len(first) == count:
            return first
        parts = [first]
        while self._repeat and sum(map(len, parts)) < count:
            self._file.seek(0)
            parts.append(self._take(count - sum(map(len, parts))))
            if not len(parts[-1]):  # it was emptied while it played
                break
        return np.concatenate(parts)

    def close(self) -> None:
        """Close the file; may be called again."""
        self._file.close()

    def _take(self, count: int) -> Float32:
        """Return up to `count` samples; fewer only at the file's end."""
        if len(self._ahead) < count:
            held = self._ahead
            more = self._decode(count - len(held) + self._decode_ahead)
            self._ahead = np.concatenate([held, more]) if len(held) else more
        taken, self._ahead = self._ahead[:count], self._ahead[count:]
        return taken

    def _decode(self, count: int) -> Float32:
        frames = np.empty((count, self._file.channels), np.float32)
        try:
            # not read(): what it checks before each block costs more than decoding it
            read = self._file.buffer_read_into(frames, dtype="float32")
        except soundfile.SoundFileError as error:
            raise AudioFileError(
                f"{self.device}: is damaged at {self._file.tell()} samples ({error})"
            ) from error
        return frames[:read, self._column]


def open_sources(configs: Sequence[SourceConfig]) -> list[Source]:
    """Open every file of `configs`.

    Raises:
        AudioFileError: One of them is missing, empty, not decodable, or lacks the channel.
    """
    opened: list[Source] = []
    for config in configs:
        if isinstance(config, FileConfig):
            recording = Recording(config.path, channel=config.channel, repeat=config.repeat)
            opened.append(PacedSource(config.id, recording, config.pace, block_s=config.block_ms / 1000))
    return opened
