"""The managed policy before real bundles: poisoned ones stay out, the better gets in, a person may insist.

The short form of tests/bench/poisoned.py, without training: the simulated pump and its demo bundles.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fixtures_verbs import ran
from promotion_rig import HOP_S, SOURCE, T0, Box, KeptEvent, Stream, constant, copied, with_limit

from engines.bundle import entry_of_file, read_manifest, write_manifest
from monitor.alarm import AlarmSnapshot
from monitor.config import FaultConfig, InputQualityConfig, SimulatedSource, WindowConfig
from monitor.errors import CommandError, LibraryError
from monitor.frontend import StreamFrontend
from monitor.listening import BlockWindows, open_ear
from monitor.messages import AudioBlock, Float32, Quality, read_only
from monitor.operators import Origin
from monitor.promotion.comparison import judged
from monitor.promotion.foreign import MAKERS, SNRS_DB
from monitor.promotion.gate import check_promotion
from monitor.promotion.learned import LABELS
from monitor.promotion.listener import Patience
from monitor.promotion.pairing import Stretches
from monitor.promotion.records import Pairs
from monitor.promotion.rehearsed import Alarmed, rules_of
from monitor.store import AuditEntry, ClipJob, Label, open_store
from monitor.store.shadow import RunKey, ShadowTally, ShadowWindow, add_shadow, run_number
from monitor.store.shadow_past import Past, PastAlarm, PastHeard, add_past
from training.sound import recording_of_machine

DEMO = Path(__file__).parents[2] / "engines" / "demo"
RATE_HZ, PIECE_S, APART_S = 48_000, 20.0, 90_000.0
KINDS = ("bearing", "cavitation", "belt_squeal", "air_leak", "imbalance")
PIECES = 16


def pump(seed: int, duration_s: float, fault: dict[str, object]) -> Float32:
    machine = SimulatedSource(
        id="pump", kind="simulated", seed=seed, pace="fast", duration_s=duration_s,
        sample_rate_hz=RATE_HZ, faults=(FaultConfig.model_validate(fault),),
    )  # fmt: skip
    return read_only(recording_of_machine(machine).open().next_samples(round(duration_s * RATE_HZ)))


@pytest.fixture(scope="module")
def shadow() -> Stream:
    ear = open_ear(DEMO / "mae", WindowConfig(), InputQualityConfig())
    logmels, starts, faults = [], [], []
    for i in range(PIECES):
        fault = {
            "kind": KINDS[i % 5],
            "start_s": 7,
            "duration_s": 5,
            "severity": (0.3, 0.4, 0.5, 0.7)[i % 4],
        }
        sound, at_s = pump(100 + i, PIECE_S, fault), i * (PIECE_S + APART_S)
        frontend = StreamFrontend(ear.frontend)
        for window in BlockWindows(SOURCE, ear).add(AudioBlock(SOURCE, sound, RATE_HZ, 0, 0, 0.0)):
            logmels.append(frontend.logmel_from_window(window).values)
            starts.append(at_s + window.span.start_s)
        faults.append((at_s + 7.0, at_s + 12.0))
    return Stream(np.stack(logmels), np.array(starts), ear.grid.duration_s, tuple(faults))


@pytest.fixture(scope="module")
def box(shadow: Stream, tmp_path_factory: pytest.TempPathFactory) -> Box:
    """The live bundle hears loud faults alone: its limit is five times as high as it should be."""
    folder = tmp_path_factory.mktemp("box")
    kept = [
        KeptEvent(pump(20 + i, 8.0, {"kind": kind, "start_s": 3, "duration_s": 5}), RATE_HZ, "anomaly")
        for i, kind in enumerate(KINDS[:2])
    ]
    live = with_limit(DEMO / "ae", folder / "live", 5.0)
    return Box(folder / "box", live, shadow, kept, promotion_hours=0.05, promotion_anomalies=5)


LONG = "WHEELTAPPER_MACHINES" in os.environ
"""`make test-long`: all of them; else one that is deaf and one that is shrill."""
POISONED: dict[str, tuple[Callable[[Path], Path], str]] = {
    "deaf": (lambda to: with_limit(DEMO / "mae", to, 20.0), "lost"),
    "shrill": (lambda to: with_limit(DEMO / "mae", to, 0.1), "more_false"),
    "always silent": (lambda to: constant(DEMO / "mae", to, -1e6), "lost"),
    "always loud": (lambda to: constant(DEMO / "mae", to, 1e6), "more_false"),
}


@pytest.mark.parametrize("name", POISONED if LONG else ("deaf", "always loud"))
def test_poisoned_is_never_promoted(box: Box, tmp_path: Path, name: str) -> None:
    made, why = POISONED[name]
    _, verdict = box.tried(made(tmp_path / "candidate"))
    assert ("not_better", True) == (verdict.outcome, why in {one.code for one in verdict.grounds})
    with pytest.raises(CommandError, match="--despite"):
        check_promotion(box.config, SOURCE)
    if name != "shrill":
        assert "deaf" in {one.code for one in verdict.grounds}, "foreign sounds show it without any label"


def test_as_good_as_the_live_one_stays_out_and_the_better_one_gets_in(box: Box, tmp_path: Path) -> None:
    live = box.library.live_folder()
    twin = with_limit(live, tmp_path / "twin", 1.01)
    _, verdict = box.tried(twin)
    assert ("not_better", "as_good") == (verdict.outcome, verdict.grounds[0].code)

    compared, verdict = box.tried(DEMO / "mae")
    assert "better" == verdict.outcome, verdict.reasons
    assert ("finds_more", 0) == (verdict.grounds[0].code, compared.anomalies.live_only)
    assert "the candidate is better: it finds" in check_promotion(box.config, SOURCE)
    told = ran("compare", SOURCE, "--config", box.path)
    assert (0, True) == (told.code, "the candidate is better:" in told.out), told.out + told.err
    assert f"foreign sounds     {compared.probes_asked} of {compared.probes_asked} tried\n" in told.out
    assert 1.0 > compared.hours > 0.0
    assert f"both judged        {60.0 * compared.hours:.0f} min, and" in told.out
    tree = json.loads(ran("compare", SOURCE, "--config", box.path, "--json").out)
    assert ("better", compared.anomalies.cases) == (tree["verdict"], sum(tree["anomalies"].values()))


def test_what_was_learned_from_is_no_proof_and_withdrawn_labels_are_none(box: Box) -> None:
    before, _ = box.tried(DEMO / "mae")
    with closing(open_store(box.state)) as store:
        event_id = store.events(100)[-1].event_id
        store.add_label(Label(event_id, "none", "ann", 0.0))
        store.add_label(Label(store.events(100)[-2].event_id, "no_anomaly", "bert", 0.0))
    after, _ = judged(box.config, SOURCE)
    assert (1, 1) == (after.left_out.withdrawn, after.left_out.disagreed)
    assert before.anomalies.cases - 2 == after.anomalies.cases
    assert after.normals == Pairs()
    with closing(open_store(box.state)) as store:
        store.add_label(Label(event_id, "anomaly", "ann", 0.0))
        store.add_label(Label(store.events(100)[-2].event_id, "none", "bert", 0.0))


def test_an_event_that_a_bundle_says_it_learned_from_is_left_out(box: Box, tmp_path: Path) -> None:
    with closing(open_store(box.state)) as store:
        used = store.events(100)[-1].event_id
    taught = copied(DEMO / "mae", tmp_path / "taught")
    (taught / LABELS).write_text(json.dumps({"schema": 1, "used": [used]}))
    manifest = read_manifest(taught)
    files = {**manifest.files, LABELS: entry_of_file(taught / LABELS)}
    write_manifest(taught, replace(manifest, files=files))
    compared, _ = box.tried(taught)
    plain, _ = box.tried(DEMO / "mae")
    assert (1, 0) == (compared.left_out.used, plain.left_out.used)
    assert plain.anomalies.cases - 1 == compared.anomalies.cases


def test_what_was_said_before_another_limit_or_a_rollback_proves_nothing(box: Box) -> None:
    compared, _ = box.tried(DEMO / "mae")
    roles = box.library.roles()
    change = roles.changes[1]
    assert (True, "promote") == (compared.hours > 0.0, change.action)
    later = replace(change, action="recalibrate", by=replace(change.by, at_utc_s=T0 + 1e8))
    box.library.restore(replace(roles, changes=(*roles.changes, later)))
    try:
        after, verdict = judged(box.config, SOURCE)
    finally:
        box.library.restore(roles)
    assert (0.0, Pairs()) == (after.hours, after.false_alarms)
    assert ("too_early", "hours") == (verdict.outcome, verdict.grounds[0].code)


def test_other_limits_begin_the_evidence_anew(box: Box) -> None:
    box.tried(DEMO / "mae")
    live, candidate = (read_manifest(box.library.live_folder()).bundle_id, box.library.roles().candidate)
    key = RunKey(SOURCE, live, str(candidate))
    with closing(open_store(box.state)) as store:
        for rules in ("limit 1", "limit 1.5"):
            add_shadow(store.database, {key: ShadowTally(T0 + 1e8, HOP_S, rules=rules)})
        after, verdict = judged(box.config, SOURCE, store=store)
        with store.database.transaction() as connection:
            connection.execute(
                "UPDATE shadow_runs SET rules = '', counts_after = 0, counts_from_utc_s = NULL"
            )
    assert (0.0, Pairs()) == (after.hours, after.false_alarms)
    assert ("too_early", "hours") == (verdict.outcome, verdict.grounds[0].code)


def test_an_event_of_which_the_candidate_was_not_asked_waits_for_a_label(box: Box) -> None:
    box.tried(DEMO / "mae")
    quiet = Alarmed(T0 + 3 * APART_S + 5_000.0, T0 + 3 * APART_S + 5_020.0, 1.5)
    with closing(open_store(box.state)) as store:
        event_id = box._add_event(store, quiet, "none")
        before, verdict = judged(box.config, SOURCE, store=store)
        assert (1, True) == (
            before.unlabelled_skipped,
            "unlabelled_skipped" in {one.code for one in verdict.grounds},
        )
        store.add_label(Label(event_id, "no_anomaly", "ann", 0.0))
        after, _ = judged(box.config, SOURCE, store=store)
        assert (0, before.false_alarms) == (after.unlabelled_skipped, after.false_alarms)


def test_what_the_live_one_has_raised_it_finds_whatever_its_sound_says_now(box: Box) -> None:
    before, _ = box.tried(DEMO / "mae")
    live_id = read_manifest(box.library.live_folder()).bundle_id
    days = (("earlier-2", 8.0), (live_id, 6.0), (live_id, 20.0))
    with closing(open_store(box.state)) as store:
        for bundle_id, ago in days:  # quiet sound, of which people know more than it says
            at_s = T0 - 86_400.0 * ago
            event_id = box._add_event(store, Alarmed(at_s + 3.0, at_s + 8.0, 1.5), "anomaly", bundle_id)
            quiet = pump(20, 8.0, {"kind": "bearing", "start_s": 7.9, "duration_s": 0.1, "severity": 0.1})
            store.add_clip(ClipJob(SOURCE, event_id, quiet, RATE_HZ, 0.0, at_s, 0))
        refused = AuditEntry(
            T0 - 86_400.0 * 5, Origin.PAGE, SOURCE, "c", "ann", "set_limits", {}, "refused", "too high"
        )
        store.add_audit(refused)
        after, _ = judged(box.config, SOURCE, store=store)
        found_by_other_limits = []
        for rules in ("limit 9", ""):
            with store.database.transaction() as connection:
                connection.execute("UPDATE shadow_runs SET rules = ?", (rules,))
            found_by_other_limits.append(judged(box.config, SOURCE, store=store)[0].anomalies.live_only)
        store.add_audit(replace(refused, result="done", reason=None, command_id="d"))
        store.add_audit(replace(refused, command_id="e"))
        by_sound, _ = judged(box.config, SOURCE, store=store)
        for event in store.events(100):
            if event.start_utc_s < T0 - 86_400.0 * 5 and event.bundle_id != "earlier-1":
                store.add_label(Label(event.event_id, "none", "ann", 0.0))
    grown = after.anomalies.live_only - before.anomalies.live_only
    assert (1, 2) == (grown, after.anomalies.neither - before.anomalies.neither), (
        "by record since it judges; by its sound what others had raised, or it before it was put back"
    )
    assert before.anomalies.live_only == by_sound.anomalies.live_only, "it was raised by another limit"
    assert [before.anomalies.live_only, after.anomalies.live_only] == found_by_other_limits


def test_what_was_said_beside_another_live_bundle_or_by_another_candidate_proves_nothing(box: Box) -> None:
    before, _ = box.tried(DEMO / "mae")
    live, candidate = read_manifest(box.library.live_folder()).bundle_id, str(box.library.roles().candidate)
    with closing(open_store(box.state)) as store:
        for key in (RunKey(SOURCE, "another-1", candidate), RunKey(SOURCE, live, "another-2")):
            rows = [
                ShadowWindow(
                    SOURCE, key.live_bundle_id, key.candidate, T0 + i, T0 + i + 2.0, float(i), 0.1, 9.0,
                    Quality.OK,
                )
                for i in range(40)
            ]  # fmt: skip
            add_shadow(store.database, {key: ShadowTally(T0, HOP_S, rows)})
            alarm = PastAlarm("candidate", T0 - 900.0, T0 - 800.0, 9.0)
            with store.database.transaction() as connection:
                number = run_number(connection, key)
                assert number is not None
                add_past(connection, number, Past([alarm], [PastHeard(T0 - 900.0, T0 - 100.0, 800.0)]))
        after, _ = judged(box.config, SOURCE, store=store)
    assert (before.hours, before.false_alarms) == (after.hours, after.false_alarms)


def test_who_hears_the_beginning_of_a_fault_before_a_deaf_live_one_does_gets_in(
    shadow: Stream, tmp_path: Path
) -> None:
    """Before three of eight events the fault has begun: there the candidate alarms by itself."""
    begins_s = [3.0] * 5 + [0.5] * 3
    kept = [
        KeptEvent(
            pump(40 + i, 8.0, {"kind": KINDS[i % 2], "start_s": begin_s, "duration_s": 5.0}),
            RATE_HZ,
            "anomaly",
        )
        for i, begin_s in enumerate(begins_s)
    ]
    live = with_limit(DEMO / "ae", tmp_path / "live", 9.0)
    deaf = Box(tmp_path / "box", live, shadow, kept, promotion_hours=0.05, promotion_anomalies=5)
    compared, verdict = deaf.tried(DEMO / "ae")
    heard = [probe.heard for probe in compared.probes]
    assert ("better", 0) == (verdict.outcome, sum(one.live_only for one in heard)), verdict.reasons
    assert 5 * len(MAKERS) == heard[-1].cases, "the three at which it alarms by itself say nothing"


def test_scoring_stops_when_nobody_waits_any_longer(box: Box, tmp_path: Path) -> None:
    box.library.install(with_limit(DEMO / "mae", tmp_path / "new", 1.5), box._by())
    _, verdict = judged(box.config, SOURCE, patience_s=0.0)
    assert "waiting" in {one.code for one in verdict.grounds}
    assert "not_better" != judged(box.config, SOURCE)[1].grounds[0].code


def test_foreign_sounds_that_were_not_scored_yet_let_nothing_in(
    box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box.tried(DEMO / "mae")  # by which all of the live one's are scored
    looks = itertools.count()
    with monkeypatch.context() as patched:
        patched.setattr(Patience, "is_over", property(lambda _patience: next(looks) >= 12))
        compared, verdict = box.tried(with_limit(DEMO / "mae", tmp_path / "new", 1.02))
    heard = sum(probe.heard.cases for probe in compared.probes)
    assert 0 < heard < compared.probes_waiting, "a few show nothing"
    assert heard <= compared.probes_tried < compared.probes_asked, "what would be clipped is tried, too"
    assert 0 == compared.probes_asked % (len(SNRS_DB) * len(MAKERS))
    assert ("too_early", ["waiting_foreign"]) == (verdict.outcome, [one.code for one in verdict.grounds])
    after, verdict = judged(box.config, SOURCE)
    assert (0, "better") == (after.probes_waiting, verdict.outcome)


def test_what_the_live_one_raised_where_the_candidate_was_given_less_is_asked_of_its_sound(box: Box) -> None:
    before, _ = box.tried(DEMO / "mae")
    quiet = next(
        Alarmed(T0 + start, T0 + end, 1.5)
        for start, end in box.stream.faults
        if not Stretches(box._live_alarms).meets(Alarmed(T0 + start - 7.0, T0 + end + 8.0, 0.0))
    )
    with closing(open_store(box.state)) as store:
        event_id = box._add_event(store, quiet, "anomaly")
        after, _ = judged(box.config, SOURCE, store=store)
        store.add_label(Label(event_id, "none", "ann", 0.0))
    assert before.left_out.no_sound + 1 == after.left_out.no_sound, "and not one that it missed"


def test_what_rows_said_by_other_limits_is_no_evidence_though_nothing_was_judged_since(box: Box) -> None:
    before, _ = box.tried(DEMO / "mae")
    live, candidate = (read_manifest(box.library.live_folder()).bundle_id, box.library.roles().candidate)
    key, past = RunKey(SOURCE, live, str(candidate)), PastHeard(T0 - 9000.0, T0 - 5400.0, 3600.0)
    with closing(open_store(box.state)) as store:
        with store.database.transaction() as connection:
            add_past(connection, run_number(connection, key) or 0, Past([], [past]))
        counted, _ = judged(box.config, SOURCE, store=store)
        rules = rules_of(box.config.alarm, AlarmSnapshot(SOURCE))
        hours = []
        for noted in (rules, "limit 9"):
            with store.database.transaction() as connection:
                connection.execute("UPDATE shadow_runs SET rules = ?", (noted,))
            hours.append(judged(box.config, SOURCE, store=store)[0].hours)
        with store.database.transaction() as connection:
            connection.execute("UPDATE shadow_runs SET rules = ''")
            connection.execute("DELETE FROM shadow_past_heard")
    assert [before.hours + 1.0] * 2 + [before.hours] == pytest.approx([counted.hours, *hours])


def test_the_policy_promotes_nothing_where_a_person_is_to(box: Box) -> None:
    bundles = box.config.bundles.model_copy(update={"promotion": "manual"})
    manual = box.config.model_copy(update={"bundles": bundles})
    with pytest.raises(CommandError, match="manual by now"):
        check_promotion(manual, SOURCE, by_policy=True)
    assert "" != check_promotion(manual, SOURCE)


def test_a_person_may_insist_and_says_why_on_record(box: Box, tmp_path: Path) -> None:
    deaf = with_limit(DEMO / "mae", tmp_path / "deaf", 20.0)
    box.tried(deaf)
    refused = ran("promote", SOURCE, "--config", box.path, "--actor", "ann")
    assert (2, True) == (refused.code, "bundles.promotion is managed" in refused.err), (
        refused.out + refused.err
    )
    before = box.library.roles().live
    done = ran(
        "promote", SOURCE, "--config", box.path, "--actor", "ann", "--despite", "the pump goes tomorrow"
    )
    assert (0, True) == (done.code, "promoted despite this" in done.out), done.out + done.err
    assert before != box.library.roles().live
    assert "despite the comparison: the pump goes tomorrow" == box.library.roles().changes[-1].by.note
    assert 0 == ran("rollback", SOURCE, "--config", box.path, "--actor", "ann").code
    assert before == box.library.roles().live
    with pytest.raises(LibraryError, match="no candidate to compare"):
        judged(box.config, SOURCE)
