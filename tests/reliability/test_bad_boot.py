"""The worst morning: a box that starts when nothing around it works."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from plant_lab import Lab, LabTimes, missing_parts, wait_until

pytestmark = [
    pytest.mark.broker,
    pytest.mark.microphone,
    pytest.mark.slow,
    pytest.mark.timeout(500),
    pytest.mark.skipif(bool(missing_parts()), reason=missing_parts() or "all is there"),
]
LONG_S = 120.0
"""What is merely to happen may take so long."""


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with closing(Lab(tmp_path, LabTimes.short())) as lab:
        yield lab


def test_without_broker_microphone_space_and_time_it_is_up_and_says_so(lab: Lab) -> None:
    lab.systemd.start()
    assert wait_until(lambda: lab.systemd.ready, LONG_S) is not None
    assert 0 == lab.systemd.stop(), "it has run before: a store, and room that is held back for alarms"
    lab.broker.stop()
    lab.microphone.kill_server()
    lab.disk.fill()
    lab.set_clock(30.0 - time.time())

    lab.systemd.start()
    assert wait_until(lambda: lab.systemd.ready, LONG_S) is not None, lab.daemon.log()[-3000:]
    words = ("no clips are written", "the clock is not set", "no sound from mic", "broker away")
    assert wait_until(lambda: all(word in lab.systemd.status for word in words), LONG_S) is not None, (
        lab.systemd.status
    )

    lab.set_clock(0.0)
    lab.disk.empty()
    lab.microphone.plug_in()
    lab.broker.start()
    mended_s = time.monotonic()
    assert wait_until(lambda: not lab.ails(mended_s), LONG_S) is not None, lab.ails(mended_s)
    assert [] == [life for life in lab.systemd.lives if life.code], "it never ended"
