"""A fault is named where two labelled events speak for it clearly, not where one does or two kinds vie."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from past import T0, Past, past_in

from monitor.messages import Float32
from monitor.replay.api.documents import similar_document
from monitor.replay.api.routes import voice_in
from monitor.replay.kept.sounds_like import NamedEvent, SoundsLike, sounds_like


def named(*pairs: tuple[str, float]) -> SoundsLike | None:
    return sounds_like(
        NamedEvent(f"e{n}", code, float(n), similarity) for n, (code, similarity) in enumerate(pairs)
    )


def test_two_near_events_of_one_kind_name_it_by_the_nearest() -> None:
    found = named(("leak", 0.3), ("Bearing", 0.85), ("bearing", 0.95), ("bearing", 0.1))
    assert found is not None
    assert ("bearing", 3, "e2") == (found.fault_code, found.labelled, found.nearest.event_id)
    assert pytest.approx(0.9) == found.similarity


@pytest.mark.parametrize(
    "pairs",
    [
        (),
        (("bearing", 0.99),),
        (("bearing", 0.72), ("bearing", 0.66)),
        (("bearing", 0.9), ("bearing", 0.9), ("leak", 0.87), ("leak", 0.87)),
        (("bearing", 0.8), ("bearing", 0.8), ("leak", 0.95)),
    ],
    ids=["nothing", "one label", "far", "two kinds vie", "one of another kind is nearer"],
)
def test_what_is_not_sure_is_not_said(pairs: tuple[tuple[str, float], ...]) -> None:
    assert None is named(*pairs)


def whine(seed: int, band: int) -> Float32:
    error = np.random.default_rng(seed).chisquare(1, (128, 64)).astype(np.float32)
    error[band : band + 4] += 30.0
    return error


@pytest.fixture
def past(tmp_path: Path) -> Iterator[Past]:
    """Three whines with their fault, two hums, and a whine that nobody has named."""
    with past_in(tmp_path / "state") as past:
        for number, (event_id, band, code) in enumerate(
            [
                ("a", 40, "belt"),
                ("b", 41, "belt"),
                ("c", 90, "hum"),
                ("d", 40, "Belt"),
                ("e", 91, "hum"),
                ("new", 40, None),
            ]
        ):
            past.add_event(event_id, start_s=100.0 * number)
            past.add_window(event_id, start_s=100.0 * number, error=whine(number, band))
            if code is not None:
                past.add_label(event_id, "anomaly", code)
        yield past


def test_the_store_names_the_fault_that_its_labelled_events_speak_for(past: Past) -> None:
    found = past.library.similar("new", limit=2)
    assert found.fault is not None
    assert ("belt", 3) == (found.fault.fault_code.casefold(), found.fault.labelled)
    assert found.fault.nearest.event_id in {"a", "d"}
    assert 2 == len(found.events)
    document = similar_document(found, voice_in("en")).sounds_like
    assert document is not None
    assert document.nearest.startswith("2025-10-09")
    assert T0 <= found.fault.nearest.start_utc_s


def test_an_event_of_which_people_disagree_speaks_for_nothing(past: Past) -> None:
    for event_id in ("a", "b"):
        past.add_label(event_id, "no_anomaly")
    assert None is past.library.similar("new", limit=2).fault
