"""What a pruning did and what it could not do: for the log, for health, and for a person in one line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

LOCKED, NEWEST, FAILED = "locked", "newest", "not_removable"
"""Why bytes stay although their room is needed: keys of `staying_bytes`."""
FAILURES_TOLD = 20


@dataclass(slots=True)
class RetentionReport:
    """What one pruning removed, and why not more."""

    removed_for_age: int = 0
    """Files."""
    removed_for_space: int = 0
    """Files."""
    removed_bytes: int = 0
    """Of the files removed for either reason."""
    removed_audit: int = 0
    """Entries of the record of commands."""
    removed_transitions: int = 0
    """Changes of alarms that belonged to no event."""
    removed_scores: int = 0
    """Thinned scores that waited for a broker, given up because the disk was nearly full."""
    removed_shadow: int = 0
    """Windows of what candidates said beside live bundles."""
    removed_aside: list[str] = field(default_factory=list)
    """Stores that had been set aside, and copies of older ones: by name."""
    kept_bytes: int = 0
    """Clips and maps that are still there."""
    free_bytes: int = 0
    """What may still be written to the disk, after the pruning."""
    short_bytes: int = 0
    """How much more would have to go; 0: every bound holds."""
    in_vain: bool = False
    """Whether files were removed for the floor and the disk did not get their bytes back."""
    staying_bytes: dict[str, int] = field(default_factory=dict)
    """What may not or cannot go, by why: LOCKED, NEWEST, FAILED; of no bytes no entry."""
    failed_files: int = 0
    """Files that could not be removed."""
    failures: dict[str, str] = field(default_factory=dict)
    """The first FAILURES_TOLD of them: path relative to the state directory, and the reason."""
    notes: list[str] = field(default_factory=list)
    """Sentences for a person about what should have been done and was not."""

    @property
    def line(self) -> str:
        """All of it in one line."""
        removed = [
            f"{count} {what}"
            for count, what in (
                (self.removed_for_age, "files for age"),
                (self.removed_for_space, "files for space"),
                (self.removed_scores, "waiting scores"),
                (self.removed_audit, "audit entries"),
                (self.removed_transitions, "changes without an event"),
                (self.removed_shadow, "windows of candidates"),
                (len(self.removed_aside), "old stores set aside"),
            )
            if count
        ]
        said = (
            f"removed {', '.join(removed)} ({_megabytes(self.removed_bytes)})"
            if removed
            else "removed nothing"
        )
        return "; ".join([f"{said}, {_megabytes(self.kept_bytes)} of clips and maps are kept", *self.notes])


@dataclass(frozen=True, slots=True)
class RetentionFacts:
    """How retention is getting on, for health."""

    line: str = "has not pruned yet"
    """What the last pruning did, and why not more, for a person."""
    short_bytes: int = 0
    """How much more should have gone and could not; 0: every bound held."""
    staying_bytes: Mapping[str, int] = field(default_factory=dict)
    """What may not or cannot go, by why, after the last pruning."""
    removed_files: Mapping[str, int] = field(default_factory=dict)
    """Clips and maps removed since the start, by why: age, space."""
    removed_bytes: int = 0
    """Of them."""
    reserve_bytes: int = 0
    """What is held back on the disk for alarms; 0: it was given up for them, or there was no room for it."""


def why_short(report: RetentionReport, *, locked: int, min_events_per_source: int) -> str:
    """Say what stands in the way of removing more, for a person; `locked`: events."""
    staying = report.staying_bytes
    parts = []
    if report.in_vain:
        parts.append(
            "what was removed did not make the disk any freer (a snapshot, or a program that has it open, "
            "keeps it), so that no more is removed for an hour"
        )
    if LOCKED in staying:
        parts.append(f"{_megabytes(staying[LOCKED])} in {locked} locked events")
    if NEWEST in staying:
        parts.append(
            f"{_megabytes(staying[NEWEST])} in the newest {min_events_per_source} events of each source "
            "(store.min_events_per_source)"
        )
    if report.failed_files:
        reason = next(iter(report.failures.values()))
        parts.append(f"{report.failed_files} files cannot be removed ({reason})")
    return ", ".join(parts) or "no clips and maps are left that could go"


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.1f} MB"
