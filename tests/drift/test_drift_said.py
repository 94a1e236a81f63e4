"""What somebody said of an event stands against a limit made from its sound until taken back."""

from __future__ import annotations

from pathlib import Path

import pytest
from past import T0, Past, past_in

from monitor.drift.said import labelled_since
from monitor.store import Label
from monitor.store.records import Rating

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


def said(past: Past, words: list[Word]) -> None:
    past.add_event("e-1")
    past.end_event("e-1", at_s=300.0)
    for at, (who, rating) in enumerate(words):
        past.store.add_label(Label("e-1", rating, who, T0 + at))
