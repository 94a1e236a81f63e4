"""Odd stretches judged by people: who said what of which, and that nobody overrules another unseen."""

from __future__ import annotations

from monitor.errors import CommandError
from monitor.learning.plan import Plan, StretchJudgement
from monitor.publish.commands import SEEN_NOBODY, Command
from monitor.worded import Worded, worded

IS_NORMAL = worded("stretch-is-normal", "is normal")
IS_SET_ASIDE = worded("stretch-is-set-aside", "is set aside")


def judged(plan: Plan, stretch: str, command: Command, now_utc_s: float) -> tuple[Plan, str]:
    """Return the plan after somebody has said that a stretch is normal, or is set aside; and what was done.

    `command.seen` is the judgement that whoever asks has seen; without it nothing was looked at, and whose
    word is overruled is told with the answer.

    Raises:
        CommandError: Somebody else has said the contrary meanwhile: nothing has changed.
    """
    keep, before = command.learn == "keep", plan.judgement_of(stretch)
    says = _says(keep=keep)
    told = f"{stretch} {says}"
    if before is not None and before.by != command.actor:
        # a command may be called `nobody`, too: whoever has seen that nobody judged has not seen that one
        is_unseen = command.seen == SEEN_NOBODY or command.seen not in {None, before.id}
        if before.kept is keep:
            return plan, f"{told}, as {before.by} has said"
        if is_unseen:
            raise CommandError(
                worded(
                    "judged-meanwhile",
                    "{who} has judged it meanwhile: it {says}. Hear it again, then say so once more",
                    who=before.by,
                    says=_says(keep=before.kept),
                )
            )
        told += f"; {before.by} had said that it {_says(keep=before.kept)}"
    said = StretchJudgement(stretch=stretch, kept=keep, by=command.actor, at_utc_s=now_utc_s, id=command.id)
    others = tuple(one for one in plan.judged if one.stretch != stretch)
    kept = tuple(one for one in plan.kept if one != stretch)
    update: dict[str, object] = {"judged": (*others, said), "kept": (*kept, stretch) if keep else kept}
    return plan.model_copy(update=update), told


def seen_of(said: StretchJudgement | None) -> str:
    """Return what a command says that has seen this judgement, or that there was none."""
    return SEEN_NOBODY if said is None else said.id


def _says(*, keep: bool) -> Worded:
    return IS_NORMAL if keep else IS_SET_ASIDE
