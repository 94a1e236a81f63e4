"""What makes a candidate better: rules that a bundle which learned faults as normal cannot pass.

Each rule gives at most one ground. Fewer alarms are never enough: a deaf bundle has the fewest. What speaks
against a candidate is held against it by an ordinary test, asked as often as one likes; what speaks for it
must be evidence that stays right however often it is asked (`chance.evidence`).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from monitor.promotion import chance
from monitor.promotion.records import Comparison, Figure, Ground, Outcome, Pairs, Verdict
from monitor.promotion.sentences import said

ENOUGH_EVIDENCE = 20.0
"""By this factor the cases must speak for the candidate: wrong in one of twenty candidates at the most."""
CHANCE = 0.05
"""What chance does more rarely than this is held against a candidate."""
LOST_SHARE = 0.3
"""With 95 % no more than this share of what the live one finds may be missed, if anything is."""

RATE_COUNT = 3
"""Fewer false alarms are no rate: one in the first hour would be 168 a week."""
DEAF_SHARE = 0.1
"""Of the foreign sounds that the live one hears so many may be missed: good bundles differ at the limit."""
SKIPPED_SHARE = 0.2
"""Of the windows so many may the candidate not be given: what it is deaf to may lie in those."""


@dataclass(frozen=True, slots=True)
class Asked:
    """How much must be known before a candidate can be better."""

    hours: float
    """Of sound that both have judged beside each other (bundles.promotion_hours)."""
    anomalies: int
    """Held-out labelled anomalies (bundles.promotion_anomalies)."""


def verdict(compared: Comparison, asked: Asked) -> Verdict:
    """Return what follows of a comparison.

    One ground against the candidate is enough for `not_better`, however little else is known, unless it rests
    on alarms that nobody has listened to; then comes what is not known yet; then whether it is better in
    anything at all.
    """
    against, unheard = tuple(_against(compared)), tuple(_unheard(compared))
    if against and any(_against(_without_unheard(compared))):
        # second, so that it stands beside the figures of the control where only a few reasons are told
        return _verdict("not_better", (against[0], *_cut_short(compared), *against[1:], *unheard))
    early = (*against, *(unheard if against else ()), *_early(compared, asked))
    if early:
        return _verdict("too_early", early)
    gains = tuple(_gains(compared))
    if not gains:
        return _verdict("not_better", (_as_good(compared), *_standing(compared)))
    return _verdict("better", (*gains, *_standing(compared)))


def _verdict(outcome: Outcome, grounds: tuple[Ground, ...]) -> Verdict:
    return Verdict(outcome, grounds, tuple(said(ground) for ground in grounds))


def _against(compared: Comparison) -> Iterator[Ground]:
    if _loses(compared.anomalies):
        yield _lost(compared.anomalies)
    false = compared.false_alarms
    uneven = chance.by_chance(false.candidate_only, false.live_only)
    if uneven <= CHANCE:
        yield Ground(
            "more_false",
            {"candidate": false.candidate_only, "live": false.live_only, "chance": 100.0 * uneven},
        )
    by_promise = chance.at_rate(false.candidate, compared.budget_per_week, compared.hours)
    many = false.candidate >= RATE_COUNT and false.candidate_only > false.live_only
    if by_promise <= CHANCE and many:
        figures = {**_rate(compared), "count": false.candidate, "chance": 100.0 * by_promise}
        yield Ground("promise", figures)
    heard = heard_foreign(compared)
    missed = heard.live_only - heard.candidate_only
    if missed > DEAF_SHARE * heard.live and chance.by_chance(heard.live_only, heard.candidate_only) <= CHANCE:
        yield Ground("deaf", {"live": heard.live, "lost": heard.live_only, "gained": heard.candidate_only})


def _without_unheard(compared: Comparison) -> Comparison:
    """Return the comparison as if nobody had raised what only the candidate did and nobody labelled."""
    false = compared.false_alarms
    heard_only = false.candidate_only - compared.unlabelled_candidate_only
    return replace(compared, false_alarms=replace(false, candidate_only=heard_only))


def _unheard(compared: Comparison) -> Iterator[Ground]:
    if compared.unlabelled_candidate_only:
        count, source = compared.unlabelled_candidate_only, compared.source_id
        total = compared.false_alarms.candidate_only
        yield Ground("unheard", {"count": count, "total": total, "source": source})


def _early(compared: Comparison, asked: Asked) -> Iterator[Ground]:
    if compared.hours < asked.hours:
        yield Ground("hours", {"hours": _short_of(compared.hours, asked.hours), "needed": asked.hours})
    if compared.skipped_share > SKIPPED_SHARE:
        yield Ground("skipped", {"share": 100.0 * compared.skipped_share, "most": 100.0 * SKIPPED_SHARE})
    anomalies = compared.anomalies
    if anomalies.cases == 0:
        yield Ground("no_anomalies")
    elif anomalies.cases < asked.anomalies:
        yield Ground("anomalies", {"cases": anomalies.cases, "needed": asked.anomalies})
    elif anomalies.live < asked.anomalies and _is_only_quieter(compared):
        figures = {"live": anomalies.live, "cases": anomalies.cases, "needed": asked.anomalies}
        yield Ground("few_found", figures)
    yield from _perhaps_missed(compared)
    if compared.left_out.waiting:
        yield Ground("waiting", {"count": compared.left_out.waiting})
    yield from _little_control(compared)


def _little_control(compared: Comparison) -> Iterator[Ground]:
    """Yield why foreign sounds are no control."""
    if compared.probes_waiting:
        yield from _cut_short(compared)
    elif compared.left_out.waiting:  # what is scored first is not done yet
        return
    elif not compared.probes:
        yield Ground("no_probe")
    elif heard_foreign(compared).live == 0 and _is_only_quieter(compared):
        yield Ground("no_control", {"cases": heard_foreign(compared).cases})


def _cut_short(compared: Comparison) -> Iterator[Ground]:
    """Yield that foreign sounds are a control only in part yet, whatever else is said of them."""
    if compared.probes_waiting:
        yield Ground("waiting_foreign", {"tried": compared.probes_tried, "asked": compared.probes_asked})


def _perhaps_missed(compared: Comparison) -> Iterator[Ground]:
    if compared.unlabelled_live_only:
        yield Ground("unlabelled", {"count": compared.unlabelled_live_only})
    if compared.unlabelled_skipped:
        yield Ground("unlabelled_skipped", {"count": compared.unlabelled_skipped})


def _is_only_quieter(compared: Comparison) -> bool:
    """Say whether it is better in fewer false alarms alone: a deaf one is that, beside a deaf live one."""
    anomalies, false = compared.anomalies, compared.false_alarms
    finds_more = chance.evidence(anomalies.candidate_only, anomalies.live_only) >= ENOUGH_EVIDENCE
    return not finds_more and chance.evidence(compared.spared, false.candidate_only) >= ENOUGH_EVIDENCE


def _gains(compared: Comparison) -> Iterator[Ground]:
    anomalies, false = compared.anomalies, compared.false_alarms
    factor = chance.evidence(anomalies.candidate_only, anomalies.live_only)
    if factor >= ENOUGH_EVIDENCE:
        yield Ground(
            "finds_more",
            {"gained": anomalies.candidate_only, "lost": anomalies.live_only, "factor": factor},
        )
    factor = chance.evidence(compared.spared, false.candidate_only)
    if factor >= ENOUGH_EVIDENCE:
        yield Ground(
            "fewer_false",
            {
                "candidate": false.candidate_only,
                "live": compared.spared,
                "hours": round(compared.hours, 1),
                "factor": factor,
            },
        )


def _as_good(compared: Comparison) -> Ground:
    anomalies, false = compared.anomalies, compared.false_alarms
    gained, spared = anomalies.candidate_only - anomalies.live_only, compared.spared - false.candidate_only
    if spared < 0:
        return Ground("as_good_louder", {"gained": gained, "raised": -spared})
    return Ground("as_good", {"gained": gained, "spared": spared})


def _standing(compared: Comparison) -> Iterator[Ground]:
    """Yield what does not speak against it, with its figures."""
    anomalies, false, heard = compared.anomalies, compared.false_alarms, heard_foreign(compared)
    if anomalies.live_only:
        yield _lost(anomalies)
    else:
        most = 100.0 * chance.share_at_most(0, anomalies.live)
        yield Ground("none_lost", {"live": anomalies.live, "most": most})
    yield Ground("within", {**_rate(compared), "candidate": false.candidate, "live": false.live})
    yield Ground("hears", {"live": heard.live, "both": heard.both, "gained": heard.candidate_only})


def _short_of(hours: float, needed: float) -> float:
    """Return hours that are less than what is needed so that they read so: to three digits, rounded down."""
    parts = 1 if needed >= 100.0 else 10 if needed >= 1.0 else 1000
    return math.floor(hours * parts) / parts


def _loses(anomalies: Pairs) -> bool:
    """Say whether more of what is found now is missed than can be put down to chance.

    With few labels a test of "missed more often" finds nothing at all; so it is asked how much may be missed.
    """
    if anomalies.live_only == 0:
        return False
    most = chance.share_at_most(anomalies.live_only, anomalies.live)
    return anomalies.live_only > anomalies.candidate_only or most > LOST_SHARE


def _lost(anomalies: Pairs) -> Ground:
    most = 100.0 * chance.share_at_most(anomalies.live_only, anomalies.live)
    figures: dict[str, Figure] = {"live": anomalies.live, "lost": anomalies.live_only}
    return Ground("lost", {**figures, "gained": anomalies.candidate_only, "most": most})


def _rate(compared: Comparison) -> dict[str, Figure]:
    low, high = chance.per_week_interval(compared.false_alarms.candidate, compared.hours)
    return {
        "hours": round(compared.hours, 1),
        "low": round(low, 2),
        "high": round(high, 2) if math.isfinite(high) else high,
        "budget": compared.budget_per_week,
    }


def heard_foreign(compared: Comparison) -> Pairs:
    """Return all foreign sounds together."""
    return functools.reduce(Pairs.joined, (probe.heard for probe in compared.probes), Pairs())
