"""A person says no to a proposed limit, and the box still knows who and why after it was killed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from drift_days import begin_with_days
from fixtures_daemon import DaemonProcess
from fixtures_live import DEMO, simulated
from fixtures_mosquitto import Mosquitto, Recorder, eventually
from fixtures_verbs import ran

from engines.bundle import open_bundle
from monitor.calibration import load_calibration

# at the rate that the demo was made from: at another one it alarms, and nothing may be proposed then
PUMP = {**simulated("pump-1", sample_rate_hz=48_000), "bundle": str(DEMO / "ae")}
WHY = "the bearing is worn, the new one comes on Friday"


def drift_of(daemon: DaemonProcess) -> dict[str, Any]:
    drift = daemon.source("pump-1")["drift"]
    return {} if drift is None else dict(drift)


def proposed_by(daemon: DaemonProcess) -> str:
    """Start a daemon after weeks in which normal sound has moved, and return the id of what it proposes."""
    bundle = open_bundle(DEMO / "ae")
    calibration = load_calibration(bundle.calibration_path, bundle_id=bundle.bundle_id)
    daemon.state_dir.mkdir()
    begin_with_days(daemon.state_dir, ["pump-1"], calibration)
    daemon.start()
    daemon.wait_listening()
    eventually(lambda: drift_of(daemon).get("proposal"), 60.0, "a proposal")
    return str(drift_of(daemon)["proposal"])


def test_a_proposal_that_was_declined_stays_declined_after_a_kill(
    make_daemon: Callable[..., DaemonProcess],
) -> None:
    daemon = make_daemon(sources=[PUMP], mqtt={"enabled": False}, replay={"enabled": True})
    proposal, where = proposed_by(daemon), ("--config", daemon.config_path)
    shown = ran("drift", "pump-1", *where).out
    assert f'wheeltapper recalibrate pump-1 {proposal} --decline --note "why"' in shown

    without = ran("recalibrate", "pump-1", proposal, "--decline", *where)
    assert (2, True) == (without.code, "say why" in without.err), without.out + without.err
    other = ran("recalibrate", "pump-1", "0123456789ab", "--decline", "--note", WHY, *where)
    assert (1, True) == (other.code, f"{proposal} is what is proposed now" in other.out), other.out
    done = ran("recalibrate", "pump-1", proposal, "--decline", "--note", WHY, "--actor", "anna", *where)
    assert 0 == done.code, done.out + done.err
    assert f"proposal {proposal} is declined, and the limit of pump-1 stays" in done.out
    daemon.kill()

    assert "declined by anna on" in ran("drift", "pump-1", *where).out
    record = ran("audit", *where, "--source", "pump-1").out.splitlines()
    (line,) = [one for one in record if " decline " in one and "  done" in one]
    assert WHY in line
    daemon.start()
    daemon.wait_listening()
    eventually(lambda: drift_of(daemon).get("declined_by"), 60.0, "who declined it")
    told = drift_of(daemon)
    assert (None, "anna", WHY) == (told["proposal"], told["declined_by"], told["declined_why"])
    assert json.loads(ran("drift", "pump-1", "--json", *where).out)["declined"]["why"] == WHY
    for words in ((), ("--decline", "--note", "me too")):
        again = ran("recalibrate", "pump-1", proposal, *words, *where)
        assert (1, True) == (again.code, "anna declined it on" in again.out), again.out + again.err


@pytest.mark.broker
def test_by_mqtt_it_is_declined_where_the_box_is_set_up_so_and_told_to_all(
    mosquitto: Mosquitto,
    make_daemon: Callable[..., DaemonProcess],
    make_recorder: Callable[..., Recorder],
    topic_prefix: str,
) -> None:
    mqtt = {"host": "127.0.0.1", "port": mosquitto.port, "prefix": topic_prefix}
    daemon = make_daemon(sources=[PUMP], mqtt=mqtt, drift={"by_mqtt": False})
    recorder = make_recorder(mosquitto.port, f"{topic_prefix}/#")
    proposal = proposed_by(daemon)

    def ask(address: str, **command: object) -> dict[str, Any]:
        document = json.dumps({"actor": "anna", **command}).encode()
        recorder.send(f"{topic_prefix}/{address}command", document)
        return recorder.wait_for(f"{topic_prefix}/{address}reply", id=command["id"]).document

    asked = {"action": "decline", "proposal": proposal, "note": WHY}
    refused = ask("pump-1/", id="d1", **asked)
    assert ("refused", "decline") == (refused["result"], refused["action"])
    assert "drift.by_mqtt: true lets it come by MQTT too" in refused["reason"]
    assert drift_of(daemon)["proposal"] == proposal
    tree = yaml.safe_load(daemon.config_path.read_text())
    daemon.config_path.write_text(yaml.safe_dump({**tree, "drift": {"by_mqtt": True}}))
    assert "done" == ask("", id="r1", action="reload")["result"]
    assert "note" in ask("pump-1/", id="d2", action="decline", proposal=proposal)["reason"]
    done = ask("pump-1/", id="d3", **asked)
    assert ("done", None) == (done["result"], done["reason"])
    assert f"proposal {proposal} is declined" in done["detail"]
    assert done == {**ask("pump-1/", id="d3", **asked), "time": done["time"]}, "done once, and answered again"

    def told() -> bool:
        heard = recorder.on(f"{topic_prefix}/pump-1/health")
        drift = heard[-1].document["drift"] if heard else None
        return bool(drift) and (drift["proposal"], drift["declined_by"], drift["declined_why"]) == (
            None,
            "anna",
            WHY,
        )

    eventually(told, 60.0, "health of who declined it")
