"""Sources come, go and change, and bundles are swapped, while the real daemon judges on."""

from __future__ import annotations

import gc
import json
import random
import threading
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from fixtures_live import DEMO, LiveDaemon, calibrate, copy_bundle, simulated
from tiny_detector import tiny_bundle

import monitor.models
from engines.bundle import open_bundle
from engines.runtime import Engine
from monitor.messages import AlarmState, CaptureState, ChangeReason, Score

Live = Callable[..., LiveDaemon]
HOP = 32 * 512
"""Samples from one window of the demo bundles to the next ..."""
TINY_HOP = 32 * 128
"""... and of the tiny ones."""


def starts(scores: Sequence[Score], hop: int) -> bool:
    """Whether each window starts a hop behind the one before."""
    return all(b.span.first_sample - a.span.first_sample == hop for a, b in pairwise(scores))


def check_ledger(live: LiveDaemon, source_id: str) -> None:
    ledger = live.facts()[source_id].ledger
    assert ledger is not None
    assert ledger.balances


@pytest.mark.slow
def test_sources_come_go_and_change_and_their_neighbours_notice_nothing(live: Live) -> None:
    daemon = live(simulated("a"), simulated("b"))
    daemon.hear("a", 2)

    reply = daemon.reload(simulated("c"), simulated("a"), simulated("b"))
    assert ("done", "c joins") == (reply["result"], reply["detail"])
    assert ["c", "a", "b"] == list(daemon.facts()), "in the order of the file"
    daemon.hear("c", 2)
    daemon.wait(lambda: daemon.facts()["b"].alarm is AlarmState.UNACKNOWLEDGED, "an alarm of b")
    event = [change for change in daemon.changes if change.source_id == "b"][-1].event_id

    assert "done" == daemon.reload(simulated("c"), simulated("a"))["result"]
    daemon.wait(lambda: list(daemon.facts()) == ["c", "a"], "b to leave")
    left = [change for change in daemon.changes if change.source_id == "b"][-1]
    assert (ChangeReason.OUT_OF_SERVICE, AlarmState.OUT_OF_SERVICE, "configuration") == (
        left.reason,
        left.new_state,
        left.actor,
    )
    store = daemon.daemon._store
    daemon.wait(lambda: store.clips(str(left.event_id)), "the clip of b")
    assert store.event(str(left.event_id)) is not None, "its history stays"
    judged = daemon.count("b")

    assert "done" == daemon.reload(simulated("c"), simulated("a", seed=9), simulated("b"))["result"]
    daemon.hear("b", 2)
    back = [change for change in daemon.changes if change.source_id == "b" and change.actor][-1]
    assert (ChangeReason.IN_SERVICE, AlarmState.UNACKNOWLEDGED, left.event_id) == (
        back.reason,
        back.new_state,
        back.event_id,
    )
    assert event is not None
    assert 0 == daemon.of("b")[judged].span.first_sample, "its stream begins anew"
    daemon.hear("a", 2)
    assert starts(daemon.of("a"), HOP), "the input that was opened anew goes on on the stream's grid"
    assert starts(daemon.of("c"), HOP)
    assert 0 < daemon.facts()["a"].capture.lost_samples < 16_000 * 5
    assert 0 == daemon.facts()["c"].capture.lost_samples
    for source_id in ("a", "b", "c"):
        check_ledger(daemon, source_id)
    assert 0 == daemon.daemon._supervisor.restarted
    assert 0 == daemon.stop()


def test_what_does_not_fit_refuses_the_whole_and_leaves_nothing_open(live: Live, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "x.wav", np.zeros(16_000), 16_000)
    daemon = live(simulated("a"))
    daemon.hear("a", 1)
    file: dict[str, object] = {"id": "x", "kind": "file", "path": str(tmp_path / "x.wav")}
    broken = copy_bundle(DEMO / "ae", tmp_path / "broken")
    (broken / "model.onnx").write_bytes(b"no model")
    tiny = tiny_bundle(tmp_path / "tiny").folder
    before = (threading.active_count(), open_files())
    cases: list[tuple[list[dict[str, object]], str]] = [
        ([simulated("a"), file, {"id": "y", "kind": "file", "path": "/nowhere.wav"}], "/nowhere.wav"),
        ([simulated("a"), simulated("n", bundle=str(broken))], "broken"),
        ([simulated("a", bundle=str(tiny))], "wheeltapper calibrate"),
        ([simulated("A"), simulated("b")], "by letter case alone"),
        ([simulated("a"), {"id": "z", "kind": "radio"}], "sources.z"),
        ([simulated("a"), simulated("a")], "stands twice"),
    ]
    for sources, sentence in cases:
        reply = daemon.reload(*sources)
        assert ("refused", True) == (reply["result"], sentence in reply["reason"]), reply["reason"]
        assert reply["reason"].startswith("nothing was changed: ")
    reply = daemon.reload(simulated("a"), simulated("b"), site="mill")
    assert "site is 'plant', the file says 'mill'; restart the daemon" in reply["reason"]
    daemon.hear("a", 2)
    gc.collect()
    # a file of the store may be open just now: it will not stay
    daemon.wait(lambda: threading.active_count() <= before[0] and open_files() <= before[1], "all closed")
    assert ["a"] == list(daemon.facts())
    assert starts(daemon.of("a"), HOP)


@pytest.mark.slow
def test_a_bundle_is_swapped_without_losing_a_sample_and_the_event_goes_on(
    live: Live, tmp_path: Path
) -> None:
    daemon = live(simulated("a"), simulated("b", bundle=str(DEMO / "mae")))
    daemon.wait(lambda: daemon.facts()["a"].alarm is AlarmState.UNACKNOWLEDGED, "an alarm")
    event = daemon.daemon._roster.get("a").alarm.snapshot.event_id  # type: ignore[union-attr]
    mae, ae = (open_bundle(DEMO / name).bundle_id for name in ("mae", "ae"))

    engine = {"bundle": str(DEMO / "ae"), "backend": "onnxruntime"}
    reply = daemon.reload(simulated("a"), simulated("b", bundle=str(DEMO / "mae")), engine=engine)
    assert "done" == reply["result"]
    assert f"a is judged by bundle {ae}, opened and warmed up" in reply["detail"]
    assert "b is judged" not in reply["detail"]
    daemon.hear("a", 3)
    assert {(mae, False), (ae, True)} == {(s.bundle_id, s.bundle_id == ae) for s in daemon.of("a")}
    assert 1 == sum(x.bundle_id != y.bundle_id for x, y in pairwise(daemon.of("a"))), "it changes once"
    assert starts(daemon.of("a"), HOP)
    assert all(score.value is not None for score in daemon.of("a")), "judged throughout"
    assert event == daemon.daemon._roster.get("a").alarm.snapshot.event_id  # type: ignore[union-attr]
    assert ae == daemon.facts()["a"].bundle_id

    # another front end altogether: other windows, another hop
    tiny = tiny_bundle(tmp_path / "tiny")
    calibrate(tiny.folder, daemon.folder / "state" / "calibration" / "a.json", hop_s=TINY_HOP / 16_000)
    reply = daemon.reload(simulated("a", bundle=str(tiny.folder)), simulated("b", bundle=str(DEMO / "mae")))
    assert "done" == reply["result"], reply
    daemon.wait(lambda: sum(s.bundle_id == tiny.bundle_id for s in daemon.of("a")) > 8, "the other bundle")
    scores = daemon.of("a")
    swap = next(n for n, score in enumerate(scores) if score.bundle_id == tiny.bundle_id)
    old, new = scores[:swap], scores[swap:]
    assert {ae, mae} == {score.bundle_id for score in old}
    assert {tiny.bundle_id} == {score.bundle_id for score in new}
    assert starts(old, HOP)
    assert starts(new, TINY_HOP)
    first, last = new[0].span.first_sample, old[-1].span.first_sample
    assert last < first <= last + HOP, "the starts go on where the one before would have gone on"
    assert event == daemon.daemon._roster.get("a").alarm.snapshot.event_id  # type: ignore[union-attr]

    # the same folder with other files in it
    folder = copy_bundle(DEMO / "mae", tmp_path / "present")
    assert "done" == daemon.reload(simulated("b", bundle=str(folder)))["result"]
    daemon.hear("b", 1)
    assert "nothing differs" == daemon.reload(simulated("b", bundle=str(folder)))["detail"]
    copy_bundle(DEMO / "ae", folder)
    assert f"b is judged by bundle {ae}" in daemon.reload(simulated("b", bundle=str(folder)))["detail"]
    daemon.hear("b", 2)
    assert [mae, ae] == list(dict.fromkeys(score.bundle_id for score in daemon.of("b")))
    assert starts(daemon.of("b"), HOP)
    check_ledger(daemon, "b")
    capture = daemon.facts()["b"].capture
    assert (CaptureState.HEALTHY, 0, 0) == (capture.state, capture.lost_samples, capture.restarts)
    daemon.wait(lambda: 1 == len(daemon.daemon._roster.engines), "what nobody uses to be closed")
    assert 0 == daemon.daemon._supervisor.restarted


def test_a_bundle_that_opens_slowly_holds_up_nothing_not_even_a_hangup(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = live(simulated("a"))
    daemon.hear("a", 1)
    slow, goes_on = monitor.models.checked_engine, threading.Event()

    def opens_slowly(*arguments: object) -> Engine:
        assert goes_on.wait(30.0)
        return slow(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(monitor.models, "checked_engine", opens_slowly)
    daemon.write(
        simulated("a"), simulated("b"), engine={"bundle": str(DEMO / "ae"), "backend": "onnxruntime"}
    )
    daemon.hangup.set()
    daemon.hear("a", 2)
    daemon.write(simulated("a"), simulated("c"))
    daemon.hangup.set()  # in the middle of the first
    daemon.hear("a", 2)
    assert ["a"] == list(daemon.facts())
    goes_on.set()
    daemon.wait(lambda: {"a", "c"} == daemon.facts().keys(), "both reloads")
    daemon.hear("c", 1)
    assert starts(daemon.of("a"), HOP)
    daemon.wait(
        lambda: 2 == [event for _, event, _ in daemon.log.lines].count("command done"), "a word of each"
    )
    assert not any(
        score.span.source_id == "b" for score in daemon.scores if score.span.first_sample > 10 * HOP
    )


@pytest.mark.slow
def test_twenty_random_reloads_leave_threads_files_and_memory_as_they_were(
    live: Live, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "x.wav", 0.1 * np.random.default_rng(1).standard_normal(64_000), 16_000)
    file = {"id": "f", "kind": "file", "path": str(tmp_path / "x.wav"), "repeat": True}
    dice = random.Random(4)
    bundles = [tiny_bundle(tmp_path / kind, kind).folder for kind in ("mae", "ae")]
    for bundle in bundles:
        calibrate(bundle, bundle / "calibration.json", hop_s=TINY_HOP / 16_000)
    daemon = live(simulated("a"), engine={"backend": "onnxruntime", "bundle": str(bundles[0])})
    daemon.hear("a", 1)

    def settle() -> None:
        daemon.reload(simulated("a"))
        daemon.wait(lambda: ["a"] == list(daemon.facts()))
        daemon.wait(lambda: 1 == len(daemon.daemon._roster.engines))
        daemon.hear("a", 1)
        gc.collect()

    def one() -> None:
        names = dice.sample(["a", "b", "c", "d"], dice.randint(1, 4))
        sources = [
            simulated(name, seed=dice.randint(1, 3), bundle=str(dice.choice(bundles))) for name in names
        ] + [file] * dice.randint(0, 1)
        reply = daemon.reload(*sources)
        assert "done" == reply["result"], json.dumps(reply)
        time.sleep(dice.random() * 0.2)

    for _ in range(5):
        one()
    settle()
    threads, files, before_kib = threading.active_count(), open_files(), resident_kib()
    for _ in range(20):
        one()
    settle()
    # those that leave end a moment after; a file may be being written just now
    daemon.wait(lambda: threading.active_count() <= threads and open_files() <= files + 2, "all closed")
    assert resident_kib() - before_kib < 24_000, "an engine or a clip's ring that is kept would show"
    assert starts(daemon.of("a")[-2:], TINY_HOP)
    assert 0 == daemon.daemon._supervisor.restarted
    assert 0 == daemon.stop()


def resident_kib() -> int:
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
