"""Whatever a candidate raises, its thread goes on, the others are asked, and the live source never knows."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from fixtures_live import DEMO
from shadow_rig import HOP_S, ignored, library_with, score_at

from monitor.alarm import Alarm
from monitor.config import parse_config
from monitor.listening import open_ear
from monitor.messages import LogMel, read_only
from monitor.roster import Roster
from monitor.shadow.around import Surroundings
from monitor.shadow.facts import ShadowState
from monitor.shadow.hangs import ReplacedError
from monitor.shadow.shadow import ANSWER_WITHIN_S, HANGS_MAX, Shadow
from monitor.shadow.sounds import DisputeSounds
from monitor.shadow.team import UNEXPECTED
from monitor.shadow.watch import Watch
from monitor.store import open_store
from monitor.store.shadow import shadow_windows
from monitor.testing import CapturedLog

NAMES = ("pump-1", "pump-2")


class Rig:
    """Two sources with the same candidate, and a clock that is set by hand."""

    def __init__(self, state_dir: Path) -> None:
        sources = ", ".join(f"{{id: {name}, kind: simulated, bundle: managed}}" for name in NAMES)
        self.config = parse_config(f"state_dir: {state_dir}\nsources: [{sources}]", name="test")
        for name in NAMES:
            library = library_with(state_dir, DEMO / "mae", DEMO / "ae", source_id=name)
        self.ear = open_ear(library.live_folder(), self.config.window, self.config.input_quality)
        self.store, self.log, self.now_s = open_store(state_dir), CapturedLog(), 1000.0
        around = Surroundings(
            roster=Roster(()), store=self.store, sounds=DisputeSounds(ignored), live_waiting=lambda: 0,
            verdict=lambda *_: None, tell=ignored, config_now=lambda: self.config,
        )  # fmt: skip
        self.shadow = Shadow(self.config, around, self.log, monotonic=lambda: self.now_s)
        for _ in NAMES:  # one is opened at a time
            self.turn()

    def turn(self) -> None:
        self.now_s += 10.0
        self.shadow.run_once(0.0)

    def hear(self, number: int) -> None:
        """A window of each source, as the judging thread hands it over."""
        for name in NAMES:
            grid = self.ear.grid
            score = score_at(
                number * HOP_S, 0.5, length_s=grid.duration_s, bundle_id=self.ear.bundle.bundle_id,
                source_id=name,
            )  # fmt: skip
            manifest = self.ear.bundle.manifest
            logmel = LogMel(score.span, read_only(np.zeros((manifest.mel, manifest.frames), np.float32)))
            machine = SimpleNamespace(
                ear=self.ear, clips=SimpleNamespace(held=ignored), alarm=Alarm(name, self.config.alarm, None)
            )
            self.shadow.hear(cast("Any", machine), score, cast("Any", (logmel, None)))
        self.turn()

    def judged(self) -> Mapping[str, int]:
        return {name: len(list(shadow_windows(self.store.database, name))) for name in NAMES}


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(tmp_path)
    with closing(rig.store):
        yield rig


def failing(method: Callable[..., Any]) -> Callable[..., Any]:
    def instead(watch: Watch, *arguments: object) -> object:
        if watch.source_id == "pump-1":
            raise ValueError("nobody foresaw this")
        return method(watch, *arguments)

    return instead


@pytest.mark.parametrize("step", ["logmels", "take"])
def test_one_that_fails_where_nobody_foresaw_it_is_set_aside_alone(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    rig.hear(0)
    assert {"pump-1": 1, "pump-2": 1} == rig.judged(), rig.log.text()
    monkeypatch.setattr(Watch, step, failing(getattr(Watch, step)))
    for number in (1, 2):
        rig.hear(number)
    rig.turn()
    assert {"pump-1": 1, "pump-2": 3} == rig.judged()
    facts = rig.shadow.facts
    assert (ShadowState.SET_ASIDE, UNEXPECTED) == (facts["pump-1"].state, facts["pump-1"].reason)
    assert ShadowState.JUDGING is facts["pump-2"].state
    assert "a candidate failed" in rig.log.text()


def test_when_too_many_do_not_come_back_all_are_told_as_set_aside(rig: Rig) -> None:
    rig.hear(0)
    assert [ShadowState.JUDGING] * 2 == [one.state for one in rig.shadow.facts.values()]
    may_end, supervisor = threading.Event(), cast("Any", SimpleNamespace(start=lambda task: task))
    rig.shadow.start(supervisor, 0.0)

    def hang(inside: threading.Event) -> None:
        with contextlib.suppress(ReplacedError), rig.shadow._hangs.during(["pump-1"], ANSWER_WITHIN_S):
            inside.set()
            may_end.wait(30.0)

    threads = []
    for _ in range(HANGS_MAX):
        inside = threading.Event()
        threads.append(threading.Thread(target=hang, args=(inside,)))
        threads[-1].start()
        assert inside.wait(30.0)
        rig.now_s += ANSWER_WITHIN_S + 1.0
        rig.shadow.look_after(supervisor, 0.0)
    may_end.set()
    for thread in threads:
        thread.join(30.0)
    assert {
        (ShadowState.SET_ASIDE, "3 candidates did not come back; none is asked until the daemon starts anew")
    } == {(one.state, one.reason) for one in rig.shadow.facts.values()}
    rig.shadow.look_after(supervisor, 0.0)
    assert 1 == rig.log.text().count("none is asked until")
