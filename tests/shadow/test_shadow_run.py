"""A candidate judges beside the live bundle in the real daemon, which does not notice: no score differs."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from fixtures_daemon import DaemonProcess
from fixtures_live import DEMO, LiveDaemon, simulated
from fixtures_mosquitto import eventually
from fixtures_verbs import ran
from shadow_rig import HOP_S, library_with, with_limit

from engines.bundle import open_bundle
from engines.errors import EngineError
from monitor.listening import inferences_from_logmels
from monitor.messages import Inference
from monitor.promotion.apart import Told
from monitor.shadow.facts import ShadowFacts, ShadowState
from monitor.store import open_store
from monitor.store.records import AuditEntry
from monitor.store.shadow import ShadowWindow, shadow_windows
from monitor.store.shadow_clips import disputes_of

Live = Callable[..., LiveDaemon]
SECONDS = 9


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Noise at another rate than the models'."""
    path = tmp_path / "noise.wav"
    noise = np.random.default_rng(7).normal(0.0, 0.05, SECONDS * 22_050)
    soundfile.write(path, noise.astype(np.float32), 22_050, subtype="FLOAT")
    return path


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A daemon of this process looks at libraries, and writes what it found, at once."""
    monkeypatch.setattr("monitor.shadow.shadow.LOOK_EVERY_S", 0.2)
    monkeypatch.setattr("monitor.shadow.shadow.KEEP_EVERY_S", 0.2)
    return monkeypatch


def windows(state_dir: Path) -> list[ShadowWindow]:
    with closing(open_store(state_dir, read_only=True)) as store:
        return list(shadow_windows(store.database, "pump-1"))


def facts(daemon: LiveDaemon) -> ShadowFacts:
    return daemon.daemon._followers.shadow.facts.get("pump-1", ShadowFacts("", ShadowState.WAITING))


@pytest.mark.slow
def test_live_scores_are_the_same_to_the_bit_and_a_candidate_that_alarms_alone_can_be_heard(
    live: Live, tmp_path: Path, recording: Path, quick: pytest.MonkeyPatch
) -> None:
    quick.setattr("monitor.shadow.disputes.AGREE_WITHIN_S", 3.0)
    state_dir = tmp_path / "live0" / "state"
    deaf = with_limit(tmp_path / "deaf", "mae", 1e6)
    library = library_with(state_dir, deaf, with_limit(tmp_path / "alert", "ae", 1e-6))
    beside = {"kind": "file", "path": str(recording), "pace": "real_time"}
    daemon = live(
        {"id": "pump-1", "bundle": "managed", **beside},
        {"id": "pump-2", "bundle": str(library.live_folder()), **beside},  # the same without a candidate
    )
    daemon.wait(lambda: daemon.exit_code is not None, "the end of the recording")
    shadowed, alone = daemon.of("pump-1"), daemon.of("pump-2")
    assert len(alone) == len(shadowed) > SECONDS / HOP_S - 2
    assert [score.raw for score in alone] == [score.raw for score in shadowed], "to the bit"
    assert {True} == {round(b.span.start_s - a.span.start_s, 6) <= HOP_S for a, b in pairwise(shadowed)}

    found = windows(state_dir)
    judged = {score.span.start_s: score.value for score in shadowed}
    assert len(found) >= len(shadowed) - 4, "but for those before it was open"
    assert [judged[one.start_s] for one in found] == [one.live for one in found]
    assert all(one.candidate_value is not None and one.candidate_value > 1.0 for one in found)
    with closing(open_store(state_dir, read_only=True)) as store:
        (stored,) = disputes_of(store.database, "pump-1")
    assert ("candidate", None) == (stored.dispute.alarmed, stored.dispute.event_id)
    assert stored.clip is not None, daemon.log.text()
    samples, rate_hz = soundfile.read(state_dir / stored.clip.path, dtype="float32")
    heard, _ = soundfile.read(recording, dtype="float32")
    first = round((stored.dispute.start_s - stored.clip.before_s) * rate_hz)
    np.testing.assert_allclose(samples, heard[first : first + len(samples)], atol=2**-15)
    assert stored.clip.duration_s >= 3.0


@pytest.mark.slow
def test_one_that_fails_or_hangs_is_set_aside_and_the_live_bundle_judges_on(
    live: Live, tmp_path: Path, quick: pytest.MonkeyPatch
) -> None:
    library_with(tmp_path / "live0" / "state", DEMO / "mae")
    source = {**simulated("pump-1"), "bundle": "managed"}
    daemon = live(source)
    ae = open_bundle(DEMO / "ae").bundle_id
    answers = {"how": "fail"}

    def answer(engine: object, logmels: object) -> list[Inference]:
        assert ae == engine.bundle.bundle_id, logmels  # type: ignore[attr-defined]
        if answers["how"] == "fail":
            raise EngineError("the graph is broken")
        time.sleep(2.0)
        return []

    how = "monitor.shadow.shadow.inferences_from_logmels"
    quick.setattr(how, answer)
    quick.setattr("monitor.shadow.shadow.ANSWER_WITHIN_S", 0.5)
    assert 0 == ran("bundle", "install", "pump-1", DEMO / "ae", "--config", daemon.path).code
    daemon.wait(lambda: facts(daemon).state is ShadowState.SET_ASIDE, "the failing one to be set aside")
    assert "failed 3 times in a row: the graph is broken" in facts(daemon).reason
    told = "set aside: its engine failed 3 times in a row"
    daemon.wait(lambda: told in ran("status", "--config", daemon.path).out, "status to tell it")

    answers["how"] = "hang"
    assert 0 == ran("bundle", "install", "pump-1", DEMO / "ae", "--config", daemon.path).code
    daemon.wait(lambda: "did not come back" in facts(daemon).reason, "the hanging one to be set aside")
    daemon.hear("pump-1", 2)
    quick.setattr(how, inferences_from_logmels)
    assert 0 == ran("bundle", "install", "pump-1", DEMO / "ae", "--config", daemon.path).code
    daemon.wait(lambda: facts(daemon).judged_windows >= 2, "another try in another thread")
    scores = daemon.of("pump-1")
    assert {round(HOP_S * 16_000)} == {b.span.first_sample - a.span.first_sample for a, b in pairwise(scores)}
    assert 0 == daemon.facts()["pump-1"].dropped_windows
    assert 0 == daemon.stop()
    assert "a candidate does not come back" in daemon.log.text()


@pytest.mark.skipif(
    "WHEELTAPPER_MACHINES" not in os.environ,
    reason="make test-long: two starts; tests/store/test_shadow_rows.py holds that a run goes on",
)
def test_evidence_goes_on_after_a_kill(
    make_daemon: Callable[..., DaemonProcess],
) -> None:
    daemon = make_daemon(
        sources=[{**simulated("pump-1"), "bundle": "managed"}],
        mqtt={"enabled": False},
        replay={"enabled": True},
        engine={"backend": "onnxruntime"},
    )
    library_with(daemon.state_dir, DEMO / "mae", DEMO / "ae")

    def judged() -> int:
        status = daemon.status()
        shadow = None if status is None or not status["sources"] else status["sources"][0].get("shadow")
        return 0 if shadow is None else int(shadow["judged_windows"])

    daemon.start()
    eventually(lambda: judged() >= 3, 30.0, "windows of the candidate")
    daemon.kill()
    before = len(windows(daemon.state_dir))
    daemon.start()
    eventually(lambda: judged() > before >= 3, 30.0, "the run to go on")
    assert 0 == daemon.stop()
    assert len(windows(daemon.state_dir)) > before, "what it said is kept"


def test_the_policy_promotes_what_is_better_as_an_operator_would(
    live: Live, tmp_path: Path, quick: pytest.MonkeyPatch
) -> None:
    quick.setattr("monitor.shadow.policy.LOOK_EVERY_S", 0.2)
    better = Told("better", ("it finds more",))
    quick.setattr("monitor.shadow.policy.Policy._told", lambda *_asked: better)
    quick.setattr("monitor.desk.swap.check_promotion", lambda *_asked, **_keys: "better: it finds more")
    library = library_with(tmp_path / "live0" / "state", DEMO / "mae", DEMO / "ae")
    version, ae = library.roles().candidate, open_bundle(DEMO / "ae").bundle_id
    daemon = live(
        {**simulated("pump-1"), "bundle": "managed"},
        bundles={"promotion": "managed", "promotion_hours": 0.0005},
        shadow={"ask_every_s": 60},  # a second command while the first is obeyed would be refused
    )
    daemon.wait(lambda: ae in {score.bundle_id for score in daemon.of("pump-1")}, "the candidate to be live")
    daemon.wait(lambda: "pump-1" not in daemon.daemon._followers.shadow.facts, "its shadow run to end")
    assert (version, None) == (library.roles().live, library.roles().candidate)

    def rows() -> list[AuditEntry]:
        told = daemon.daemon._store.audit(99)
        return [one for one in told if (one.action, one.actor) == ("promote", "policy")]

    daemon.wait(rows, "the record of it, which is written when it is done")
    (row,) = rows()
    assert ("done", "daemon", "it finds more") == (row.result, row.origin.value, row.arguments["note"])
    assert 0 == daemon.stop()
