"""The commands of docs/scada.md, run as they stand there against a real broker and the real daemon."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fixtures_daemon import DaemonProcess
from fixtures_mosquitto import Mosquitto, eventually, retained

from monitor.publish.sparkplug.metrics import DEVICE_TAGS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "scada.md"
STEP = re.compile(r"^ {4,8}\$ (?P<command>.*)\n(?P<said>(?: {8}[^ $\n].*\n)*)", re.MULTILINE)
NEEDED = ("mosquitto_sub", "mosquitto_rr", "jq", "bash")


def steps() -> list[tuple[str, list[str]]]:
    """Each command of the page, and what it is said to print."""
    found = STEP.finditer(PAGE.read_text(encoding="utf-8"))
    return [(step["command"], [line.strip() for line in step["said"].splitlines()]) for step in found]


def printed(command: str, port: int) -> list[str]:
    """What a command of the page prints on this machine."""
    here = command.replace("-h broker.plant.example", f"-h 127.0.0.1 -p {port}")
    assert here != command
    done = subprocess.run(["bash", "-c", here], capture_output=True, text=True, timeout=40, check=False)
    assert done.stderr in {"", "Timed out\n"}  # the latter is how a -W that is meant ends
    return done.stdout.splitlines()


def shape(line: str) -> tuple[str, Any]:
    """The topic before a document, and the document with types in place of what is measured."""
    topic, brace, rest = line.partition("{")
    return topic, _words(json.loads(brace + rest)) if brace else None


def _words(tree: dict[str, Any]) -> dict[str, object]:
    stable = {
        "state",
        "old_state",
        "new_state",
        "result",
        "action",
        "id",
        "source",
        "schema",
        "quality",
        "reason",
        "seq",
    }
    return {key: value if key in stable else type(value) for key, value in tree.items()}


@pytest.mark.slow
@pytest.mark.broker
def test_every_step_of_the_page_prints_what_the_page_says(
    make_daemon: Callable[..., DaemonProcess], mosquitto: Mosquitto
) -> None:
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed")
    *walk, (clearing, _) = steps()
    assert 7 == len(walk)
    daemon = make_daemon(
        site="plant",
        box="box1",
        mqtt={"host": "127.0.0.1", "port": mosquitto.port},
        sources=[
            {
                "id": "pump-1",
                "kind": "simulated",
                "faults": [{"kind": "bearing", "start_s": 10, "duration_s": 30}],
            }
        ],
    )
    daemon.start()
    daemon.wait_listening()
    health = "wheeltapper/plant/box1/pump-1/health"
    eventually(lambda: retained(mosquitto.port, health)[health].document["quality"] == "ok")
    for command, said in walk:
        assert [shape(line) for line in said] == [shape(line) for line in printed(command, mosquitto.port)], (
            command
        )
    assert 0 == daemon.stop()
    kept = set(retained(mosquitto.port, "wheeltapper/plant/box1/#"))
    assert kept == set(printed(clearing, mosquitto.port))
    assert {} == retained(mosquitto.port, "#")


def test_the_steps_name_the_broker_alike_and_use_only_what_is_said_to_be_needed() -> None:
    assert 8 == len(steps())
    for command, _ in steps():
        words = shlex.split(command)
        assert words[0] in NEEDED
        assert ["-h", "broker.plant.example"] == words[1:3]


def test_every_tag_that_the_page_names_is_one() -> None:
    named = set(
        re.findall(r"`((?:Alarm|Command|Error|Input|Engine)/\w+|Score)`", PAGE.read_text(encoding="utf-8"))
    )
    assert {"Score", "Alarm/Active", "Alarm/Explanation"} <= named
    assert named <= {tag.name for tag in DEVICE_TAGS}
