"""Speech and machine sound for tests of what keeps the one out of the other.

speech.flac holds four sentences, two German, two English, by four voices of espeak-ng 1.51, a second apart.
"""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import soundfile
import soxr

from monitor.messages import Float32, read_only
from monitor.simulate import SimulatedMachine

RATE_HZ = 16_000
SPEECH_DBFS = -20.0


@functools.cache
def speech(rate_hz: int = RATE_HZ) -> Float32:
    """The four sentences, -20 dBFS where somebody speaks."""
    samples, stored_hz = soundfile.read(Path(__file__).with_name("speech.flac"), dtype="float32")
    if rate_hz != stored_hz:
        samples = soxr.resample(samples, stored_hz, rate_hz)
    return read_only(np.asarray(samples, np.float32))


@functools.cache
def pump(seconds: float, rate_hz: int = RATE_HZ) -> Float32:
    """The simulated pump, all well."""
    machine = SimulatedMachine("pump", seed=5, sample_rate_hz=rate_hz)
    return read_only(machine.next_samples(round(seconds * rate_hz)))


def mixed(machine: Float32, voice: Float32, at_s: float, snr_db: float, rate_hz: int = RATE_HZ) -> Float32:
    """Speech beside a machine, `snr_db` above it where somebody speaks; as long as the machine's sound."""
    first = round(at_s * rate_hz)
    voice = voice[: len(machine) - first]
    gain = 10 ** (snr_db / 20) * rms(machine) / rms(voice[active(voice, rate_hz)])
    result = machine.copy()
    result[first : first + len(voice)] += gain * voice
    return read_only(np.asarray(result / max(1.0, np.abs(result).max()), np.float32))


def active(voice: Float32, rate_hz: int = RATE_HZ) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Where somebody speaks, by sample: in frames of 32 ms that are less than 30 dB below the loudest."""
    size = round(0.032 * rate_hz)
    frames = np.pad(voice, (0, -len(voice) % size)).reshape(-1, size)
    power = (frames.astype(np.float64) ** 2).mean(axis=1)
    return np.repeat(power > 1e-3 * power.max(), size)[: len(voice)]


def rms(samples: Float32) -> float:
    return float(np.sqrt(np.mean(samples.astype(np.float64) ** 2)))


def band_levels_db(samples: Float32, rate_hz: int = RATE_HZ) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Levels of the octaves from 125 Hz to 4 kHz."""
    power = np.abs(np.fft.rfft(samples.astype(np.float64))) ** 2
    hz = np.fft.rfftfreq(len(samples), 1 / rate_hz)
    centres = 125.0 * 2.0 ** np.arange(6)
    return np.array([10 * np.log10(power[(hz >= c / 2**0.5) & (hz < c * 2**0.5)].sum()) for c in centres])


def likeness(clean: Float32, heard: Float32, rate_hz: int = RATE_HZ) -> float:
    """How much of speech is left in a sound: 1 is all; near 0 nobody understands a word.

    The mean correlation of the envelopes of 15 third-octaves in stretches of 384 ms with those of the clean
    speech, as in STOI (Taal et al., IEEE Transactions on Audio, Speech, and Language Processing 19, 2011),
    without its clipping.
    """
    envelopes = [_envelopes(sound, rate_hz) for sound in (clean, heard)]
    loud = envelopes[0].sum(axis=0)
    found = []
    for last in range(24, envelopes[0].shape[1], 12):
        if loud[last - 24 : last].mean() < 0.3 * loud.mean():
            continue
        parts = [
            one[:, last - 24 : last] - one[:, last - 24 : last].mean(axis=1, keepdims=True)
            for one in envelopes
        ]
        lengths = np.prod([np.linalg.norm(part, axis=1) for part in parts], axis=0)
        found.append(float(((parts[0] * parts[1]).sum(axis=1) / np.maximum(lengths, 1e-12)).mean()))
    return float(np.mean(found))


def _envelopes(sound: Float32, rate_hz: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Shape (15, frames): one every 16 ms."""
    size = round(0.032 * rate_hz)
    frames = np.lib.stride_tricks.sliding_window_view(sound.astype(np.float64), size)[:: size // 2]
    power = np.abs(np.fft.rfft(frames * np.hanning(size), axis=1)) ** 2
    hz = np.fft.rfftfreq(size, 1 / rate_hz)
    centres = 150.0 * 2.0 ** (np.arange(15) / 3)
    bands = [(hz >= c * 2 ** (-1 / 6)) & (hz < c * 2 ** (1 / 6)) for c in centres]
    return np.asarray(np.sqrt([power[:, band].sum(axis=1) for band in bands]))
