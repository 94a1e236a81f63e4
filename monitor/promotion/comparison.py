"""`judged`: all evidence there is of a candidate beside the live bundle, and the verdict.

Any process may ask that can read the store and the library. It opens both bundles only where sound has to be
scored again, takes CPU time for that, and remembers what it scored.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import replace

from monitor.alarm import AlarmSnapshot
from monitor.config import AlarmConfig, Config
from monitor.promotion.again import Hearing, RaisedBy
from monitor.promotion.disagreements import disagreements
from monitor.promotion.document import keep_comparison
from monitor.promotion.faults import Answered, cases
from monitor.promotion.labelled import Labelled, Listened, Stretch, listened, unlabelled_events
from monitor.promotion.listener import Listener, Patience
from monitor.promotion.pairing import Lasting, Said, Stretches, beginning, sort_alarms
from monitor.promotion.records import Comparison, Disagreement, Ground, Pairs, Probe, Verdict
from monitor.promotion.rehearsed import Alarmed, rules_of
from monitor.promotion.rules import Asked, verdict
from monitor.promotion.shadowed import NOTHING, Shadowed, shadowed
from monitor.promotion.sides import Sides, sides_of
from monitor.store import Store, open_store
from monitor.store.dispute_labels import dispute_number
from monitor.store.shadow import RunKey, ShadowRun, shadow_runs, shadow_windows
from monitor.store.shadow_clips import disputes_of, labelled_disputes
from monitor.store.shadow_past import past_of

__all__ = ["Comparison", "Disagreement", "Ground", "Pairs", "Probe", "Verdict", "judged"]

COVERED_SHARE = 0.5
"""An event counts as judged by both beside each other if so much of its beginning was."""
READ_AGAIN = 3
"""Times that a run is read while rows of it go."""
BEGINNING_S = 60.0
"""So much of a long event is its beginning."""


def judged(
    config: Config, source_id: str, *, store: Store | None = None, patience_s: float | None = None
) -> tuple[Comparison, Verdict]:
    """Compare the candidate of a source with its live bundle.

    `store`: one that is open already; None: it is opened for reading. After `patience_s` no more sound is
    scored: the verdict is `too_early` then, and whoever asks again goes on from there.

    Raises:
        LibraryError: There are not two versions to compare.
        CodedError: One of them cannot be opened, or the store cannot be read.
    """
    sides = sides_of(config, source_id)
    with ExitStack() as closing:
        if store is None:
            store = open_store(config.state_dir, read_only=True)
            closing.callback(store.close)
        patience = Patience(patience_s)
        listeners = [Listener(config, sides.source, side, patience) for side in (sides.live, sides.candidate)]
        for listener in listeners:
            closing.callback(listener.close)
        compared = _compared(config, sides, store, listeners)
    asked = Asked(config.bundles.promotion_hours, config.bundles.promotion_anomalies)
    found = verdict(compared, asked)
    keep_comparison(config.state_dir, compared, found)
    return compared, found


def _compared(config: Config, sides: Sides, store: Store, listeners: Sequence[Listener]) -> Comparison:
    source_id, settings = sides.source.id, config.alarm_for(sides.source)
    snapshot = store.alarm_snapshots().get(source_id)
    facts = AlarmSnapshot(source_id) if not snapshot else AlarmSnapshot.from_tree(snapshot)
    run = _run(store, sides)
    is_anew = run is not None and run.rules not in {"", rules_of(settings, facts)}
    beside = _beside(store, sides, settings, facts, with_past=not is_anew)
    key = RunKey(source_id, sides.live.bundle_id, sides.candidate.version)
    alone = [one for one in labelled_disputes(store.database, key) if one.dispute.alarmed == "candidate"]
    used, recorded = sides.live.used | sides.candidate.used, sides.live.recorded + sides.candidate.recorded
    listened_to = listened(store, source_id, used, alone, recorded=recorded)
    alarms = sort_alarms(
        beside.live, beside.candidate, _said(listened_to), _said(listened_to, of_events=beginning)
    )
    live, candidate = listeners
    began_utc_s = time.time() if is_anew else None if run is None else run.counts_from_utc_s
    since_utc_s = _latest(sides.since_utc_s, began_utc_s, facts.limits_utc_s, _limits_set_utc_s(store, sides))
    raised_by = RaisedBy(sides.live.bundle_id, since_utc_s)
    found, others = _found_beside(beside, listened_to, raised_by)
    hearing = Hearing(store, live, candidate, raised_by, settings, facts)
    heard = hearing.events(others)
    probed = hearing.probed()
    disputes = disputes_of(
        store.database, source_id, candidate=key.candidate, live_bundle_id=key.live_bundle_id
    )
    return Comparison(
        source_id=source_id,
        live=sides.live.version,
        candidate=sides.candidate.version,
        at_utc_s=time.time(),
        budget_per_week=settings.false_alarms_per_week,
        hours=beside.hours,
        since_utc_s=beside.since_utc_s,
        skipped_share=0.0 if run is None else run.skipped_share,
        false_alarms=alarms.false_alarms,
        spared=alarms.spared,
        unlabelled_live_only=len(alarms.unlabelled_live_only),
        unlabelled_skipped=_unlabelled_skipped(store, sides, beside),
        unlabelled_both=alarms.unlabelled_both,
        unlabelled_candidate_only=alarms.unlabelled_candidate_only,
        anomalies=cases([*found, *heard.anomalies]),
        normals=heard.normals,
        probes=probed.probes,
        probes_asked=probed.asked,
        probes_waiting=probed.waiting,
        left_out=replace(
            listened_to.left_out, no_sound=heard.left_out.no_sound, waiting=heard.left_out.waiting
        ),
        disagreements=disagreements(store, source_id, disputes),
    )


def _run(store: Store, sides: Sides) -> ShadowRun | None:
    runs = shadow_runs(store.database, sides.source.id, candidate=sides.candidate.version)
    return next((run for run in runs if run.key.live_bundle_id == sides.live.bundle_id), None)


def _beside(
    store: Store, sides: Sides, settings: AlarmConfig, facts: AlarmSnapshot, *, with_past: bool
) -> Shadowed:
    """Return what both said beside each other: in the rows that are kept, and in those that went.

    `with_past`: whether those that went were held against the limits in force; rows are values, and are now.
    """
    run = {"live_bundle_id": sides.live.bundle_id, "candidate": sides.candidate.version}
    since_utc_s = sides.since_utc_s
    for _ in range(READ_AGAIN):
        past = past_of(store.database, sides.source.id, **run)
        rows = shadow_windows(store.database, sides.source.id, since_utc_s=since_utc_s, **run)
        counted = past if with_past else NOTHING
        beside = shadowed(rows, settings, facts, past=counted, since_utc_s=since_utc_s)
        if past == past_of(store.database, sides.source.id, **run):  # else rows went meanwhile: once an hour
            break
    return beside


def _unlabelled_skipped(store: Store, sides: Sides, beside: Shadowed) -> int:
    """Return how many events of the live one, in the hours of the run, the candidate was not asked about."""
    if beside.since_utc_s is None or beside.until_utc_s is None:
        return 0
    events = unlabelled_events(
        store,
        sides.source.id,
        sides.live.bundle_id,
        since_utc_s=beside.since_utc_s,
        until_utc_s=beside.until_utc_s,
    )
    on_paper = Stretches(beside.live)
    return sum(not on_paper.meets(one) for one in events)


def _limits_set_utc_s(store: Store, sides: Sides) -> float | None:
    """Return when an operator last set limits or gave them back; None: never, or it is long ago."""
    last = store.last_audit("set_limits", result="done").get(sides.source.id)
    return None if last is None else last.at_utc_s


def _latest(*times_utc_s: float | None) -> float | None:
    return max((one for one in times_utc_s if one is not None), default=None)


def _said(heard: Listened, *, of_events: Callable[[Lasting], Lasting] | None = None) -> Said:
    """Return what people said; what a bundle has learned from is no proof, and true all the same.

    `of_events`: so much of an event, which the live one raised; a dispute is one alarm, and whole.
    """

    def stretches(lasting: Iterable[Labelled | Stretch]) -> Stretches:
        return Stretches(
            one if of_events is None or dispute_number(one.name) is not None else of_events(one)
            for one in lasting
        )

    true = [*heard.agreed, *heard.known]
    return Said(
        anomaly=stretches(one for one in true if one.rating == "anomaly"),
        no_anomaly=stretches(one for one in true if one.rating == "no_anomaly"),
        open=stretches(heard.open),
    )


def _found_beside(
    beside: Shadowed, heard: Listened, raised: RaisedBy
) -> tuple[list[Answered], Sequence[Labelled]]:
    """Return who found which anomalies in the hours that both have judged, and the events of other hours.

    An event that the live one has raised, and not in what both have judged, is one of other hours: the
    candidate was not given what raised it.
    """
    live, candidate = Stretches(beside.live), Stretches(beside.candidate)
    found, others = [], []
    for one in heard.agreed:
        start = Alarmed(one.start_utc_s, min(one.end_utc_s, one.start_utc_s + BEGINNING_S), 0.0)
        length_s = start.end_utc_s - start.start_utc_s
        if beside.covered.covered_s(start) < COVERED_SHARE * length_s or length_s == 0:
            others.append(one)
        elif one.rating == "anomaly":
            first = beginning(one)
            answers = live.meets(first), candidate.meets(first)
            if raised.has(one) and not answers[0]:
                others.append(one)
            else:
                found.append(Answered(one.start_utc_s, one.end_utc_s, one.kind, *answers))
    return found, others
