"""What an event sounded like is kept with it, and no damage to it costs the event."""

from __future__ import annotations

import math
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from monitor.errors import StoreError, StoreRefusedError
from monitor.explanation import Explanation, Finding, SoundKind, tree_from_explanation
from monitor.messages import AlarmChange, ChangeReason
from monitor.store import Store, open_store
from monitor.store.schema import MIGRATIONS

KNOCK = Explanation(
    findings=(Finding(SoundKind.KNOCK, 900.0, 5200.0, 998.5, 998.75, 14.5),),
    start_utc_s=998.25,
    end_utc_s=1000.25,
    windows=1,
)
RHYTHM = replace(
    KNOCK,
    findings=(Finding(SoundKind.RHYTHM, 900.0, 5200.0, 998.5, 1003.5, 14.5, period_s=0.82),),
    end_utc_s=1004.25,
    windows=5,
)
PORTRAIT: Mapping[str, object] = {"version": 1, "course": [0, 3, 1]}


def explanation_in(store: Store, event_id: str = "e1") -> Explanation | None:
    event = store.event(event_id)
    assert event is not None
    return event.explanation


def test_a_change_brings_what_is_known_of_its_event(store: Store, raised: AlarmChange) -> None:
    store.apply([replace(raised, explanation=KNOCK)], snapshot={}, bundle_id=None)
    assert KNOCK == explanation_in(store)
    (record,) = store.pending(10)
    assert tree_from_explanation(KNOCK) == record.body["explanation"]
    assert [record.body] == store.transitions("e1")
    assert [KNOCK] == [event.explanation for event in store.events(10)]


def test_a_change_that_knows_nothing_takes_nothing_away(store: Store, raised: AlarmChange) -> None:
    store.apply([replace(raised, explanation=KNOCK)], snapshot={}, bundle_id=None)
    shelved = replace(raised, reason=ChangeReason.SHELVED, explanation=None)
    store.apply([shelved], snapshot={}, bundle_id=None)
    assert KNOCK == explanation_in(store)


def test_an_explanation_grows_in_its_event_and_sends_nothing(store: Store, raised: AlarmChange) -> None:
    store.apply([replace(raised, explanation=KNOCK)], snapshot={}, bundle_id=None)
    assert store.portrait("e1") is None
    store.update_explanation("e1", RHYTHM, portrait=PORTRAIT)
    assert (RHYTHM, PORTRAIT) == (explanation_in(store), store.portrait("e1"))
    store.update_explanation("e1", RHYTHM, portrait=None)
    assert (RHYTHM, None) == (explanation_in(store), store.portrait("e1"))
    assert 1 == store.outbox_depth()
    assert tree_from_explanation(KNOCK) == store.transitions("e1")[0]["explanation"], "as it was then"


def test_what_can_never_be_kept_is_refused_whole(store: Store, raised: AlarmChange) -> None:
    with pytest.raises(StoreRefusedError, match="'e9' is not known"):
        store.update_explanation("e9", KNOCK, portrait=None)
    store.apply([replace(raised, explanation=KNOCK)], snapshot={}, bundle_id=None)
    with pytest.raises(StoreRefusedError, match="cannot be stored"):
        store.update_explanation("e1", RHYTHM, portrait={"x": math.nan})
    assert (KNOCK, None) == (explanation_in(store), store.portrait("e1"))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"findings": [{"kind": "melody"}]}'])
def test_an_event_whose_explanation_is_damaged_is_listed_without_it(
    store: Store, raised: AlarmChange, text: str
) -> None:
    store.apply([replace(raised, explanation=KNOCK)], snapshot={}, bundle_id=None)
    with store.database.transaction() as connection:
        connection.execute("UPDATE events SET explanation = ?, portrait = ?", (text, text))
    assert [("e1", None)] == [(event.event_id, event.explanation) for event in store.events(10)]
    assert store.portrait("e1") is None or text.startswith("{")


def test_a_store_of_the_first_release_is_converted_and_keeps_its_events(state_dir: Path) -> None:
    state_dir.mkdir(mode=0o700)
    with closing(sqlite3.connect(state_dir / "store.sqlite", isolation_level=None)) as old:
        for statement in MIGRATIONS[1]:
            old.execute(statement)
        old.execute("PRAGMA user_version = 1")
        old.execute(
            "INSERT INTO events (event_id, source_id, start_utc_s, peak, state) "
            "VALUES ('e1', 'pump1', 998.25, 1.5, 'returned')"
        )
    with pytest.raises(StoreError, match="start the daemon once to convert it"):
        open_store(state_dir, read_only=True)
    with closing(open_store(state_dir)) as store:
        (event,) = store.events(10)
        assert ("e1", 1.5, None) == (event.event_id, event.peak, event.explanation)
        store.update_explanation("e1", KNOCK, portrait=PORTRAIT)
        assert KNOCK == explanation_in(store)


def test_the_released_step_is_what_it_was() -> None:
    # the columns of release 0.1: whoever needs more adds a step
    with closing(sqlite3.connect(":memory:")) as memory:
        for statement in MIGRATIONS[1]:
            memory.execute(statement)
        columns = [row[1] for row in memory.execute("PRAGMA table_info(events)")]
    assert columns == [
        *("n", "event_id", "source_id", "start_utc_s", "end_utc_s", "peak", "state"),
        *("acknowledged_by", "acknowledged_utc_s", "bundle_id"),
    ]


WRITER = """
import sys, time
from pathlib import Path
from dataclasses import replace
from test_explanations import KNOCK, PORTRAIT, RHYTHM
from conftest import RAISED
from monitor.store import open_store
store = open_store(Path(sys.argv[1]))
store.apply([replace(RAISED, explanation=KNOCK)], snapshot={}, bundle_id=None)
store.update_explanation("e1", RHYTHM, portrait=PORTRAIT)
print("kept", flush=True)
time.sleep(60)
"""


def test_a_kill_leaves_what_was_kept_last(state_dir: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, "-c", WRITER, str(state_dir)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as writer:
        assert writer.stdout is not None
        assert "kept\n" == writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)
    with closing(open_store(state_dir)) as store:
        assert (RHYTHM, PORTRAIT) == (explanation_in(store), store.portrait("e1"))
