"""Puts together what is told of a daemon's candidates."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from monitor.shadow.facts import ShadowFacts, ShadowState
from monitor.shadow.policy import Found
from monitor.shadow.team import Member, Team
from monitor.store.shadow import ShadowRun


def facts_of_team(team: Team, of_member: Callable[[str, Member], ShadowFacts]) -> Mapping[str, ShadowFacts]:
    """Return what is known of each source's candidate; `of_member`: of one that judges."""
    facts = {source_id: of_member(source_id, one) for source_id, one in team.members.items()}
    for source_id, (wanted, reason) in team.aside.items():
        facts[source_id] = ShadowFacts(wanted.version, ShadowState.SET_ASIDE, reason)
    for source_id, wanted in team.waiting.items():
        reason = f"it is to be opened; {len(team.members)} others judge (shadow.max_engines)"
        facts.setdefault(source_id, ShadowFacts(wanted.version, ShadowState.WAITING, reason))
    return facts


def facts_of_member(
    member: Member, *, run: ShadowRun | None, found: Found | None, cpu_s: float, lost_windows: int
) -> ShadowFacts:
    """Return what is known of a candidate that judges; `run` None: it has not begun."""
    candidate = member.watch.candidate
    return ShadowFacts(
        candidate=candidate.version,
        state=ShadowState.JUDGING,
        bundle_id=candidate.ear.bundle.bundle_id,
        began_utc_s=None if run is None else run.counts_from_utc_s or run.began_utc_s,
        judged_windows=0 if run is None else run.judged_windows,
        skipped_windows=0 if run is None else run.skipped_windows,
        heard_s=0.0 if run is None else 3600.0 * run.heard_hours,
        disputes=0 if run is None else run.disputes,
        cpu_s=cpu_s,
        lost_windows=lost_windows,
        verdict=None if found is None else found.outcome,
        verdict_reasons=() if found is None else found.reasons,
    )
