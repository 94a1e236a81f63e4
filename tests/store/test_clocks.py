"""What was dated before the box knew the time is put right once it does; order and ids stay."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from monitor.clock import ClockReading
from monitor.errors import StoreError, StoreRefusedError
from monitor.explanation import Explanation, Finding, SoundKind
from monitor.messages import AlarmChange, AlarmState, ChangeReason, Inference, LogMel, Score
from monitor.store import ClipJob, Label, Store, clocks, open_store
from monitor.store.clocks import CLOCKS_KEPT, note_clock, was_set
from monitor.store.database import Database
from monitor.store.shadow import RunKey, ShadowTally, add_shadow
from monitor.store.shadow_past import Past, PastAlarm, PastHeard, add_past, past_of

TRUE_S = 1_790_000_000.0
"""What the wall clock should have said when the box started."""
BEHIND_S = TRUE_S - 3 * 86_400.0
"""What systemd guessed instead: when the box was last on."""
UNSET = ClockReading("boot-1", 0.0, is_set=False, up_s=10.0)
SET = ClockReading("boot-1", TRUE_S, is_set=True, up_s=1000.0)


def correct_times(database: Database) -> int:
    return sum(clocks.correct_times(database))


def explained(start_utc_s: float) -> Explanation:
    finding = Finding(SoundKind.KNOCK, 100.0, 200.0, start_utc_s, start_utc_s + 1.0, 9.0)
    return Explanation((finding,), start_utc_s, start_utc_s + 2.0, 3)


def happen(store: Store, event_id: str, start_utc_s: float, *, cleared: bool = True) -> None:
    """An event of 10 s from its first window to its end."""
    raised = AlarmChange(
        source_id="pump1",
        event_id=event_id,
        old_state=AlarmState.NORMAL,
        new_state=AlarmState.UNACKNOWLEDGED,
        reason=ChangeReason.LIMIT,
        at_utc_s=start_utc_s + 2.0,
        event_start_utc_s=start_utc_s,
        peak=1.5,
        warning=True,
        uncertain=False,
        active=True,
        explanation=explained(start_utc_s),
    )
    store.apply([raised], snapshot={}, bundle_id="mae-1")
    if cleared:
        over = replace(
            raised, new_state=AlarmState.RETURNED, reason=ChangeReason.CLEARED, at_utc_s=start_utc_s + 10.0
        )
        store.apply([replace(over, active=False)], snapshot={}, bundle_id="mae-1")


def test_an_event_of_before_the_clock_was_set_is_dated_right_with_all_that_belongs_to_it(
    store: Store, clip_of: Callable[..., ClipJob], maps_of: Callable[..., tuple[Score, Inference, LogMel]]
) -> None:
    assert note_clock(store.database, UNSET)
    happen(store, "pump1-19700101T000140000Z", 100.0)
    store.add_clip(clip_of("pump1-19700101T000140000Z", 0.0, 98.0))
    store.add_map("pump1-19700101T000140000Z", *maps_of(1.5, 0.0, 100.0), maps_per_event=9)
    store.add_label(Label("pump1-19700101T000140000Z", "anomaly", "anna", 130.0))
    assert 0 == correct_times(store.database), "nothing is known yet"

    assert note_clock(store.database, SET)
    happen(store, "pump1-later", TRUE_S + 300.0)
    rows = correct_times(store.database)
    # an event, its two changes, a clip, a window and a label
    assert 6 == rows
    later, event = store.events(9)
    assert (TRUE_S + 300.0, TRUE_S + 310.0) == (later.start_utc_s, later.end_utc_s)
    assert "pump1-19700101T000140000Z" == event.event_id, "an id is an id"
    assert (TRUE_S + 100.0, TRUE_S + 110.0) == (event.start_utc_s, event.end_utc_s)
    assert explained(TRUE_S + 100.0) == event.explanation
    changes = store.transitions(event.event_id)
    assert [TRUE_S + 102.0, TRUE_S + 110.0] == [change["at_utc_s"] for change in changes]
    assert [TRUE_S + 100.0] * 2 == [change["event_start_utc_s"] for change in changes]
    (clip,), (window,), (label,) = (
        store.clips(event.event_id),
        store.windows(event.event_id),
        store.labels(event.event_id),
    )
    assert (TRUE_S + 98.0, TRUE_S + 100.0) == (clip.start_utc_s, window.start_utc_s)
    assert TRUE_S + 130.0 == label.at_utc_s
    assert 0 == correct_times(store.database), "once is enough"


def test_what_it_said_before_is_kept_beside_it_and_the_bodies_stay_as_they_were_sent(store: Store) -> None:
    note_clock(store.database, UNSET)
    happen(store, "e1", 100.0)
    before = store.database.rows("SELECT body FROM transitions")
    note_clock(store.database, SET)
    correct_times(store.database)
    recorded = store.database.rows("SELECT recorded_utc_s FROM transitions ORDER BY seq")
    assert [102.0, 110.0] == [row[0] for row in recorded]
    assert [100.0] == [row[0] for row in store.database.rows("SELECT recorded_utc_s FROM events")]
    assert list(map(tuple, before)) == list(map(tuple, store.database.rows("SELECT body FROM transitions")))


def test_records_that_still_wait_for_the_broker_are_sent_with_the_right_time(store: Store) -> None:
    note_clock(store.database, UNSET)
    happen(store, "e1", 100.0)
    seqs = [record.seq for record in store.pending(9)]
    note_clock(store.database, SET)
    correct_times(store.database)
    records = store.pending(9)
    assert seqs == [record.seq for record in records], "order is by number"
    assert [TRUE_S + 102.0, TRUE_S + 110.0] == [record.created_utc_s for record in records]
    assert [TRUE_S + 102.0, TRUE_S + 110.0] == [record.body["at_utc_s"] for record in records]
    assert {TRUE_S + 100.0} == {record.body["event_start_utc_s"] for record in records}


def test_what_another_run_of_the_box_wrote_stays_as_it_is(store: Store) -> None:
    happen(store, "long-ago", 50.0)  # by software that noted no clock
    note_clock(store.database, replace(UNSET, boot_id="boot-0"))
    happen(store, "never-set", 100.0)
    note_clock(store.database, UNSET)
    happen(store, "e1", 100.0)
    note_clock(store.database, SET)
    assert 3 == correct_times(store.database)
    assert [50.0, 100.0, TRUE_S + 100.0] == [event.start_utc_s for event in reversed(store.events(9))]


def test_what_was_dated_before_the_jump_and_stored_after_it_is_put_right_later(store: Store) -> None:
    note_clock(store.database, UNSET)
    note_clock(store.database, SET)
    assert 0 == correct_times(store.database)
    happen(store, "late", 400.0)
    assert 3 == correct_times(store.database)
    assert TRUE_S + 400.0 == store.events(1)[0].start_utc_s


def test_each_stretch_of_a_clock_that_jumped_twice_is_put_right_by_its_own_error(store: Store) -> None:
    note_clock(store.database, UNSET)
    happen(store, "e1", 100.0)
    note_clock(store.database, replace(UNSET, offset_s=86_400.0, up_s=150.0))
    happen(store, "e2", 86_400.0 + 200.0)
    note_clock(store.database, SET)
    correct_times(store.database)
    assert [TRUE_S + 100.0, TRUE_S + 200.0] == [event.start_utc_s for event in reversed(store.events(9))]


def test_what_rows_of_a_shadow_run_had_said_that_are_gone_is_dated_right_once(store: Store) -> None:
    key = RunKey("pump1", "mae-1", "ae-2")
    add_shadow(store.database, {key: ShadowTally(TRUE_S, 1.0)})

    def keep(at_s: float) -> None:
        alarm, heard = PastAlarm("live", at_s, at_s + 9.0, 1.5), PastHeard(at_s - 50.0, at_s + 50.0, 100.0)
        with store.database.transaction() as connection:
            add_past(connection, 1, Past([alarm], [heard]))

    keep(200.0)  # of another run of the box, that nobody told the time
    assert note_clock(store.database, UNSET)
    keep(500.0)
    assert note_clock(store.database, SET)
    keep(TRUE_S + 2000.0)
    assert [2, 0] == [correct_times(store.database), correct_times(store.database)]
    past = past_of(store.database, "pump1", live_bundle_id="mae-1", candidate="ae-2")
    starts = [200.0, TRUE_S + 500.0, TRUE_S + 2000.0]
    assert [(at_s, at_s + 9.0) for at_s in starts] == [
        (one.start_utc_s, one.end_utc_s) for one in past.alarms
    ]
    assert [at_s - 50.0 for at_s in starts] == [one.start_utc_s for one in past.heard]


def test_a_clock_that_was_plausible_before_it_jumped_changes_no_row(store: Store) -> None:
    note_clock(store.database, SET)
    happen(store, "e1", TRUE_S + 100.0)
    note_clock(store.database, replace(SET, offset_s=TRUE_S + 3600.0))
    assert 0 == correct_times(store.database)
    assert TRUE_S + 100.0 == store.events(1)[0].start_utc_s


def test_a_restart_in_the_same_run_of_the_box_goes_on_with_what_was_noted(state_dir: Path) -> None:
    with closing(open_store(state_dir)) as store:
        note_clock(store.database, UNSET)
        happen(store, "e1", 100.0)
    with closing(open_store(state_dir)) as store:
        assert not note_clock(store.database, UNSET), "it stands as it stood"
        note_clock(store.database, SET)
        assert 3 == correct_times(store.database)


@pytest.fixture
def corrected(store: Store) -> Store:
    note_clock(store.database, UNSET)
    happen(store, "e1", 100.0)
    store.add_label(Label("e1", "anomaly", "anna", 130.0))
    note_clock(store.database, SET)
    correct_times(store.database)
    happen(store, "e2", TRUE_S + 500.0)
    store.add_label(Label("e2", "anomaly", "anna", TRUE_S + 530.0))
    return store


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE labels SET who = 'berta'",
        "UPDATE labels SET at_utc_s = 1",
        "UPDATE labels SET recorded_utc_s = at_utc_s, at_utc_s = at_utc_s + 9",
        "UPDATE transitions SET body = '{}'",
        "UPDATE transitions SET at_utc_s = at_utc_s + 1, recorded_utc_s = at_utc_s",
        "UPDATE audit SET actor = 'berta'",
    ],
)
def test_nothing_else_of_what_is_append_only_can_be_changed(corrected: Store, statement: str) -> None:
    corrected.database.rows("SELECT 1")
    if "audit" in statement:
        with corrected.database.transaction() as connection:
            connection.execute(
                "INSERT INTO audit (at_utc_s, origin, source_id, arguments, result) "
                "VALUES (1.0, 'mqtt', '', '{}', 'done')"
            )
    with (
        pytest.raises(StoreRefusedError, match="append-only"),
        corrected.database.transaction() as connection,
    ):
        connection.execute(statement)


def test_the_clocks_that_are_remembered_are_bounded(store: Store) -> None:
    for number in range(CLOCKS_KEPT + 5):
        note_clock(store.database, replace(SET, offset_s=TRUE_S + number))
    rows = store.database.rows("SELECT MIN(n), COUNT(*) FROM clocks")
    assert (6, CLOCKS_KEPT) == tuple(rows[0])


def test_a_store_that_refuses_leaves_each_event_whole_and_the_rest_is_put_right_later(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    note_clock(store.database, UNSET)
    happen(store, "e1", 100.0)
    note_clock(store.database, SET)
    beside = clocks._correct_beside_start

    def refuse(*arguments: object) -> None:
        beside(*arguments)  # type: ignore[arg-type]  # as it is called
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(clocks, "_correct_beside_start", refuse)
    with pytest.raises(StoreError, match="disk I/O error"):
        correct_times(store.database)
    monkeypatch.undo()
    (event,) = store.events(9)
    assert (100.0, 110.0) == (event.start_utc_s, event.end_utc_s)
    correct_times(store.database)
    (event,) = store.events(9)
    assert (TRUE_S + 100.0, TRUE_S + 110.0) == (event.start_utc_s, event.end_utc_s)
    assert [TRUE_S + 102.0, TRUE_S + 110.0] == [record.created_utc_s for record in store.pending(9)]


@pytest.mark.parametrize("behind_s", [3 * 86_400.0, 300.0])
def test_what_was_dated_by_a_plausible_clock_that_nobody_vouched_for_is_put_right(
    store: Store, behind_s: float
) -> None:
    """However far it was behind: also by less than the box had run with it."""
    begun_s = TRUE_S - behind_s
    happen(store, "before", begun_s - 500.0)  # in the run before, when the time was known
    note_clock(store.database, replace(UNSET, offset_s=begun_s))
    happen(store, "e1", begun_s + 100.0)
    store.add_label(Label("e1", "anomaly", "anna", begun_s + 900.0))
    note_clock(store.database, SET)
    happen(store, "e2", TRUE_S + 1000.0)
    for _ in range(3):
        correct_times(store.database)
    found = [(event.start_utc_s, event.end_utc_s) for event in reversed(store.events(9))]
    assert [
        (begun_s - 500.0, begun_s - 490.0),
        (TRUE_S + 100.0, TRUE_S + 110.0),
        (TRUE_S + 1000.0, TRUE_S + 1010.0),
    ] == found
    changes = [change["at_utc_s"] for event in ("e1", "e2") for change in store.transitions(event)]
    assert [TRUE_S + 102.0, TRUE_S + 110.0, TRUE_S + 1002.0, TRUE_S + 1010.0] == changes
    assert [TRUE_S + 900.0] == [label.at_utc_s for label in store.labels("e1")]
    explanation = store.events(2)[1].explanation
    assert explained(TRUE_S + 100.0) == explanation


def test_what_still_waits_is_sent_with_the_right_time_though_the_clock_was_plausible(store: Store) -> None:
    note_clock(store.database, replace(UNSET, offset_s=BEHIND_S))
    happen(store, "e1", BEHIND_S + 100.0)
    note_clock(store.database, SET)
    happen(store, "e2", TRUE_S + 1000.0)
    for _ in range(2):
        correct_times(store.database)
    sent = [record.body["at_utc_s"] for record in store.pending(9)]
    assert [TRUE_S + 102.0, TRUE_S + 110.0, TRUE_S + 1002.0, TRUE_S + 1010.0] == sent


def test_the_end_of_an_event_that_came_late_is_put_right_once(store: Store) -> None:
    note_clock(store.database, replace(UNSET, offset_s=BEHIND_S))
    happen(store, "e1", BEHIND_S + 100.0, cleared=False)
    note_clock(store.database, SET)
    correct_times(store.database)
    with store.database.transaction() as connection:
        connection.execute("UPDATE events SET end_utc_s = ?", (BEHIND_S + 110.0,))
    for _ in range(2):
        correct_times(store.database)
        assert [TRUE_S + 110.0] == [event.end_utc_s for event in store.events(9)]


@pytest.mark.parametrize("by_s", [-3600.0, 0.0, 59.0])
def test_a_clock_that_was_ahead_or_hardly_wrong_changes_no_row(store: Store, by_s: float) -> None:
    note_clock(store.database, replace(UNSET, offset_s=TRUE_S - by_s))
    happen(store, "e1", TRUE_S + 100.0)
    note_clock(store.database, SET)
    assert 0 == correct_times(store.database)


def test_whether_the_time_was_known_in_this_run_of_the_box_is_remembered(store: Store) -> None:
    assert note_clock(store.database, replace(UNSET, offset_s=TRUE_S))
    assert not was_set(store.database, "boot-1")
    assert note_clock(store.database, SET), "it says the same, but now somebody vouches for it"
    assert (True, False) == (was_set(store.database, "boot-1"), was_set(store.database, "boot-2"))


def test_rows_are_put_right_in_short_pieces_and_none_is_written_without_need(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    note_clock(store.database, UNSET)
    happen(store, "e1", 100.0)
    with store.database.transaction() as connection:
        connection.executemany(
            "INSERT INTO audit (at_utc_s, origin, source_id, arguments, result) "
            "VALUES (?, 'mqtt', 'p', '{}', 'done')",
            [(100.0 + number / 100,) for number in range(1200)],
        )
    note_clock(store.database, SET)
    begun: list[int] = []
    transaction = store.database.transaction

    def counted() -> contextlib.AbstractContextManager[sqlite3.Connection]:
        begun.append(1)
        return transaction()

    monkeypatch.setattr(store.database, "transaction", counted)
    pieces = list(clocks.correct_times(store.database))
    assert 1 + 2 + 1200 == sum(pieces), "an event, its two changes, what was recorded"
    assert clocks.PIECE_ROWS == max(pieces)
    assert 1 + 1 + 1 + 3 == len(begun), "what waits, the event, its changes, three pieces of the record"
    assert 0 == correct_times(store.database)
    assert 6 == len(begun), "what is right is not written again"
