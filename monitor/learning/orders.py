"""What a command `learn` makes of the plan of a source: pure, and refused where it makes no sense."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from monitor.errors import CommandError
from monitor.learning.documents import Found
from monitor.learning.judging import judged
from monitor.learning.plan import RECORDING, Plan, Step
from monitor.publish.commands import Command
from monitor.worded import Worded, worded

LEAST_MINUTES = 20
"""Of it 30 % set the limit, give or take half a file, for which 300 windows are the least
(monitor.learning.steps)."""

STANDS: Mapping[Step, Worded] = {
    Step.CHECK: worded("step-check", "check"),
    Step.RECORD: worded("step-record", "record"),
    Step.LOOK: worded("step-look", "look"),
    Step.LISTEN: worded("step-listen", "listen"),
    Step.LEARN: worded("step-learn", "learn"),
    Step.PACK: worded("step-pack", "pack"),
    Step.PACKED: worded("step-packed", "packed"),
    Step.DONE: worded("step-done", "done"),
}
"""A step by its value, as refusals name it."""
Change = Callable[[Plan, Command, Found | None], tuple[Plan, str]]
"""The plan, the command and what was found in; the plan afterwards and what was done, in words, out."""


def why_too_few(hours: float) -> Worded | None:
    """Return why so many hours need not be recorded, to be read behind the name of a key; None: they may."""
    if round(60 * hours, 1) >= LEAST_MINUTES:
        return None
    return worded(
        "too-few-hours",
        "{hours}: {minutes} minutes are too little to set a limit by; {least} are the least, {least_h} h, "
        "and hours for a limit to trust",
        hours=hours,
        minutes=f"{60 * hours:.1f}",
        least=LEAST_MINUTES,
        least_h=math.ceil(LEAST_MINUTES / 0.6) / 100,
    )


def started(plan: Plan | None, source_id: str, command: Command, now_utc_s: float) -> tuple[Plan, str]:
    """Return the plan of a source of which normal sound is to be recorded.

    Raises:
        CommandError: It is going on already, or no hours are given.
    """
    if command.hours is None:
        raise CommandError(
            worded(
                "learn-needs-hours",
                "learn start needs hours: how much normal sound is to be recorded in all",
            )
        )
    if (why := why_too_few(command.hours)) is not None:
        raise CommandError(worded("learn-hours", "learn start: hours {why}", why=why))
    if plan is not None and (plan.is_active or plan.paused):
        raise CommandError(
            worded(
                "learn-started-already",
                "{who} has started it already, and it stands at {step}; cancel it",
                who=plan.by,
                step=STANDS[plan.step],
            )
        )
    begun = Plan(
        source=source_id,
        step=Step.CHECK,
        hours=command.hours,
        by=command.actor,
        started_utc_s=now_utc_s,
        unattended=command.unattended,
        kept=() if plan is None else plan.kept,
        judged=() if plan is None else plan.judged,
    )
    return begun, f"{command.hours:g} h of normal sound are to be recorded, after a look at the microphone"


def _pause(plan: Plan, _command: Command, _found: Found | None) -> tuple[Plan, str]:
    if not plan.is_active:
        raise CommandError(
            worded(
                "nothing-to-pause",
                "nothing goes on that could be paused: it stands at {step}",
                step=STANDS[plan.step],
            )
        )
    return plan.model_copy(update={"paused": True}), f"paused at {plan.step.value}"


def _resume(plan: Plan, _command: Command, _found: Found | None) -> tuple[Plan, str]:
    if not plan.paused and plan.trouble is None:
        raise CommandError(
            worded("nothing-paused", "nothing is paused: it stands at {step}", step=STANDS[plan.step])
        )
    return plan.model_copy(update={"paused": False, "trouble": None}), f"goes on with {plan.step.value}"


def _go_on(plan: Plan, _command: Command, found: Found | None) -> tuple[Plan, str]:
    """Take the next step although a person might have wanted to look first."""
    if plan.step is Step.CHECK and plan.trouble is not None:
        update: dict[str, object] = {"step": Step.RECORD, "anyway": True, "trouble": None}
        return plan.model_copy(update=update), "records although the microphone was found useless"
    if plan.step not in {Step.LISTEN, Step.DONE, Step.PACKED} or found is None:
        raise CommandError(
            worded(
                "nothing-to-go-on-with",
                "there is nothing to go on with: it stands at {step}",
                step=STANDS[plan.step],
            )
        )
    aside = len(found.stretches) - len(set(plan.kept) & {one.id for one in found.stretches})
    update = {"step": Step.LEARN, "paused": False, "trouble": None}
    return plan.model_copy(update=update), f"learns, without {aside} stretches that are set aside"


def _stretch_of(plan: Plan, command: Command, found: Found | None) -> str:
    if found is None or plan.step in RECORDING | {Step.LOOK}:
        raise CommandError(
            worded("nothing-found-yet", "nothing was found yet that could be kept or set aside")
        )
    if plan.is_active:
        raise CommandError(
            worded(
                "decided-already",
                "it is at {step} with what was decided; pause or wait, then decide anew",
                step=STANDS[plan.step],
            )
        )
    if command.stretch not in {one.id for one in found.stretches}:
        raise CommandError(
            worded(
                "unknown-stretch",
                "learn {what} needs stretch: the id of one that was found",
                what=str(command.learn),
            )
        )
    return str(command.stretch)


CHANGES: Mapping[str, Change] = {
    "pause": _pause,
    "resume": _resume,
    "go_on": _go_on,
}
"""What is asked -> what it makes of a plan; `start`, `cancel` and `discard` are about the plan as a whole,
`keep` and `set_aside` about a stretch."""


def changed(plan: Plan | None, command: Command, found: Found | None, now_utc_s: float) -> tuple[Plan, str]:
    """Return the plan after a command, and what was done.

    Raises:
        CommandError: It makes no sense now: nothing has changed.
    """
    if plan is None:
        raise CommandError(
            worded("nothing-to-change", "nothing is being learned of this source; learn start begins it")
        )
    if command.learn in {"keep", "set_aside"}:
        return judged(plan, _stretch_of(plan, command, found), command, now_utc_s)
    return CHANGES[str(command.learn)](plan, command, found)
