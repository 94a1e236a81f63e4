"""Says where in a sound somebody speaks: silero-vad's network, many frames in one call.

The network (silero/SOURCE.md says where it is from) takes frames of 32 ms at 16 kHz, each with the last 4 ms
of the frame before, and gives each a probability of speech. It hears every sound twice, as it is and with the
steady sound of the machine taken out, and the higher probability counts: beside a machine that is 6 dB louder
than the speaker it misses by itself most of what people understand (docs/privacy.md has the numbers).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnxruntime as ort
import soxr

from engines.backend_onnx import RUNTIME_ERRORS
from monitor.errors import SpeechCheckError
from monitor.messages import Float32
from monitor.privacy.foreground import foreground
from monitor.store.protection import Spoken

MODEL = Path(__file__).parent / "silero" / "silero_vad_16k_sequence.onnx"
MODEL_SHA256 = "9ccdacc4719d8aa7e45a77536bfabec45a03ba1f2fad5e241ab4060b24238a85"
RATE_HZ = 16_000
FRAME = 512
CONTEXT = 64
FRAME_S = FRAME / RATE_HZ
CALL_FRAMES = 512
"""Frames in one call: 16 s of sound, and a few MB of memory."""
OFF_BELOW = 0.15
"""A stretch goes on until the probability is so much below the threshold (silero's own choice)."""
LEAST_S = 0.15
"""Shorter than a syllable: what is above the threshold for less is a click."""
JOIN_S = 0.3
"""A pause between words is no place to listen to."""
FAILURES: tuple[type[Exception], ...] = (*RUNTIME_ERRORS, MemoryError, RuntimeError, ValueError)
"""What the network, or soxr before it, raises over a sound that it cannot take."""
LOUD_SHARE, LEVEL = 0.999, 0.5
"""All but this share of the samples are brought below this level."""
LEAST_REACH = 1e-5
"""Below -100 dB there is nothing to hear."""
MARGIN_S = 0.25
"""Before and after: the network hears the beginning of a word late and its end early."""


class SpeechDetector:
    """The network, opened."""

    def __init__(self, model: Path = MODEL) -> None:
        """Read the network and check that it is the one that was measured.

        Raises:
            SpeechCheckError: It is missing, or another one.
        """
        self._session = ort.InferenceSession(
            _content(model), sess_options=_options(), providers=["CPUExecutionProvider"]
        )

    def spoken(self, samples: Float32, sample_rate_hz: int, threshold: float) -> list[Spoken]:
        """Return where somebody speaks in a sound, shape (n,), margins included, in order and apart.

        `threshold`: the probability from which on a frame counts as speech.

        Raises:
            SpeechCheckError: Nobody can say: the network failed.
        """
        return stretches_from_probabilities(
            self.probabilities(samples, sample_rate_hz), threshold, len(samples) / sample_rate_hz
        )

    def probabilities(self, samples: Float32, sample_rate_hz: int) -> Float32:
        """Return the probability of speech in each frame of FRAME_S, the last one filled with zeros.

        Raises:
            SpeechCheckError: The network failed, or the sound or its answer holds what is no number.
        """
        if not np.isfinite(samples).all():
            raise SpeechCheckError(
                "a clip holds samples that are no numbers; it cannot be checked for speech"
            )
        try:
            heard = soxr.resample(samples, sample_rate_hz, RATE_HZ) if sample_rate_hz != RATE_HZ else samples
            as_it_is, alone = self._run(at_level(heard)), self._run(at_level(foreground(heard)))
        except FAILURES as error:
            raise SpeechCheckError(
                f"the speech check failed on a clip: {str(error) or 'out of memory'}"
            ) from error
        found = np.asarray(np.maximum(as_it_is, alone), np.float32)
        if not np.isfinite(found).all():  # no comparison would hold: it would count as silence
            raise SpeechCheckError("the speech check failed on a clip: its answer holds what is no number")
        return found

    def _run(self, samples: Float32) -> Float32:
        count = -(-len(samples) // FRAME)
        padded = np.zeros(CONTEXT + count * FRAME, np.float32)
        padded[CONTEXT : CONTEXT + len(samples)] = samples
        state = {"h": np.zeros((1, 1, 128), np.float32), "c": np.zeros((1, 1, 128), np.float32)}
        parts = [np.zeros(0, np.float32)]
        for first in range(0, count, CALL_FRAMES):
            part = padded[first * FRAME : CONTEXT + min(first + CALL_FRAMES, count) * FRAME]
            frames = np.lib.stride_tricks.sliding_window_view(part, CONTEXT + FRAME)[::FRAME]
            given = {"input": np.ascontiguousarray(frames), **state}
            found, hidden, cell = self._session.run(["speech_probs", "hn", "cn"], given)
            state = {"h": hidden, "c": cell}
            parts.append(np.asarray(found, np.float32).reshape(-1))
        return np.concatenate(parts)


def at_level(samples: Float32) -> Float32:
    """Return a sound at the level that the network hears best, whatever the microphone's gain."""
    if not len(samples):
        return samples
    # not the peak: a knock would make the speech beside it too soft to be heard
    reach = float(np.quantile(np.abs(samples), LOUD_SHARE))
    louder = np.clip(samples * (LEVEL / max(reach, LEAST_REACH)), -1.0, 1.0)
    return np.asarray(louder, np.float32)


def stretches_from_probabilities(probabilities: Float32, threshold: float, duration_s: float) -> list[Spoken]:
    """Return the stretches that begin at `threshold`, joined over short pauses and widened by the margins."""
    found: list[Spoken] = []
    begun: int | None = None
    for frame, probability in enumerate([*probabilities, -1.0]):
        if begun is None and probability >= threshold:
            begun = frame
        elif begun is not None and probability < threshold - OFF_BELOW:
            start_s, end_s = begun * FRAME_S, frame * FRAME_S
            begun = None
            if end_s - start_s >= LEAST_S:
                found.append(Spoken(max(0.0, start_s - MARGIN_S), min(duration_s, end_s + MARGIN_S)))
    return joined(found, pause_s=max(0.0, JOIN_S - 2 * MARGIN_S))


def joined(spoken: Iterable[Spoken], *, pause_s: float = 0.0) -> list[Spoken]:
    """Return the stretches in order; those that overlap, or are no more than a pause apart, as one."""
    result: list[Spoken] = []
    for one in sorted(spoken, key=lambda each: each.start_s):
        if result and one.start_s <= result[-1].end_s + pause_s:
            result[-1] = Spoken(result[-1].start_s, max(result[-1].end_s, one.end_s))
        else:
            result.append(one)
    return result


def _content(model: Path) -> bytes:
    try:
        content = model.read_bytes()
    except OSError as error:
        raise SpeechCheckError(
            f"store.speech: the network that finds speech cannot be read ({model}: {error.strerror}), so no "
            "clip could be checked; install wheeltapper again, or set store.audio: never"
        ) from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != MODEL_SHA256:
        raise SpeechCheckError(
            f"store.speech: {model} has sha256 {digest[:12]}..., the network that was measured has "
            f"{MODEL_SHA256[:12]}...; install wheeltapper again, or set store.audio: never"
        )
    return content


def _options() -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return options
