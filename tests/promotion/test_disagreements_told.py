"""What is known of many disagreements is asked for at once, and is what the store knows of each of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from past import RAISED
from shadowed_rows import RUN, T0, window

from monitor.messages import read_only
from monitor.promotion import disagreements as told
from monitor.promotion.disagreements import disagreements_at
from monitor.store import ClipJob, Label, Store, open_store
from monitor.store.database import Database
from monitor.store.shadow import ShadowTally, add_shadow
from monitor.store.shadow_clips import Dispute, add_dispute, disputes_of

EVENTS = 12
SILENCE = read_only(np.zeros(800, np.float32))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(tmp_path)) as opened:
        add_shadow(opened.database, {RUN: ShadowTally(T0, 1.0, [window(0.0, 1.5, 0.2)])})
        for i in range(EVENTS):
            at_utc_s = T0 + 100.0 * i
            raised = replace(
                RAISED, event_id=f"e{i}", source_id="pump", at_utc_s=at_utc_s, event_start_utc_s=at_utc_s
            )
            opened.apply([raised], snapshot={}, bundle_id=None)
            for who in ("live", "candidate"):
                add_dispute(
                    opened.database,
                    RUN,
                    Dispute(who, 100.0 * i, at_utc_s, 100.0 * i + 5.0, 1.5, 0.5, f"e{i}"),
                )
        yield opened


def test_each_has_the_labels_and_the_first_clip_that_is_there_of_its_own_event(store: Store) -> None:
    for i in range(0, EVENTS, 2):
        store.add_label(Label(f"e{i}", "anomaly", "ann", T0))
    store.add_label(Label("e2", "no_anomaly", "bob", T0 + 1.0))
    clips = {}
    for i in range(0, EVENTS, 3):
        for second in (0.0, 10.0):
            clips[i, second] = store.add_clip(ClipJob("pump", f"e{i}", SILENCE, 8000, second, T0, 0))
    with store.database.transaction() as connection:
        connection.execute("UPDATE clips SET gone = 'size' WHERE clip_id = ?", (clips[3, 0.0],))
    found = disagreements_at(store, "pump", disputes_of(store.database, "pump"))
    of_live = {one.event_id: one for one in found if one.alarmed == "live"}
    assert {f"e{i}" for i in range(EVENTS)} == set(of_live)
    for i in range(EVENTS):
        rating = "disagreed" if i == 2 else None if i % 2 else "anomaly"
        clip = None if i % 3 else clips[i, 10.0 if i == 3 else 0.0]
        assert (rating, clip) == (of_live[f"e{i}"].rating, of_live[f"e{i}"].clip_id), i
    # an event that was open while a candidate alone alarmed may have another cause
    assert {(None, None, None)} == {
        (one.event_id, one.rating, one.clip_id) for one in found if one.alarmed == "candidate"
    }


def test_the_store_is_asked_no_oftener_for_more_of_them(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    disputes = disputes_of(store.database, "pump")
    asked: list[str] = []
    rows = Database.rows

    def counted(database: Database, query: str, values: Sequence[Any] = ()) -> list[Any]:
        asked.append(query)
        return rows(database, query, values)

    monkeypatch.setattr(Database, "rows", counted)
    few = disagreements_at(store, "pump", disputes[:2])
    for_few = len(asked)
    assert few == disagreements_at(store, "pump", disputes)[:2]
    assert 2 * for_few == len(asked)
    monkeypatch.setattr(told, "AT_ONCE", 5)
    assert disagreements_at(store, "pump", disputes)[:2] == few, "older SQLite takes no more names at once"
