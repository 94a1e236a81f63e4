"""What rows said that are gone counts on, under the same rules, and goes when nobody can say what it was."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from monitor.messages import Quality
from monitor.store import Store, open_store, shadow_past
from monitor.store.retention import shadow_rows
from monitor.store.retention.shadow_rows import prune_windows
from monitor.store.schema import MIGRATIONS
from monitor.store.shadow import (
    RunKey,
    ShadowTally,
    ShadowWindow,
    add_shadow,
    shadow_runs,
    shadow_windows,
)
from monitor.store.shadow_clips import Dispute, add_dispute
from monitor.store.shadow_past import Past, PastAlarm, PastHeard, Reckoned, past_of

T0 = 1_790_000_000.0
DAY_S = 86_400.0
PUMP = RunKey("pump1", "mae-1", "ae-2-ffff0000")


def window(second: float) -> ShadowWindow:
    start = T0 + second
    return ShadowWindow(
        PUMP.source_id, PUMP.live_bundle_id, PUMP.candidate, start, start + 1.0, second, 0.5, 1.5, Quality.OK
    )


def add(store: Store, first: int, count: int, *, rules: str = "limit 1") -> None:
    rows = [window(float(second)) for second in range(first, first + count)]
    add_shadow(store.database, {PUMP: ShadowTally(rows[0].start_utc_s, 1.0, rows, rules=rules)})


def reckon(
    key: RunKey, windows: Sequence[ShadowWindow], *, heard_until_utc_s: float | None, whole: bool
) -> Reckoned | None:
    """One alarm of the candidate, and a stretch that was heard."""
    assert key == PUMP
    start, end = windows[0].start_utc_s, windows[-1].end_utc_s
    assert heard_until_utc_s is None or heard_until_utc_s <= start
    assert not whole
    alarm = PastAlarm("candidate", start, end, 1.5)
    return Reckoned(len(windows), Past([alarm], [PastHeard(start, end, float(len(windows)))]))


def kept(store: Store) -> Past:
    return past_of(store.database, "pump1", live_bundle_id="mae-1", candidate=PUMP.candidate)


def prune_to(store: Store, count: int, how: shadow_rows.Reckon | None = reckon) -> int:
    return prune_windows(store.database, now_utc_s=None, max_age_s=DAY_S, max_windows=count, reckon=how)


def test_what_rows_said_is_kept_as_they_go_and_stretches_that_follow_are_one(state_dir: Path) -> None:
    with closing(open_store(state_dir)) as store:
        add(store, 0, 10)
        assert 4 == prune_to(store, 6)
        add(store, 10, 4)
        assert 4 == prune_to(store, 6)
        add(store, 100, 6)
        assert 6 == prune_to(store, 6)
    with closing(open_store(state_dir, read_only=True)) as store:
        past = kept(store)
        assert [(0.0, 4.0), (4.0, 8.0), (8.0, 14.0)] == [
            (one.start_utc_s - T0, one.end_utc_s - T0) for one in past.alarms
        ]
        assert [PastHeard(T0, T0 + 14.0, 14.0)] == list(past.heard)
        assert 6 == len(list(shadow_windows(store.database, "pump1")))


def test_under_other_limits_all_begins_anew_the_counters_too(store: Store) -> None:
    add(store, 0, 10)
    add_shadow(store.database, {PUMP: ShadowTally(T0 + 10.0, 1.0, skipped=90)})
    prune_to(store, 6)
    add(store, 10, 2, rules="limit 2")
    assert (Past([], []), [10.0, 11.0]) == (
        kept(store),
        [one.start_s for one in shadow_windows(store.database, "pump1")],
    )
    (run,) = shadow_runs(store.database, "pump1")
    assert (2, T0, T0 + 10.0) == (run.judged_windows, run.began_utc_s, run.counts_from_utc_s)
    assert ("limit 2", 0.0) == (run.rules, run.skipped_share), "what was skipped before says nothing of now"
    assert 6 == prune_to(store, 2)
    assert Past([], []) == kept(store), "what was judged by other limits is no evidence as it goes either"


def test_rules_that_older_software_did_not_note_are_taken_as_those_that_hold(store: Store) -> None:
    add(store, 0, 3, rules="")
    add(store, 3, 3, rules="limit 1")
    add(store, 6, 3, rules="")
    assert 9 == len(list(shadow_windows(store.database, "pump1")))
    assert shadow_runs(store.database, "pump1")[0].counts_from_utc_s is None


@pytest.mark.parametrize("how", [None, lambda *_, **__: None])
def test_where_nobody_can_say_what_rows_were_their_past_counts_no_more(
    store: Store, how: shadow_rows.Reckon | None
) -> None:
    add(store, 0, 10)
    prune_to(store, 6)
    assert 1 == prune_to(store, 5, how)
    assert Past([], []) == kept(store)


def test_rows_of_an_alarm_that_goes_on_stay_and_of_one_that_never_ends_not_for_ever(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def waiting(
        key: RunKey, windows: Sequence[ShadowWindow], *, heard_until_utc_s: float | None, whole: bool
    ) -> Reckoned | None:
        found = reckon(key, windows, heard_until_utc_s=heard_until_utc_s, whole=False)
        return found if whole else Reckoned(0)

    add(store, 0, 10)
    assert 0 == prune_to(store, 6, waiting)
    monkeypatch.setattr(shadow_rows, "PIECE_ROWS", 3)
    assert 3 == prune_to(store, 6, waiting)
    assert 1 == len(kept(store).alarms)
    assert 7 == len(list(shadow_windows(store.database, "pump1")))


def test_a_run_with_more_alarms_than_are_kept_begins_anew(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shadow_past, "ALARMS_MAX", 1)
    add(store, 0, 10)
    prune_to(store, 6)
    assert 1 == len(kept(store).alarms)
    prune_to(store, 5)
    assert Past([], []) == kept(store)


def test_a_run_without_rows_stays_until_its_past_is_too_old(store: Store) -> None:
    add(store, 0, 10)
    now_utc_s = T0 + 2 * DAY_S

    def prune(max_age_s: float, now_utc_s: float) -> list[RunKey]:
        prune_windows(
            store.database, now_utc_s=now_utc_s, max_age_s=max_age_s, max_windows=100, reckon=reckon
        )
        return [run.key for run in shadow_runs(store.database, "pump1")]

    prune_to(store, 0)
    assert [PUMP] == prune(3 * DAY_S, now_utc_s)
    assert [] == prune(DAY_S, now_utc_s)


def test_disputes_are_counted_since_the_run_began_and_not_as_long_as_they_are_kept(store: Store) -> None:
    add(store, 0, 1)
    dispute = Dispute("candidate", 1.0, T0 + 1.0, 5.0, 0.6, 1.5, None)
    numbers = [add_dispute(store.database, PUMP, replace(dispute, start_s=float(i))) for i in range(3)]
    with store.database.transaction() as connection:
        connection.execute("DELETE FROM shadow_disagreements WHERE n = ?", (numbers[0],))
    assert 3 == shadow_runs(store.database, "pump1")[0].disputes


def test_a_store_of_before_counts_on_where_all_rows_are_kept_and_else_anew(state_dir: Path) -> None:
    state_dir.mkdir()
    with closing(sqlite3.connect(state_dir / "store.sqlite", isolation_level=None)) as old:
        for step in range(1, 13):
            for statement in MIGRATIONS[step]:
                old.execute(statement)
        old.execute("PRAGMA user_version = 12")
        for n, judged in ((1, 2), (2, 5)):
            old.execute(
                "INSERT INTO shadow_runs (n, source_id, live_bundle_id, candidate, began_utc_s, "
                "judged_windows, hop_s) VALUES (?, 'pump1', 'mae-1', ?, 5.0, ?, 1.0)",
                (n, f"ae-{n}", judged),
            )
            for second in (T0, T0 + 1.0):
                old.execute(
                    "INSERT INTO shadow_windows (run, start_s, start_utc_s, duration_s, live, candidate, "
                    "quality) VALUES (?, 0.0, ?, 2.0, 0.5, 0.5, 'ok')",
                    (n, second),
                )
        old.execute(
            "INSERT INTO shadow_disagreements (run, alarmed, start_s, start_utc_s, duration_s) "
            "VALUES (1, 'live', 0.0, 1.0, 2.0)"
        )
    with closing(open_store(state_dir)) as store:
        whole, pruned = shadow_runs(store.database, "pump1")
        assert (None, T0 + 1.0) == (whole.counts_from_utc_s, pruned.counts_from_utc_s)
        assert (1, 0, 5) == (whole.disputes, pruned.disputes, pruned.judged_windows)
        assert (2, 0) == tuple(
            len(list(shadow_windows(store.database, "pump1", candidate=name))) for name in ("ae-1", "ae-2")
        )
