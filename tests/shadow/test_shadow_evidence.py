"""What a candidate disputes while the store takes nothing is told when it does: once, as it has become."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from fixtures_live import DEMO
from shadow_rig import heard, ignored, score_at

from monitor.config import AlarmConfig, InputQualityConfig, WindowConfig
from monitor.listening import open_ear
from monitor.shadow import watch
from monitor.shadow.evidence import Evidence
from monitor.shadow.sounds import DisputeSounds
from monitor.shadow.watch import Watch
from monitor.store import open_store
from monitor.store.shadow_clips import disputes_of
from monitor.testing import CapturedLog

SETTINGS = AlarmConfig(on_delay_s=2.0, off_delay_s=2.0)


class Rig:
    """A watch that is told scores, and evidence whose store has gone."""

    def __init__(self, state_dir: Path) -> None:
        ear = open_ear(DEMO / "mae", WindowConfig(), InputQualityConfig())
        candidate = SimpleNamespace(ear=ear, version="ae-2")
        self.watch = Watch("pump-1", cast("Any", candidate), SETTINGS, clip_every_s=60.0)
        self.machine = SimpleNamespace(
            ear=SimpleNamespace(hop_s=1.0), clips=SimpleNamespace(held=ignored, flag=ignored)
        )
        gone = open_store(state_dir)
        gone.close()
        self.evidence = Evidence(gone, DisputeSounds(ignored), CapturedLog())
        self.at_s = 0

    def judge(self, candidate: float, count: int, *, live_value: float = 0.3) -> None:
        """So many windows, of which the live bundle hears nothing as a rule; each is brought to the store."""
        for _ in range(count):
            live = score_at(float(self.at_s), live_value)
            window = heard(live, machine=self.machine)
            self.watch._follow(window)
            self.watch._note(window, live, score_at(float(self.at_s), candidate, bundle_id="ae-2"))
            self.evidence.keep([self.watch])
            self.at_s += 1


def test_a_dispute_that_lasts_as_long_as_the_disk_is_full_takes_no_memory_and_is_told_whole(
    tmp_path: Path,
) -> None:
    rig = Rig(tmp_path)
    rig.judge(0.3, 5)
    rig.judge(1.5, 300)
    assert 1 == len(rig.watch.changes)
    rig.judge(0.3, 10)
    rig.judge(1.5, 30)
    assert (2, 345) == (len(rig.watch.changes), rig.evidence.lost["pump-1"])
    with closing(open_store(tmp_path)) as store:
        rig.evidence._store = store
        rig.judge(1.5, 20)
        rig.judge(0.3, 10)
        second, first = disputes_of(store.database, "pump-1")
        assert 0 == len(rig.watch.changes)
    lasted = [one.dispute.end_s - one.dispute.start_s for one in (first, second)]
    assert (True, True) == (300.0 <= lasted[0] <= 306.0, 50.0 <= lasted[1] <= 56.0), lasted


def test_of_very_many_disputes_that_nobody_takes_the_newest_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "CHANGES_MAX", 5)
    rig = Rig(tmp_path)
    for _ in range(8):
        rig.judge(1.5, 5)
        rig.judge(0.3, 5)
    assert [30.0, 40.0, 50.0, 60.0, 70.0] == [change.dispute.start_s for _, change, _ in rig.watch.changes]


def test_an_alarm_that_the_live_one_joins_uses_up_no_sound_of_the_dispute_after_it(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.machine.clips.held = lambda *_span: ()
    rig.judge(0.3, 5)
    rig.judge(1.5, 5)
    rig.judge(1.5, 5, live_value=1.5)
    rig.judge(0.3, 10)
    assert 0 == len(rig.watch.changes), "both alarmed within ten seconds"
    for _ in range(2):
        rig.judge(1.5, 15)
        rig.judge(0.3, 5)
    assert [True, False] == [name is not None for _, _, name in rig.watch.changes], "one of those that follow"
