"""The most anomalous windows with their pictures, in bounded memory while the sound streams by."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.messages import Float32, Score

PICTURES = 12


@dataclass(frozen=True, slots=True)
class Picture:
    """A window to look at."""

    file: str
    start_s: float
    end_s: float
    value: float
    logmel: Float32
    """Shape (mel, frames), log10 power."""
    error_map: Float32
    """Shape (mel, frames), >= 0."""


class Gallery:
    """Keeps the windows with the highest values; of neighbours that overlap only the higher one."""

    def __init__(self, size: int = PICTURES) -> None:
        self._size = size
        self._kept: list[Picture] = []

    def offer(self, file: str, score: Score, logmel: Float32, error_map: Float32) -> None:
        """Take the next window of a file, in the order of time, and forget the least of too many."""
        if score.value is None:
            return
        span = score.span
        overlapping = [k for k in self._kept if k.file == file and k.end_s > span.start_s]
        if any(k.value >= score.value for k in overlapping):
            return
        self._kept = [k for k in self._kept if not any(k is other for other in overlapping)]
        if len(self._kept) == self._size:
            least = min(self._kept, key=lambda kept: kept.value)
            if least.value >= score.value:
                return
            self._kept = [k for k in self._kept if k is not least]
        self._kept.append(Picture(file, span.start_s, span.end_s, score.value, logmel, error_map.copy()))

    @property
    def pictures(self) -> list[Picture]:
        """The kept windows, the highest first."""
        return sorted(self._kept, key=lambda kept: (-kept.value, kept.file, kept.start_s))
