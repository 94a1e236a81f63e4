"""What an event sounded like, as values: which kind of sound, when, in which band, by how many dB.

    LogMel + Inference -> Finding -> Explanation      (monitor.describe makes them)

Like monitor.messages these flow between the stages, and hold no words: a sentence is made of them where a
person reads it (monitor.describe.sentence), in that person's language.
"""

from __future__ import annotations

import enum
import math
import numbers
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields


class SoundKind(str, enum.Enum):
    """What a person would call what was heard. The value names it on every topic and in the store."""

    KNOCK = "knock"
    """One or a few short broadband sounds."""
    RHYTHM = "rhythm"
    """Sounds that repeat at even intervals: `period_s` says which."""
    TONE = "tone"
    """A whine, whistle or hum: narrow in frequency, and lasting."""
    HISS = "hiss"
    """A broadband rise that lasts: leaking air, cavitation, friction."""
    LEVEL_RISE = "level_rise"
    """The machine's whole spectrum is louder."""
    LEVEL_DROP = "level_drop"
    """The machine's whole spectrum is softer."""
    MISSING = "missing"
    """A part of the usual spectrum is gone."""
    DROPOUT = "dropout"
    """The sound itself breaks off and comes back."""
    CLIPPING = "clipping"
    """The input is driven beyond full scale."""
    OTHER = "other"
    """Unusual to the model, and none of these."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was wrong with a stretch of sound."""

    kind: SoundKind
    """What it would be called."""
    low_hz: float
    """Lower edge of the band in which it is strongest."""
    high_hz: float
    """Upper edge of that band."""
    start_utc_s: float
    """Where it was first heard."""
    end_utc_s: float
    """Where it was last heard."""
    change_db: float
    """Power in the band while it sounds, against normal sound there; negative: softer."""
    period_s: float | None = None
    """From one repetition to the next; None: nothing repeats evenly."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is known of an event so far; grows with it."""

    findings: tuple[Finding, ...]
    """Most telling first, at most three, no two of a kind that overlap in band; never empty."""
    start_utc_s: float
    """Start of the first window it was made from."""
    end_utc_s: float
    """End of the last one."""
    windows: int
    """Windows of the event so far: flagged ones, and those that could not be judged."""


def tree_from_explanation(explanation: Explanation) -> dict[str, object]:
    """Return what an explanation says as JSON-able values: the one form in which it is kept and sent on."""
    findings = [
        {**asdict(finding), "kind": SoundKind(finding.kind).value} for finding in explanation.findings
    ]
    return {**asdict(explanation), "findings": findings}


def explanation_from_tree(tree: Mapping[str, object]) -> Explanation:
    """Return the explanation that `tree_from_explanation` wrote; keys that it does not know are left out.

    Raises:
        ValueError: Something is missing, of another type, not finite, or a kind that is not known here.
    """
    findings = tree.get("findings") if isinstance(tree, Mapping) else None
    if not isinstance(findings, (list, tuple)) or not findings:
        raise ValueError(f"an explanation needs a list of findings, not {findings!r}")
    return Explanation(
        findings=tuple(_finding_from_tree(finding) for finding in findings),
        start_utc_s=_number(tree, "start_utc_s"),
        end_utc_s=_number(tree, "end_utc_s"),
        windows=int(_number(tree, "windows")),
    )


def _finding_from_tree(tree: object) -> Finding:
    if not isinstance(tree, Mapping):
        raise ValueError(f"a finding has keys and values, not {tree!r}")  # noqa: TRY004 - told as one error
    numbers = {
        field.name: _number(tree, field.name)
        for field in fields(Finding)
        if field.name not in {"kind", "period_s"}
    }
    period_s = None if tree.get("period_s") is None else _number(tree, "period_s")
    return Finding(kind=SoundKind(tree.get("kind")), period_s=period_s, **numbers)


def _number(tree: Mapping[str, object], key: str) -> float:
    value = tree.get(key)
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not math.isfinite(value):
        raise ValueError(f"{key} of an explanation must be a finite number, not {value!r}")
    return float(value)
