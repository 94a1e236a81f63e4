"""The sound of a dispute is kept, bounded, goes before that of events, and its row says what became of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from monitor.config import StoreConfig
from monitor.messages import Quality, read_only
from monitor.store import ClipJob, Label, Store, open_store, prune
from monitor.store.dispute_labels import dispute_id
from monitor.store.measures import kept_bytes
from monitor.store.shadow import RunKey, ShadowTally, ShadowWindow, add_shadow
from monitor.store.shadow_clips import (
    Dispute,
    StoredDispute,
    add_dispute,
    disputes_of,
    note_unwritten_dispute,
    prolong_disputes,
    write_dispute_clip,
)

T0 = 1_790_000_000.0
DAY_S = 86_400.0
PUMP = RunKey("pump1", "mae-1", "ae-2")
ROOM = StoreConfig(min_free_bytes=0)


@pytest.fixture
def run(store: Store) -> Store:
    """A store that knows one run, of one window."""
    window = ShadowWindow("pump1", "mae-1", "ae-2", T0, T0 + 2.0, 0.0, 0.5, 1.5, Quality.OK)
    add_shadow(store.database, {PUMP: ShadowTally(T0, 1.0, [window])})
    return store


def job_at(start_s: float) -> ClipJob:
    samples = read_only(np.random.default_rng(int(start_s)).uniform(-0.5, 0.5, 16000).astype(np.float32))
    return ClipJob("pump1", "", samples, 16000, start_s - 3.0, T0 + start_s - 3.0, 5)


def dispute_at(start_s: float) -> Dispute:
    return Dispute("candidate", start_s, T0 + start_s, start_s + 4.0, 0.6, 1.5, None)


def add(store: Store, start_s: float) -> int:
    number = add_dispute(store.database, PUMP, dispute_at(start_s))
    assert number is not None
    write_dispute_clip(store.database, store.state_dir, number, job_at(start_s))
    return number


def there(store: Store) -> list[StoredDispute]:
    found = [one for one in disputes_of(store.database, "pump1") if one.clip and one.clip.gone is None]
    assert all((store.state_dir / one.clip.path).is_file() for one in found if one.clip)
    return found


def test_a_dispute_is_read_as_it_was_kept_with_its_sound(run: Store) -> None:
    number = add(run, 100.0)
    prolong_disputes(run.database, [(number, replace(dispute_at(100.0), end_s=160.0, candidate_peak=2.0))])
    (found,) = disputes_of(run.database, "pump1", candidate="ae-2")
    assert (PUMP, 160.0, 2.0, T0 + 160.0) == (
        found.run,
        found.dispute.end_s,
        found.dispute.candidate_peak,
        found.end_utc_s,
    )
    assert found.clip is not None
    assert (3.0, 1.0, 5, None) == (
        found.clip.before_s,
        found.clip.duration_s,
        found.clip.lost_samples,
        found.clip.protection,
    )
    samples, rate_hz = soundfile.read(run.state_dir / found.clip.path)
    assert (16000, 16000) == (rate_hz, len(samples))
    assert kept_bytes(run) == found.clip.size_bytes
    assert [] == disputes_of(run.database, "pump1", candidate="another")


def test_a_dispute_of_no_run_is_not_kept_and_one_without_sound_says_why(run: Store) -> None:
    assert add_dispute(run.database, RunKey("pump1", "mae-1", "gone"), dispute_at(1.0)) is None
    number = add_dispute(run.database, PUMP, dispute_at(1.0))
    assert number is not None
    note_unwritten_dispute(run.database, number, job_at(1.0), "never")
    (found,) = disputes_of(run.database, "pump1")
    assert found.clip is not None
    assert ("never", 0) == (found.clip.gone, found.clip.size_bytes)


def test_the_newest_clips_of_a_source_stay_and_none_that_is_too_old(run: Store) -> None:
    numbers = [add(run, 10.0 * i) for i in range(5)]
    report = prune(run, ROOM.model_copy(update={"shadow_max_clips": 3}), None)
    assert numbers[:1:-1] == [one.n for one in there(run)]
    assert (2, 5) == (report.removed_for_age, len(disputes_of(run.database, "pump1")))
    prune(run, ROOM.model_copy(update={"shadow_max_days": 1.0}), T0 + 35.0 + DAY_S)
    assert numbers[4:] == [one.n for one in there(run)]
    assert numbers[4:] == [one.n for one in disputes_of(run.database, "pump1")], "rows go with their sound"


def test_no_sound_is_kept_longer_than_that_of_events(run: Store) -> None:
    add(run, 10.0)
    rules = ROOM.model_copy(update={"shadow_max_days": 90.0, "max_age_days": 30.0})
    prune(run, rules, T0 + 29.0 * DAY_S)
    assert 1 == len(there(run))
    prune(run, rules, T0 + 31.0 * DAY_S)
    assert ([], 1) == (there(run), len(disputes_of(run.database, "pump1"))), "what was said of it stays"


def test_when_room_is_short_they_go_before_the_sound_of_events(
    run: Store, raise_event: Callable[[Store, str], None], clip_of: Callable[..., ClipJob]
) -> None:
    add(run, 10.0)
    raise_event(run, "e1")
    run.add_clip(clip_of("e1", 0.0, T0))
    (clip,) = run.clips("e1")
    bounds = StoreConfig(max_bytes=1_000_000, min_events_per_source=0, min_free_bytes=0)
    report = prune(run, bounds.model_copy(update={"max_bytes": int(clip.size_bytes * 1.05)}), None)
    assert ([], 1) == (there(run), report.removed_for_space)
    assert run.clips("e1")[0].gone is None
    assert "space" == getattr(disputes_of(run.database, "pump1")[0].clip, "gone", None)


def test_what_somebody_has_labelled_stays_with_its_sound(run: Store) -> None:
    numbers = [add(run, 10.0 * i) for i in range(3)]
    label = Label(dispute_id(numbers[0]), "anomaly", "anna", T0 + 100.0)
    run.add_dispute_label(numbers[0], label)
    prune(run, ROOM.model_copy(update={"shadow_max_clips": 1, "shadow_max_days": 1.0}), T0 + 1e6)
    assert numbers[:1] == [one.n for one in there(run)]
    assert numbers[:1] == [one.n for one in disputes_of(run.database, "pump1")]


def test_a_kill_between_file_and_row_leaves_nothing_after_the_next_opening(run: Store) -> None:
    add(run, 10.0)
    state_dir = run.state_dir
    (found,) = there(run)
    assert found.clip is not None
    stray = (state_dir / found.clip.path).with_name("120000-stray.flac")
    stray.write_bytes(b"sound")
    (state_dir / found.clip.path).unlink()
    run.close()
    with closing(open_store(state_dir)) as store:
        assert (1, 1) == (store.tidied.unlisted_files, store.tidied.missing_files)
        assert not stray.exists()
        assert "missing" == getattr(disputes_of(store.database, "pump1")[0].clip, "gone", None)
