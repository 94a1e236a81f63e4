"""What a model says of one window, in its own units and in units of the alarm limit."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.messages.sound import Float32, Span


@dataclass(frozen=True, slots=True)
class Inference:
    """What a model said of one window."""

    span: Span
    """That of the window; its quality is OK, for no other is inferred."""
    raw: float
    """The model's score: high means unusual; its scale is the model's own."""
    error_map: Float32
    """Shape (mel, frames), >= 0, squared error in standardised units."""
    reconstruction: Float32
    """Shape (mel, frames), in the units of LogMel.values."""
    bundle_id: str
    """The bundle whose model answered."""
    engine: str | None = None
    """The library that computed it, as Engine.backend; None where nobody asked."""


@dataclass(frozen=True, slots=True)
class Score:
    """A window's score in units of its alarm limit."""

    span: Span
    """That of the window, whose quality says whether it could be judged."""
    value: float | None
    """High means unusual; 1.0 is the alarm limit, 0.0 the median of normal sound. None: not judged."""
    expected_per_day: float | None
    """False alarms a day that a limit at this value would raise; capped at the windows a day."""
    raw: float | None
    """The model's own score."""
    profile: Float32 | None
    """Shape (frames,), mean error of each frame over the mel bands."""
    bundle_id: str | None
    """The bundle that judges this source, also when the window was not judged; None: none is live yet."""
    engine: str | None = None
    """The library that answered, with version, place and precision; None: not judged."""
