"""systemd, MQTT, /metrics and `wheeltapper status` say the same of a daemon that runs."""

from __future__ import annotations

import json
import socket
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fixtures_daemon import DaemonProcess
from fixtures_mosquitto import Mosquitto, Recorder, eventually, free_port
from prometheus_client.parser import text_string_to_metric_families

from monitor.__main__ import main

pytestmark = pytest.mark.broker
SQUEALING = {
    "id": "pump-1",
    "kind": "simulated",
    "faults": [{"kind": "belt_squeal", "start_s": 0.2, "duration_s": 600.0, "severity": 2.0}],
}
DEAD = {"id": "fan-2", "kind": "microphone", "device": "name:nobody"}
QUEUES = {
    "windows",
    "commands",
    "flagged_windows",
    "unsaved_changes",
    "live_messages",
    "reloads",
    "candidate_windows",
    "dispute_clips",
}
"""What waits for a thread of the daemon, all of it bounded."""
Said = dict[str, dict[str, Any]]
"""By source: state of the capture, drops, lost samples, state of the alarm, whether it is uncertain."""


class Systemd:
    """The other end of sd_notify: a datagram socket that remembers the last status."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)
        self._status = ""

    def status(self) -> str:
        """Return the last STATUS that has come."""
        while True:
            try:
                message = self._socket.recv(65_536).decode()
            except BlockingIOError:
                return self._status
            for line in message.splitlines():
                self._status = line.removeprefix("STATUS=") if line.startswith("STATUS=") else self._status

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    with closing(Systemd(tmp_path / "notify")) as listening:
        yield listening


def said_by_status(tree: Mapping[str, Any]) -> Said:
    return {
        source["capture"]["source_id"]: {
            "capture": source["capture"]["state"],
            "dropped": source["dropped_windows"],
            "lost": source["capture"]["lost_samples"],
            "alarm": source["alarm"],
            "uncertain": source["uncertain"],
        }
        for source in tree["sources"]
    }


def said_by_metrics(port: int) -> tuple[float, Said]:
    """Return the time of the report and what it says."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        families = text_string_to_metric_families(answer.read().decode())
        samples = [sample for family in families for sample in family.samples]
    numbers = {(s.name, s.labels.get("source")): s.value for s in samples}
    states = {(s.name, s.labels.get("source")): s.labels.get("state") for s in samples if s.value == 1}
    said = {
        source: {
            "capture": states["wheeltapper_capture_state", source],
            "dropped": numbers["wheeltapper_windows_dropped_total", source],
            "lost": numbers["wheeltapper_samples_lost_total", source],
            "alarm": states["wheeltapper_alarm_state", source],
            "uncertain": bool(numbers["wheeltapper_alarm_uncertain", source]),
        }
        for source in {s.labels["source"] for s in samples if "source" in s.labels}
    }
    return numbers["wheeltapper_report_time_seconds", None], said


def queues_of(port: int) -> dict[str, float]:
    """Return the limit of each queue, as /metrics has it."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        families = text_string_to_metric_families(answer.read().decode())
        samples = [sample for family in families for sample in family.samples]
    return {s.labels["queue"]: s.value for s in samples if s.name == "wheeltapper_queue_limit"}


def said_by_mqtt(recorder: Recorder, prefix: str) -> Said:
    """Return what the last of each retained document says."""
    last = {heard.topic.removeprefix(f"{prefix}/"): heard.document for heard in list(recorder.heard)}
    return {
        source: {
            "capture": last[f"{source}/health"]["state"],
            "dropped": last[f"{source}/health"]["dropped_windows"],
            "lost": last[f"{source}/health"]["lost_samples"],
            "alarm": last[f"{source}/alarm"]["state"],
            "uncertain": last[f"{source}/alarm"]["uncertain"],
        }
        for source in last["status"]["sources"]
    }


def lost_of(said: Said) -> list[int]:
    """Take the lost samples out: MQTT tells new counts with the next change of a state, or once a minute."""
    return [said[source].pop("lost") for source in sorted(said)]


@pytest.mark.parametrize(
    ("sources", "line"),
    [
        ([SQUEALING], "ALARM pump-1; listening to 1 of 1 sources"),
        ([SQUEALING, DEAD], "no sound from fan-2; ALARM pump-1; listening to 1 of 2 sources"),
    ],
    ids=["healthy", "dead microphone"],
)
def test_the_four_places_agree(  # noqa: PLR0917 - fixtures
    mosquitto: Mosquitto,
    make_daemon: Callable[..., DaemonProcess],
    make_recorder: Callable[..., Recorder],
    topic_prefix: str,
    systemd: Systemd,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    sources: list[dict[str, object]],
    line: str,
) -> None:
    port = free_port()
    recorder = make_recorder(mosquitto.port, f"{topic_prefix}/#")
    daemon = make_daemon(
        mqtt={"host": "127.0.0.1", "port": mosquitto.port, "prefix": topic_prefix},
        metrics={"enabled": True, "port": port},
        sources=sources,
    )
    daemon.environment["NOTIFY_SOCKET"] = str(tmp_path / "notify")
    daemon.start()
    recorder.wait_for(f"{topic_prefix}/pump-1/alarm", timeout_s=30, state="unacknowledged")
    if len(sources) > 1:
        recorder.wait_for(f"{topic_prefix}/fan-2/alarm", timeout_s=30, uncertain=True)

    def status() -> dict[str, Any]:
        assert 0 == main(["status", "--state-dir", str(daemon.state_dir), "--json"])
        return dict(json.loads(capsys.readouterr().out))

    def agree() -> bool:
        """Hold them against each other between two reports; MQTT's counters may be a minute old."""
        before = status()
        at_utc_s, metrics = said_by_metrics(port)
        heard, told = systemd.status(), said_by_mqtt(recorder, topic_prefix)
        after = status()
        if not before["updated_utc_s"] == at_utc_s == after["updated_utc_s"]:
            return False
        said = said_by_status(before)
        assert said == metrics
        if before["line"] != heard:  # systemd has the next report already
            return False
        lost, told_lost = lost_of(said), lost_of(told)
        whole_line = line + (f" (since the start: {sum(lost)} samples lost)" if any(lost) else "")
        counted = all(0 < one <= now or one == now for one, now in zip(told_lost, lost, strict=True))
        return said == told and heard == whole_line and counted and any(lost) == (len(sources) > 1)

    eventually(agree, 30, "all four the same")
    queues = status()["box"]["queues"]
    assert QUEUES == set(queues)
    assert {name: queue["limit"] for name, queue in queues.items()} == queues_of(port)
    assert 0 == main(["status", "--state-dir", str(daemon.state_dir)])
    shown = capsys.readouterr().out
    assert f"  {line}" in shown
    assert "  alarm unacknowledged; " in shown
    assert ("fan-2: " in shown) == ("  alarm normal, uncertain; " in shown) == (len(sources) > 1)
    assert 0 == daemon.stop()
