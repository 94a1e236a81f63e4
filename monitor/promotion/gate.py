"""Whether a candidate may be promoted: one gate for the daemon, the terminal, the page and the policy."""

from __future__ import annotations

from collections.abc import Callable

from engines.errors import CodedError
from monitor.bundles.library import Library
from monitor.config import Config
from monitor.errors import CommandError
from monitor.promotion.apart import Told, judged_apart
from monitor.promotion.comparison import judged
from monitor.promotion.sentences import OUTCOMES, worded_ground
from monitor.store import Store
from monitor.worded import Worded, worded, wording_of

PATIENCE_S = 30.0
"""So long kept sound is scored while somebody waits for a promotion; what is left counts as not known."""
ANSWERED_WITHIN_S = 120.0
"""On a box with little time to spare; then it counts as not compared."""
TOLD = 3
"""So many reasons are told with an answer; `wheeltapper compare` has all."""


Judge = Callable[[Config, str], Told]
"""Compares the candidate of a source with its live bundle; a CodedError says why it cannot."""


def judged_here(config: Config, source_id: str, *, store: Store | None = None) -> Told:
    """Compare in this process: for a terminal, where no daemon runs. Raises as comparison.judged."""
    _, verdict = judged(config, source_id, store=store, patience_s=PATIENCE_S)
    return Told(verdict.outcome, tuple(worded_ground(ground) for ground in verdict.grounds))


def judged_elsewhere(config: Config, source_id: str) -> Told:
    """Compare in a process of its own: for a daemon, whose windows wait for nobody. Raises as judged_apart.

    It stands back behind nobody, for somebody waits for the answer.
    """
    return judged_apart(config, source_id, patience_s=PATIENCE_S, within_s=ANSWERED_WITHIN_S, nice=0)


def check_promotion(
    config: Config,
    source_id: str,
    *,
    despite: str | None = None,
    by_policy: bool = False,
    judge: Judge = judged_here,
) -> str:
    """Return how the candidate compares, in words for the answer; takes seconds, for sound is scored.

    Where nothing is live there is nothing to compare with. `despite` is why it is promoted although it is not
    better; under `manual` nobody is asked for that. `by_policy`: nobody asked but the policy, which promotes
    nothing under `manual`. `judge` says how it compares.

    Raises:
        CommandError: bundles.promotion is managed, the candidate is not better, and nobody said why it is to
            be promoted all the same; or the policy asks, and it is manual by now.
        LibraryError: The versions cannot be read.
    """
    if by_policy and config.bundles.promotion != "managed":
        raise CommandError(
            worded(
                "promotion-is-manual",
                "bundles.promotion is manual by now: nothing is promoted but by a person",
            )
        )
    roles = Library(config.state_dir, source_id).roles()
    if roles.live is None or roles.candidate is None:
        return ""
    try:
        told = judge(config, source_id)
    except CodedError as error:
        is_better, words = False, not_compared(error)
    else:
        is_better, words = told.outcome == "better", in_words(told)
    if is_better or config.bundles.promotion == "manual":
        return words
    if despite is None:
        raise CommandError(
            worded(
                "not-better",
                "{found}; bundles.promotion is managed, so that it is promoted only by somebody who says "
                'why: wheeltapper promote {source} --despite "..." (command promote, key despite)',
                found=words,
                source=source_id,
            )
        )
    return f"promoted despite this, {despite!r}: {words}"


def noted(note: str | None, despite: str | None, *, what: str = "the comparison") -> str | None:
    """Return the note that goes on record with a change; None: nobody said anything.

    `what` speaks against the change, and is passed over by `despite`.
    """
    said = [text for text in (note, None if despite is None else f"despite {what}: {despite}") if text]
    return "; ".join(said) or None


def in_words(told: Told) -> Worded:
    """Return a verdict and its first reasons as one line, for an answer."""
    outcome = worded(told.outcome.replace("_", "-"), OUTCOMES[told.outcome])
    reasons = [*told.reasons[:TOLD]]
    more = len(told.reasons) - TOLD
    if more > 0:
        reasons.append(worded("more-reasons", "and {count} more reasons", count=more))
    return worded("verdict", "{outcome}: {reasons}", outcome=outcome, reasons=reasons)


def not_compared(error: CodedError) -> Worded:
    """Return why there is no verdict."""
    return worded("not-compared", "it could not be compared: {why}", why=wording_of(error))
