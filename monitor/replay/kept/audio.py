"""A clip as a browser or another tool wants it: FLAC or WAV, whole or one band of it."""

from __future__ import annotations

import enum
from typing import BinaryIO

import numpy as np
import soundfile

from monitor.band_pass import Band, band_passed
from monitor.errors import StoreError
from monitor.messages import Float32
from monitor.replay.kept.clip_sound import BLOCK_S, blocks_of_sound


class AudioFormat(str, enum.Enum):
    """What sound is packed in; the value is the name of the format and the ending of a file."""

    FLAC = "flac"
    WAV = "wav"

    @property
    def media_type(self) -> str:
        """As browsers know it."""
        return f"audio/{self.value}"


def write_wav(clip: BinaryIO, out: BinaryIO) -> None:
    """Write a clip as WAV, every sample as it is.

    Raises:
        StoreError: The clip cannot be decoded.
    """
    try:
        with (
            soundfile.SoundFile(clip) as sound,
            soundfile.SoundFile(
                out, "w", sound.samplerate, sound.channels, sound.subtype, format="WAV"
            ) as wav,
        ):
            for block in sound.blocks(round(BLOCK_S * sound.samplerate), dtype="int32", always_2d=True):
                wav.write(block)
    except soundfile.SoundFileError as error:
        raise StoreError(f"a clip cannot be decoded ({error}); its file is damaged") from error


def write_band(clip: BinaryIO, out: BinaryIO, band: Band, sample_rate_hz: int, kind: AudioFormat) -> None:
    """Write what lies in a band of a clip, in 24 bits, at its place.

    Raises:
        QueryError: The clip holds nothing that high.
        StoreError: The clip cannot be decoded.
    """
    blocks = band_passed(blocks_of_sound(clip), band, sample_rate_hz)
    first = next(blocks, np.zeros(0, np.float32))
    with soundfile.SoundFile(out, "w", sample_rate_hz, 1, "PCM_24", format=kind.value.upper()) as sound:
        sound.write(_codes(first))
        for block in blocks:
            sound.write(_codes(block))


def _codes(samples: Float32) -> np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
    codes = np.clip(np.rint(samples.astype(np.float64) * 2**23), -(2**23), 2**23 - 1)
    return codes.astype(np.int32) << 8  # libsndfile takes the upper 24 bits
