"""Earlier events that looked alike are found by what was raised, whenever in the window it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from past import Past, past_in

from monitor.errors import UnknownIdError
from monitor.messages import Float32
from monitor.replay.kept.similar import description_of_map


def quiet(seed: int) -> Float32:
    return np.random.default_rng(seed).chisquare(1, (128, 64)).astype(np.float32)


def tone(seed: int, band: int = 40) -> Float32:
    error = quiet(seed)
    error[band : band + 4] += 30.0
    return error


def knocks(seed: int) -> Float32:
    error = quiet(seed)
    for frame in np.random.default_rng(seed).choice(64, 4, replace=False):
        error[60:110, frame] += 60.0
    return error


def hiss(seed: int) -> Float32:
    error = quiet(seed)
    error[80:] += 8.0
    return error


MAKERS: dict[str, Callable[[int], Float32]] = {"tone": tone, "knocks": knocks, "hiss": hiss}


@pytest.fixture
def past(tmp_path: Path) -> Iterator[Past]:
    with past_in(tmp_path / "state") as past:
        seed = 0
        for turn in range(4):
            for name, make in MAKERS.items():
                event_id = f"{name}{turn}"
                past.add_event(event_id, start_s=100.0 * seed)
                past.add_window(event_id, start_s=100.0 * seed, value=1.1, error=quiet(1000 + seed))
                past.add_window(event_id, start_s=100.0 * seed + 1, value=2.0, error=make(seed))
                seed += 1
        yield past


@pytest.mark.parametrize("name", MAKERS)
def test_events_of_the_same_making_come_first(past: Past, name: str) -> None:
    found = past.library.similar(f"{name}3", limit=11).events
    ids = [item.event.event_id for item in found]
    assert {f"{name}0", f"{name}1", f"{name}2"} == set(ids[:3])
    assert found[2].similarity > 0.8
    assert found[3].similarity < 0.6


def test_only_earlier_events_of_the_same_source_are_shown_with_their_labels(past: Past) -> None:
    past.add_label("tone0", "anomaly", "bearing")
    past.add_label("tone1", "unsure")
    past.add_label("tone1", "none")
    past.add_event("elsewhere", source_id="fan", start_s=0.0)
    past.add_window("elsewhere", start_s=0.0, error=tone(77))
    found = {item.event.event_id: item for item in past.library.similar("tone2", limit=50).events}
    assert {"tone0", "tone1"} <= set(found)
    assert not {"tone2", "tone3", "elsewhere"} & set(found)
    label = found["tone0"].label
    assert label is not None
    assert "bearing" == label.fault_code
    assert None is found["tone1"].label


def test_when_in_the_window_something_was_does_not_matter() -> None:
    error = knocks(5)
    moved = np.roll(error, 17, axis=1)
    assert np.allclose(description_of_map(error), description_of_map(moved), atol=1e-6)


def test_a_map_without_anything_is_like_nothing() -> None:
    assert not description_of_map(np.zeros((128, 64), np.float32)).any()
    assert pytest.approx(1.0, abs=1e-5) == np.linalg.norm(description_of_map(tone(1)))


def test_an_event_without_maps_has_none_and_is_none(past: Past) -> None:
    past.add_event("bare", start_s=5000.0)
    assert () == past.library.similar("bare", limit=5).events
    with pytest.raises(UnknownIdError):
        past.library.similar("nothing", limit=5)


def test_a_damaged_or_lost_map_is_passed_over(past: Past) -> None:
    worst = [max(past.library.event(name).windows, key=lambda w: w.value or 0) for name in ("tone0", "tone1")]
    (past.store.state_dir / worst[0].path).write_bytes(b"half")
    (past.store.state_dir / worst[1].path).unlink()
    ids = [item.event.event_id for item in past.library.similar("tone3", limit=50).events]
    assert "tone2" == ids[0]
    assert not {"tone0", "tone1"} & set(ids)
