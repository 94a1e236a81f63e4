"""`wheeltapper status` of a daemon that really ran: what misled an operator who had never seen it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
from fixtures_live import DEMO, LiveDaemon, simulated
from fixtures_verbs import ran

from engines.bundle import open_bundle
from monitor.caretaker import ENDED


def test_a_machine_that_the_demo_bundle_has_never_heard_is_told_of_and_an_end_in_order_is_no_fault(
    live: Callable[..., LiveDaemon], tmp_path: Path
) -> None:
    noise = np.random.default_rng(1).standard_normal(16_000 * 4) * 0.05
    soundfile.write(tmp_path / "drone.wav", noise.astype(np.float32), 16_000)
    drone = {"id": "drone-1", "kind": "file", "path": str(tmp_path / "drone.wav"), "repeat": True}
    daemon = live(simulated("pump-1"), drone)
    daemon.hear("drone-1", 1)
    daemon.wait((daemon.folder / "state" / "status.json").exists, "its status")
    checked = ran("check", "--config", daemon.path)
    assert 0 == daemon.stop()

    demo = open_bundle(DEMO / "mae").bundle_id
    never_heard = "knows only the simulated pump, not this machine; learn this machine's own sound"
    (told,) = [line for line in checked.out.splitlines() if never_heard in line]
    assert told.startswith("ok    calibration of drone-1: ")
    assert f"NOTE: {demo} " in told

    status = ran("status", "--state-dir", daemon.folder / "state")
    lines = status.out.splitlines()
    assert f"  {ENDED}" == lines[1]
    assert 1 == status.out.count(never_heard)
    assert lines.index("drone-1: ended (closed)") < lines.index(
        next(line for line in lines if never_heard in line)
    )
