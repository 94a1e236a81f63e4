"""Whatever rows go meanwhile, the alarms, hours and stretches of a shadow run stay what they were."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from shadowed_rows import PUMP, RUN, T0, window

from monitor.alarm import AlarmSnapshot
from monitor.config import AlarmConfig, Config
from monitor.promotion.reckoner import reckoner
from monitor.promotion.rehearsed import Alarmed, rules_of
from monitor.promotion.shadowed import Shadowed, reckoned, shadowed
from monitor.store import Store, open_store
from monitor.store.retention import shadow_rows
from monitor.store.retention.shadow_rows import prune_windows
from monitor.store.shadow import ShadowTally, ShadowWindow, add_shadow, shadow_windows
from monitor.store.shadow_past import Past, PastAlarm, PastHeard, past_of

CONFIG = Config.model_validate({"sources": [{"id": "pump", "kind": "file", "path": "none.wav"}]})
SETTINGS = CONFIG.alarm


def drawn(count: int) -> list[ShadowWindow]:
    """Windows with alarms of both, alone and together, long and short, and some that one has not judged."""
    draws, rows, level = random.Random(7), [], [0.2, 0.2]
    for i in range(count):
        level = [draws.choice([0.2, 1.5]) if draws.random() < 0.04 else one for one in level]
        live, candidate = level
        rows.append(window(float(i), live, None if draws.random() < 0.02 else candidate))
    return rows


def told(found: Shadowed) -> tuple[object, ...]:
    return found.live, found.candidate, pytest.approx(found.hours), found.since_utc_s, found.until_utc_s


def now(store: Store, since_utc_s: float | None = None) -> Shadowed:
    past = past_of(store.database, "pump", live_bundle_id=RUN.live_bundle_id, candidate=RUN.candidate)
    rows = shadow_windows(store.database, "pump", since_utc_s=since_utc_s)
    return shadowed(rows, SETTINGS, PUMP, past=past, since_utc_s=since_utc_s)


@pytest.mark.parametrize("every", [40, 333])
def test_a_run_says_the_same_however_much_of_it_has_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, every: int
) -> None:
    monkeypatch.setattr(shadow_rows, "PIECE_ROWS", 600)
    rows = drawn(1500)
    whole = shadowed(rows, SETTINGS, PUMP)
    assert len(whole.live) > 5 < len(whole.candidate)
    store = open_store(tmp_path)
    for first in range(0, len(rows), every):
        batch = rows[first : first + every]
        add_shadow(store.database, {RUN: ShadowTally(batch[0].start_utc_s, 1.0, batch, rules="a")})
        prune_windows(
            store.database,
            now_utc_s=None,
            max_age_s=1.0,
            max_windows=100,
            reckon=reckoner(lambda: CONFIG, AlarmSnapshot),
        )
    assert len(list(shadow_windows(store.database, "pump"))) < 400
    after = now(store)
    assert told(after) == told(whole)
    fault = Alarmed(T0 + 500.0, T0 + 560.0, 0.0)
    assert pytest.approx(whole.covered.covered_s(fault), abs=5.0) == after.covered.covered_s(fault)
    later = now(store, since_utc_s=T0 + 700.0)
    assert later.hours == pytest.approx(shadowed(rows[700:], SETTINGS, PUMP).hours, abs=30.0 / 3600.0), (
        "what was before a promotion is no evidence, wherever it is kept"
    )
    assert all(one.start_utc_s >= T0 + 700.0 for one in (*later.live, *later.candidate))
    store.close()


def test_rows_are_cut_where_no_alarm_goes_on_and_all_of_them_where_they_must_go() -> None:
    rows = [window(float(i), 0.1, 2.0 if 10 <= i < 20 or i >= 40 else 0.1) for i in range(60)]

    def cut(*, whole: bool) -> tuple[int, int]:
        found = reckoned(rows, SETTINGS, PUMP, heard_until_utc_s=None, whole=whole)
        return found.count, len(found.past.alarms)

    assert [(40, 1), (60, 2)] == [cut(whole=False), cut(whole=True)]


def test_of_a_stretch_that_a_promotion_divides_the_part_after_it_counts() -> None:
    past = Past(
        [PastAlarm("live", T0, T0 + 5.0, 1.5), PastAlarm("live", T0 + 80.0, T0 + 90.0, 1.5)],
        [PastHeard(T0, T0 + 100.0, 50.0), PastHeard(T0 + 200.0, T0 + 210.0, 10.0)],
    )
    found = shadowed([], SETTINGS, PUMP, past=past, since_utc_s=T0 + 60.0)
    assert (1, T0 + 60.0) == (len(found.live), found.since_utc_s)
    assert found.hours == pytest.approx(30.0 / 3600.0)


def test_nobody_can_say_what_rows_of_a_source_were_that_is_gone() -> None:
    rows = [window(0.0, 0.1, 0.1)]
    key = rows[0].run
    gone = reckoner(lambda: CONFIG, lambda _source_id: None)
    assert gone(key, rows, heard_until_utc_s=None, whole=True) is None
    other = reckoner(lambda: CONFIG.model_copy(update={"sources": ()}), AlarmSnapshot)
    assert other(key, rows, heard_until_utc_s=None, whole=True) is None


def test_rules_are_others_where_other_alarms_would_come_of_the_same_scores() -> None:
    plain = rules_of(AlarmConfig(), PUMP)
    assert plain == rules_of(AlarmConfig(warning_value=0.7), AlarmSnapshot("pump", limits_by="anna"))
    assert 5 == len(
        {
            plain,
            rules_of(AlarmConfig(on_delay_s=7.0), PUMP),
            rules_of(AlarmConfig(), AlarmSnapshot("pump", limit=1.5)),
            rules_of(AlarmConfig(), AlarmSnapshot("pump", deadband=0.3)),
            rules_of(AlarmConfig(false_alarms_per_week=2.0), PUMP),
        }
    )
