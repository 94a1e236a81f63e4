"""Tells at a terminal how far the daemon's learning is, from the files that it keeps."""

from __future__ import annotations

from pathlib import Path

from monitor.learning.documents import Progress, WorkNow, read_found, read_outcome, read_progress
from monitor.learning.plan import Step, learn_place, read_plan


def lines_of_status(state_dir: Path, source_id: str) -> list[str]:
    """Return where a source stands, for a person."""
    place = learn_place(state_dir, source_id)
    plan, progress = read_plan(place), read_progress(place)
    if plan is None:
        return [f"{source_id}: nothing is being learned by the daemon"]
    how = (
        "stopped"
        if plan.trouble
        else "paused"
        if plan.paused
        else "going on"
        if plan.is_active
        else "waiting"
    )
    lines = [f"{'step':10} {plan.step.value}, {how}; started by {plan.by}"]
    if progress is not None and progress.step is plan.step:
        lines += _lines_of_progress(progress)
    if plan.trouble is not None:
        lines.append(f"{'trouble':10} {plan.trouble}")
    found, outcome = read_found(place), read_outcome(place)
    if found is not None:
        hear = ": hear them on the page" if plan.step is Step.LISTEN else ""
        lines.append(f"{'odd':10} {len(found.stretches)} stretches, {len(plan.kept)} kept{hear}")
    if outcome is not None:
        lines.append(f"{'candidate':10} {outcome.version or f'waits for a signature: {outcome.folder}'}")
    return lines


def _lines_of_progress(progress: Progress) -> list[str]:
    lines = []
    if progress.recording is not None:
        done, wanted = progress.recording.done_s / 3600, progress.recording.wanted_s / 3600
        lines.append(f"{'recorded':10} {done:.2f} h of {wanted:.2f} h")
    if progress.work is not None:
        left = "" if progress.work.left_s is None else f", about {progress.work.left_s / 60:.0f} min left"
        lines.append(f"{'done':10} {_done(progress.step, progress.work)}{left}")
    if progress.waits:
        lines.append(f"{'waits':10} {progress.waits}")
    return lines


def _done(step: Step, work: WorkNow) -> str:
    if step is Step.LOOK:
        return f"{work.done / 60:.0f} of {work.of / 60:.0f} min looked through"
    if work.done >= work.of:
        return f"all {work.of} passes; the limit is set now"
    return f"{work.done} of {work.of} passes"
