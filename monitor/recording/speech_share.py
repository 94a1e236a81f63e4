"""Measures how much of a recording somebody speaks in: normal sound is to be the machine's, not people's."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from monitor.messages import AudioBlock, Float32
from monitor.privacy.speech import CALL_FRAMES, FRAME_S, SpeechDetector

THRESHOLD = 0.9
"""The default of store.speech_threshold, at which docs/privacy.md says what is found."""
SPEECH = "speech"
"""Name of the fact how long somebody spoke, and of how much sound; seconds."""
PIECE_S = CALL_FRAMES * FRAME_S
"""Sound is judged in pieces of 16 s: a tenth of a CPU second each, which every source's buffer bears."""


class SpeechMeter:
    """The share of the sound so far in which somebody speaks. Holds at most PIECE_S of sound."""

    def __init__(self, detector: SpeechDetector | None = None) -> None:
        """Open the network, unless one is given that is open.

        Raises:
            SpeechCheckError: It is missing or another one.
        """
        self._detector = SpeechDetector() if detector is None else detector
        self._waiting: list[Float32] = []
        self._count = 0
        self._rate_hz = 0
        self._spoken_s = self._heard_s = 0.0

    def add(self, block: AudioBlock) -> None:
        """Take the next block, at the device's rate.

        Raises:
            SpeechCheckError: The network failed.
        """
        if block.lost_samples or block.sample_rate_hz != self._rate_hz:
            self._judge()
            self._rate_hz = block.sample_rate_hz
        self._waiting.append(block.samples)
        self._count += len(block.samples)
        if self._count >= PIECE_S * self._rate_hz:
            self._judge()

    def share(self) -> float:
        """Return the share of all sound that was given, 0 to 1; what waits is judged first.

        Raises:
            SpeechCheckError: The network failed.
        """
        self._judge()
        return self._spoken_s / self._heard_s if self._heard_s else 0.0

    def facts(self) -> dict[str, NDArray[np.float64]]:
        """Return what another meter takes of the sound so far; what waits is judged first.

        Raises:
            SpeechCheckError: The network failed.
        """
        self._judge()
        return {SPEECH: np.array([self._spoken_s, self._heard_s])}

    def take(self, facts: Mapping[str, NDArray[np.float64]]) -> None:
        """Take what another meter has measured of further sound."""
        self._spoken_s += float(facts[SPEECH][0])
        self._heard_s += float(facts[SPEECH][1])

    def _judge(self) -> None:
        waiting, self._waiting, self._count = self._waiting, [], 0
        samples = np.concatenate(waiting) if waiting else np.zeros(0, np.float32)
        if not len(samples):
            return
        spoken = self._detector.spoken(samples, self._rate_hz, THRESHOLD)
        self._spoken_s += sum(one.end_s - one.start_s for one in spoken)
        self._heard_s += len(samples) / self._rate_hz
