"""Sources leave and bundles change on a box that cannot keep up, or hears nothing, at no neighbour's cost."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from fixtures_live import DEMO, LiveDaemon, simulated

import monitor.turnover
from engines.bundle import open_bundle
from engines.runtime import Engine, EngineOutput
from monitor.lane import Lane
from monitor.messages import AudioBlock, Float32, Quality
from monitor.turnover import Turnover

Live = Callable[..., LiveDaemon]
HOP = 32 * 512
SLOW_S = 0.5
"""What each window takes: four sources of a window in a second make twice what there is time for."""


@pytest.fixture
def slow_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = Engine.infer

    def slow(self: Engine, batch: Float32) -> EngineOutput:
        time.sleep(SLOW_S * len(batch))
        return quick(self, batch)

    monkeypatch.setattr(Engine, "infer", slow)


def behind(live: Live, *sources: dict[str, object]) -> LiveDaemon:
    """A daemon whose queue is full."""
    daemon = live(*sources, engine={"backend": "onnxruntime", "queue_windows": 8})
    daemon.wait(lambda: any(fact.dropped_windows for fact in daemon.facts().values()), "drops")
    return daemon


@pytest.mark.slow
@pytest.mark.usefixtures("slow_engine")
def test_sources_that_leave_cost_their_neighbours_no_window_and_tell_each_of_their_own(
    live: Live, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(monitor.turnover, "SETTLE_WITHIN_S", 0.2)
    noise = 0.1 * np.random.default_rng(0).standard_normal(16_000 * 300)
    soundfile.write(tmp_path / "x.wav", noise, 16_000)
    file: dict[str, object] = {"id": "f", "kind": "file", "path": str(tmp_path / "x.wav"), "pace": "fast"}
    first, *others, last = [simulated(f"s{n}") for n in range(4)]
    daemon = behind(live, first, *others, last, file)
    heard, see_off = list[str](), Turnover._see_off

    def seen_off(self: Turnover, source_ids: Sequence[str]) -> None:
        heard.extend(capture.name for capture in daemon.daemon._inputs.captures)
        see_off(self, source_ids)

    monkeypatch.setattr(Turnover, "_see_off", seen_off)
    assert "done" == daemon.reload({**first, "seed": 9}, *others)["result"]
    daemon.wait(lambda: ["s0", "s1", "s2"] == list(daemon.facts()), "s3 and the file to leave")
    assert not daemon.daemon._supervisor.gave_up.is_set(), "the file waited for room"
    daemon.hear("s1", 3)
    assert 0 == daemon.daemon._supervisor.restarted
    for source_id in ("s1", "s2", "s3", "f"):
        firsts = [score.span.first_sample for score in daemon.of(source_id)]
        hops = {b - a for a, b in pairwise(firsts[:-1])}  # a tail ends with the stream
        assert {HOP} == hops, "each is told, judged or dropped"
    assert Quality.DROPPED is daemon.of("s3")[-1].span.quality
    assert {"s0", "s1", "s2"} == daemon.daemon._queue.passed().keys(), "counters of those that left go"
    assert {f"capture s{n}" for n in range(3)} == set(heard), "s0 is opened anew before anybody is waited for"
    assert 0 == daemon.stop()


def test_a_swap_that_is_taken_back_before_any_sound_came_leaves_the_bundle_that_is_configured(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitor.turnover, "SETTLE_WITHIN_S", 0.2)
    engines = {name: {"backend": "onnxruntime", "bundle": str(DEMO / name)} for name in ("mae", "ae")}
    daemon = live(simulated("a"), engine=engines["mae"])
    daemon.hear("a", 2)
    hears, silent, missed = Lane.add, [True], list[AudioBlock]()

    def add(self: Lane, block: AudioBlock) -> None:
        if silent:
            missed.append(block)
        elif missed:
            lost = block.lost_samples + block.first_sample - missed[0].first_sample
            missed.clear()
            hears(self, replace(block, lost_samples=lost))
        else:
            hears(self, block)

    monkeypatch.setattr(Lane, "add", add)
    for name, before in (("ae", "mae"), ("mae", "ae")):
        detail = daemon.reload(simulated("a"), engine=engines[name])["detail"]
        by, until = (open_bundle(DEMO / each).bundle_id for each in (name, before))
        assert f"a is judged by bundle {by}, opened and warmed up, from its next window on" in detail
        assert f"by {until} up to there" in detail
    assert "nothing differs" == daemon.reload(simulated("a"))["detail"], "what is to come is what is wanted"
    judged = daemon.count("a")
    silent.clear()
    daemon.hear("a", 3)
    mae = open_bundle(DEMO / "mae").bundle_id
    assert {mae} == {score.bundle_id for score in daemon.of("a")[judged:]}
    assert mae == daemon.facts()["a"].bundle_id
    daemon.wait(lambda: 1 == len(daemon.daemon._roster.models), "what was passed over is closed")
    assert [] == daemon.daemon._roster.awaited


def test_a_successor_takes_over_with_the_next_reload_when_its_sound_has_ended_meanwhile(
    live: Live, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(monitor.turnover, "SETTLE_WITHIN_S", 0.2)
    soundfile.write(tmp_path / "x.wav", 0.1 * np.random.default_rng(0).standard_normal(48_000), 16_000)
    file: dict[str, object] = {"id": "f", "kind": "file", "path": str(tmp_path / "x.wav")}
    daemon = live(simulated("a"), file)
    daemon.wait(lambda: daemon.count("f"), "the file")
    ae = {**file, "bundle": str(DEMO / "ae")}
    finished = daemon.daemon._inputs.lane_of("f")
    daemon.wait(lambda: finished.finished, "its end")
    finished.finished = False  # as if its device were missing for the while of the reload
    daemon.reload(simulated("a"), ae)
    assert ["f"] == [machine.source_id for machine in daemon.daemon._roster.awaited]
    finished.finish()  # as whoever captures does when it ends; by now nobody does
    daemon.reload(simulated("a"), ae)
    daemon.wait(lambda: not daemon.daemon._roster.awaited, "the successor")
    assert open_bundle(DEMO / "ae").bundle_id == daemon.facts()["f"].bundle_id
