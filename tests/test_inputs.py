"""Only inputs whose own sources are configured otherwise are opened anew, and none before all can be."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from fixtures_mosquitto import eventually
from fixtures_time import stalls
from machine_rig import machine

from monitor.config import Config, parse_config
from monitor.errors import AudioFileError
from monitor.health import HealthBook
from monitor.inputs import ROOM_WITHIN_S, Inputs
from monitor.lane import Lane
from monitor.machine import facts_at_start
from monitor.supervisor import Supervisor
from monitor.testing import CapturedLog
from monitor.window_queue import Passed, WindowQueue

FRONT = "{id: front, kind: microphone, device: hw, channel: 1}"
REAR = "{id: rear, kind: microphone, device: hw, channel: 2}"
OTHER = "{id: other, kind: microphone, device: usb}"


def config(*sources: str) -> Config:
    return parse_config(f"sources: [{', '.join(sources)}]", name="test")


@pytest.fixture
def opened() -> Callable[[Config], Inputs]:
    def inputs(now: Config) -> Inputs:
        machines = [machine(source.id, []) for source in now.sources]
        book = HealthBook([facts_at_start(one) for one in machines])
        return Inputs(now, machines, lambda one: Lane(one, WindowQueue(10), book))

    return inputs


@pytest.mark.parametrize(
    ("now", "wanted", "ends", "begins"),
    [
        ([FRONT, OTHER], [OTHER, FRONT], [], []),
        ([FRONT, OTHER], [FRONT, REAR, OTHER], ["hw"], ["hw"]),
        ([FRONT, REAR, OTHER], [REAR, OTHER], ["hw"], ["hw"]),
        ([FRONT, OTHER], [FRONT], ["usb"], []),
        ([FRONT, OTHER], [FRONT, OTHER.replace("usb", "usb2")], ["usb"], ["usb2"]),
        ([FRONT, OTHER], [FRONT, OTHER.replace("usb", "usb, block_ms: 50")], ["usb"], ["usb"]),
        ([FRONT, OTHER], [FRONT, OTHER.replace("usb", "usb, bundle: b, alarm: {deadband: 0.2}")], [], []),
    ],
)
def test_an_input_is_opened_anew_where_what_it_gives_is_another(
    opened: Callable[[Config], Inputs],
    now: Sequence[str],
    wanted: Sequence[str],
    ends: Sequence[str],
    begins: Sequence[str],
) -> None:
    change = opened(config(*now)).prepare(config(*wanted))
    assert (ends, begins) == ([key[1] for key in change.ends], [key[1] for key in change.begins])


def test_what_was_opened_beside_a_file_that_is_missing_is_closed(
    opened: Callable[[Config], Inputs], tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "x.wav", np.zeros(16_000), 16_000)
    inputs = opened(config(FRONT))
    there, missing = (f"{{id: {n}, kind: file, path: {tmp_path}/{n}.wav}}" for n in ("x", "y"))
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(AudioFileError, match=r"y\.wav"):
        inputs.prepare(config(FRONT, there, missing))
    assert before == len(list(Path("/proc/self/fd").iterdir()))
    change = inputs.prepare(config(FRONT, there))
    assert before + 1 == len(list(Path("/proc/self/fd").iterdir()))
    change.drop()
    assert before == len(list(Path("/proc/self/fd").iterdir()))


def test_while_inputs_change_the_daemon_does_not_take_it_that_all_sound_has_ended(
    opened: Callable[[Config], Inputs], tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "x.wav", np.zeros(16_000), 16_000)
    file = f"{{id: x, kind: file, path: {tmp_path}/x.wav}}"
    inputs, supervisor = opened(config(file)), Supervisor(CapturedLog())
    change = inputs.prepare(config(file.replace("wav}", "wav, repeat: true}")))
    inputs.captures[0].source.close()
    assert inputs.have_all_ended
    assert [] == inputs.end(change, supervisor, 1.0)
    assert not inputs.have_all_ended
    inputs.begin(change, supervisor)
    assert not inputs.have_all_ended, "it has begun again"
    assert [] == inputs.stop(supervisor, 5.0)


def test_a_file_that_waits_for_room_while_nothing_is_judged_ends_and_loses_its_own_windows_alone(
    tmp_path: Path,
) -> None:
    soundfile.write(tmp_path / "x.wav", np.ones(16_000 * 60) / 10, 16_000)
    now = config(f"{{id: x, kind: file, path: {tmp_path}/x.wav, pace: fast}}")
    pump = replace(machine("x", []), source=now.sources[0])
    queue, book = WindowQueue(4), HealthBook([facts_at_start(pump)])
    inputs, supervisor = Inputs(now, [pump], lambda one: Lane(one, queue, book)), Supervisor(CapturedLog())
    inputs.start(supervisor)
    eventually(lambda: len(queue) == 2)
    change = inputs.prepare(config(OTHER))
    assert [] == inputs.end(change, supervisor, 4.0)
    change.drop()
    assert 2 == len(queue), "no more than there was room for"
    passed = queue.passed()["x"]
    assert passed.dropped == passed.put - 2 > 0


def test_sound_in_real_time_shares_one_thread_loses_nothing_and_ends_when_it_is_told_to(
    tmp_path: Path,
) -> None:
    soundfile.write(tmp_path / "x.wav", np.ones(16_000 * 60) / 10, 16_000)
    ids = [f"m{number}" for number in range(20)]
    paced = [f"{{id: {n}, kind: file, path: {tmp_path}/x.wav, block_ms: 50}}" for n in ids]
    now = config(*paced, f"{{id: fast, kind: file, path: {tmp_path}/x.wav, pace: fast}}")
    machines = [replace(machine(one.id, []), source=one) for one in now.sources]
    queue, book = WindowQueue(1000), HealthBook([facts_at_start(one) for one in machines])
    inputs, supervisor = Inputs(now, machines, lambda one: Lane(one, queue, book)), Supervisor(CapturedLog())
    with stalls() as worst_s:
        threads, began_s = set(threading.enumerate()), time.monotonic()
        inputs.start(supervisor)
        eventually(lambda: all(queue.passed().get(name, Passed(0, 0)).put for name in ids))
        begun = sorted(thread.name for thread in set(threading.enumerate()) - threads)
        assert ["wheeltapper capture fast", "wheeltapper rota"] == begun
        stop_s = time.monotonic()
        assert [] == inputs.stop(supervisor, 60.0)
        box_s = 10 * worst_s()
    assert time.monotonic() - stop_s < ROOM_WITHIN_S + 1.0 + box_s, "the fast file waits for room as long"
    for facts in book.sources()[:20]:
        capture, ledger = facts.capture, facts.ledger
        assert ledger is not None
        assert ledger.balances
        assert 0 == capture.lost_samples
        heard_s = capture.received_samples / 16_000
        assert stop_s - began_s - 0.5 - box_s <= heard_s <= time.monotonic() - began_s, (
            "as much as time has passed"
        )
        assert ledger.end_sample == capture.received_samples
    taken = [window.span for window in queue.take(1000, 0.0).windows]
    starts = [span.first_sample for span in taken if span.source_id == "m3"]
    assert (0, sorted(starts)) == (starts[0], starts)
