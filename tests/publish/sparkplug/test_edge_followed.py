"""A strict host on a real Mosquitto reads of a candidate in shadow, and of a limit that is proposed."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from edge_rig import EdgeRig, HostSide, at
from fixtures_mosquitto import Mosquitto, eventually

from monitor.drift.facts import DriftFacts
from monitor.drift.judgement import DriftState
from monitor.messages import CaptureHealth, CaptureState
from monitor.publish.documents import Progress, health_payload
from monitor.publish.payloads import HealthPayload
from monitor.publish.sparkplug.followed_tags import FOLLOWED_TAGS
from monitor.shadow.facts import ShadowFacts, ShadowState

pytestmark = pytest.mark.broker
DRIFT = DriftFacts(
    DriftState.DRIFTING,
    "normal sound has moved",
    median=0.5,
    proposal="399cda1670da",
    declined_by="anna",
    declined_utc_s=1.8e9,
    declined_why="the bearing is worn",
    limit_steps=2,
    limit_of_first=1.21,
)
SHADOW = ShadowFacts(
    "mae-1-abc", ShadowState.JUDGING, bundle_id="mae-1", disputes=3, verdict="not_better",
    verdict_reasons=("it misses two anomalies",),
)  # fmt: skip
SAID = {
    "Shadow/Candidate": "mae-1-abc",
    "Shadow/CandidateBundle": "mae-1",
    "Shadow/State": "judging",
    "Shadow/Verdict": "not_better",
    "Drift/State": "drifting",
    "Drift/Words": "normal sound has moved",
    "Drift/Proposal": "399cda1670da",
    "Drift/DeclinedBy": "anna",
    "Drift/DeclinedWhy": "the bearing is worn",
}
COUNTED = {"Shadow/Disputes": 3, "Drift/LimitSteps": 2, "Drift/DeclinedAt": 1_800_000_000_000}


@pytest.fixture
def rig(mosquitto: Mosquitto) -> Iterator[EdgeRig]:
    running = EdgeRig((at(mosquitto),)).run()
    yield running
    running.stop(0.5)


def told(progress: Progress) -> HealthPayload:
    """What the daemon tells of a pump that is well."""
    health = CaptureHealth("pump", CaptureState.HEALTHY, "", "file:pump.wav")
    return health_payload(health, progress, at_utc_s=time.time(), bundle_id="demo-1")


def test_a_host_reads_what_is_proposed_and_who_is_a_candidate(host: HostSide, rig: EdgeRig) -> None:
    birth = next(one for one in host.waits_for(2, "DBIRTH") if one.device_id == "pump")
    assert {tag.name for tag in FOLLOWED_TAGS} == {
        tag.name for tag in FOLLOWED_TAGS if birth.metric(tag.name).is_null
    }
    document = told(Progress(drift=DRIFT, shadow=SHADOW))
    rig.node.set_health(document)
    eventually(lambda: all(host.tellings(name) for name in (*SAID, *COUNTED)), what="all of it")
    assert SAID == {name: host.tellings(name)[-1].string_value for name in SAID}
    assert COUNTED == {name: host.tellings(name)[-1].long_value for name in COUNTED}
    assert [1.21] == [one.double_value for one in host.tellings("Drift/LimitOfFirst")]
    # the same words as the document on the JSON topic
    assert document.shadow is not None
    assert document.drift is not None
    assert document.shadow.verdict == SAID["Shadow/Verdict"]
    assert document.drift.proposal == SAID["Drift/Proposal"]

    rig.node.set_health(told(Progress()))
    gone = ("Drift/Proposal", "Shadow/Candidate")
    eventually(lambda: all(len(host.tellings(name)) > 1 for name in gone), what="there is none any more")
    assert host.tellings("Drift/Proposal")[-1].is_null
    assert host.tellings("Shadow/Candidate")[-1].is_null
    assert [] == host.violations
