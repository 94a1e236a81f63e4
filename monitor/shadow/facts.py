"""What is told of a shadow run: in status, health, MQTT, metrics and by the doctor alike."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


class ShadowState(str, enum.Enum):
    """How a candidate is getting on."""

    WAITING = "waiting"
    """It is not asked yet: it is being opened, or others have their turn (shadow.max_engines)."""
    JUDGING = "judging"
    """It judges beside the live bundle."""
    SET_ASIDE = "set_aside"
    """It is not asked any more: it was refused, fails, hangs, or ended the process."""


@dataclass(frozen=True, slots=True)
class ShadowFacts:
    """What is known of a source's candidate."""

    candidate: str
    """The version of its library."""
    state: ShadowState
    """How it is getting on."""
    reason: str = ""
    """Why it waits or was set aside, for a person; empty: it judges."""
    bundle_id: str | None = None
    """Its bundle; None: it could not be opened yet."""
    began_utc_s: float | None = None
    """When the first window was heard that both have judged and that counts; None: there is none yet. Other
    limits or delays begin the evidence anew."""
    judged_windows: int = 0
    """Windows that it was given beside the live bundle that judges now, since then, restarts included."""
    skipped_windows: int = 0
    """Windows that it was not given: the CPU was for the live bundles (shadow.cpu_share)."""
    heard_s: float = 0.0
    """Seconds of sound in the judged windows."""
    disputes: int = 0
    """Times that one alarmed and the other did not, since the run began."""
    cpu_s: float = 0.0
    """Seconds of a core that it has taken since this process began."""
    lost_windows: int = 0
    """Judged windows that the store did not take, since this process began."""
    verdict: Literal["better", "not_better", "too_early"] | None = None
    """`better`, `not_better` or `too_early`, where the policy asked; None: nobody has asked yet."""
    verdict_reasons: tuple[str, ...] = ()
    """Why, in sentences."""

    @property
    def skipped_share(self) -> float:
        """Of all windows since the run began the share that it was not given."""
        return self.skipped_windows / max(1, self.judged_windows + self.skipped_windows)

    @property
    def line(self) -> str:
        """All of it in one line, for a person."""
        if self.state is not ShadowState.JUDGING:
            words = f"candidate {self.candidate} {self.state.value.replace('_', ' ')}: {self.reason}"
        else:
            words = (
                f"candidate {self.candidate} has judged {hours(self.heard_s)} beside the live bundle, "
                f"{self.skipped_share:.1%} of windows skipped, {self.disputes} disputes"
            )
        if self.verdict is None:
            return words
        return f"{words}; {self.verdict.replace('_', ' ')}: {'; '.join(self.verdict_reasons)}"


def facts_from_tree(tree: Mapping[str, Any]) -> ShadowFacts:
    """Return what status.json says of a candidate."""
    reasons = tuple(tree["verdict_reasons"])
    return ShadowFacts(**{**tree, "state": ShadowState(tree["state"]), "verdict_reasons": reasons})


def hours(seconds: float) -> str:
    """Return a stretch of time as minutes below two hours, else as hours."""
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
