"""Only inputs whose own sources are configured otherwise are opened anew, and none before all can be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
from machine_rig import machine

from monitor.config import Config, parse_config
from monitor.errors import AudioFileError
from monitor.health import HealthBook
from monitor.inputs import Inputs
from monitor.lane import Lane
from monitor.machine import facts_at_start
from monitor.supervisor import Supervisor
from monitor.testing import CapturedLog
from monitor.window_queue import WindowQueue

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
