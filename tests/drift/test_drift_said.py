"""What somebody said of an event stands against a limit made from its sound until taken back."""

from __future__ import annotations

from pathlib import Path

import pytest
from past import T0, Past, past_in

from monitor.drift.said import labelled_since
from monitor.store import Label
from monitor.store.records import Rating
from monitor.store.shadow import RunKey, ShadowTally, add_shadow
from monitor.store.shadow_clips import Dispute, add_dispute

Word = tuple[str, Rating]


@pytest.mark.parametrize(
    ("words", "rating", "may_be_fault"),
    [
        ([], None, False),
        ([("anna", "no_anomaly")], "no_anomaly", False),
        ([("anna", "anomaly"), ("bert", "unsure")], "anomaly", True),
        ([("anna", "anomaly"), ("bert", "none")], "anomaly", True),
        ([("anna", "anomaly"), ("bert", "no_anomaly")], "disagreed", True),
        ([("anna", "anomaly"), ("anna", "none")], None, False),
    ],
)
def test_one_person_cannot_take_back_what_another_called_an_anomaly(
    tmp_path: Path, words: list[Word], *, rating: str | None, may_be_fault: bool
) -> None:
    with past_in(tmp_path) as past:
        said(past, words)
        (event,) = labelled_since(past.store, "pump", T0)
        assert (rating, may_be_fault) == (event.rating, event.may_be_fault)


def test_what_a_candidate_alone_alarmed_at_counts_where_somebody_calls_it_an_anomaly(tmp_path: Path) -> None:
    with past_in(tmp_path) as past:
        dispute = Dispute("candidate", 100.0, T0 + 100.0, 104.0, 0.5, 1.4, None)
        key = RunKey("pump", "ae-1", "candidate")
        add_shadow(past.store.database, {key: ShadowTally(T0, 1.0, [])})
        number = add_dispute(past.store.database, key, dispute)
        assert number is not None
        assert [] == labelled_since(past.store, "pump", T0)
        past.store.add_dispute_label(number, Label(f"dispute-{number}", "anomaly", "ann", T0))
        (one,) = labelled_since(past.store, "pump", T0)
        assert (f"dispute-{number}", True, T0 + 104.0) == (one.event_id, one.may_be_fault, one.end_utc_s)
        assert [] == labelled_since(past.store, "pump", T0 + 200.0)


def said(past: Past, words: list[Word]) -> None:
    past.add_event("e-1")
    past.end_event("e-1", at_s=300.0)
    for at, (who, rating) in enumerate(words):
        past.store.add_label(Label("e-1", rating, who, T0 + at))
