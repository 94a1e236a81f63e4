"""A scene in which everything is known, with numbers that can be told apart."""

from __future__ import annotations

from dataclasses import replace

from engines.histogram import Histogram
from monitor.config import parse_config
from monitor.drift.facts import DriftFacts
from monitor.drift.judgement import DriftState
from monitor.hardware import Hardware
from monitor.health import BoxFacts, QueueFacts, SourceFacts
from monitor.keeping_up import Lately
from monitor.messages import AlarmState, CaptureHealth, CaptureState, MachineCondition, Quality, SignalState
from monitor.metrics.scene import EngineFacts, Scene, identity_of
from monitor.operators import Limits
from monitor.report import report_of
from monitor.shadow.facts import ShadowFacts, ShadowState
from monitor.store import RetentionFacts
from monitor.trends import STEPS, TrendSteps
from monitor.window import Ledger

CONFIG = "sources: [{id: pump-1, kind: simulated}]\nsite: north\nbox: press"
BOX = BoxFacts(
    version="1.2.3",
    pid=7,
    started_utc_s=1_700_000_000.0,
    broker="away",
    sparkplug="waiting",
    outbox_records=11,
    outbox_by_reader={"json": 11, "sparkplug": 4},
    queues={"windows": QueueFacts(3, 256), "commands": QueueFacts(0, 1000)},
    store_error="disk full",
    kept_bytes=5_000,
    free_bytes=70_000,
    retention=RetentionFacts(
        line="removed 3 files for age",
        short_bytes=600,
        staying_bytes={"locked": 500, "newest": 700},
        removed_files={"age": 3, "space": 0},
        removed_bytes=900,
        reserve_bytes=8_388_608,
    ),
    watchdog_s=30.0,
    restarted_threads=2,
    counts={"commands_turned_away": 9},
)
PUMP = SourceFacts(
    capture=CaptureHealth("pump-1", CaptureState.HEALTHY, "", "alsa:CARD=Device", 48_000, 480, 1, 2),
    bundle_id="mae-1",
    backend="onnxruntime 1.17 cpu fp32",
    quality=Quality.OK,
    level_dbfs=-31.5,
    value=1.25,
    expected_per_day=0.02,
    alarm=AlarmState.UNACKNOWLEDGED,
    machine=MachineCondition(signal=SignalState.RUNNING),
    limits=Limits(1.1, 0.7, 0.1, 0.0, 5.0),
    lag_s=0.3,
    windows=90,
    dropped_windows=6,
    keeps_up=False,
    lately=Lately(60, 6),
    ledger=Ledger(100, 10, 80, 20, 10),
    drift=DriftFacts(
        DriftState.DRIFTING,
        "",
        median=0.5,
        psi=0.4,
        proposal="399cda1670da",
        evidence_age_days=214.0,
        limit_of_first=1.2,
    ),
    shadow=ShadowFacts("ae-2", ShadowState.JUDGING, heard_s=7200.0, judged_windows=90, skipped_windows=10),
)
DEAF = SourceFacts(
    capture=CaptureHealth('fan "2"', CaptureState.FAILED, "no such device", "name:nobody"),
    bundle_id="mae-1",
    backend="onnxruntime 1.17 cpu fp32",
    uncertain=True,
)
"""Nothing was ever heard of it."""


def scene_of(*sources: SourceFacts, box: BoxFacts = BOX) -> Scene:
    times = Histogram()
    for seconds in (0.0004, 0.002, 0.3, 99.0):
        times.note(seconds)
    values = [*([None] * (STEPS - 10)), *(step / 10 for step in range(1, 11))]
    trend = TrendSteps(1_700_003_600.0, values, [None] * STEPS, [None] * STEPS)
    return Scene(
        identity=identity_of(parse_config(CONFIG, name="test")),
        report=replace(report_of(box, sources), at_utc_s=1_700_000_100.0),
        trends={"pump-1": trend, 'fan "2"': None},
        lags={facts.capture.source_id: times.counts() for facts in sources},
        engines=[EngineFacts("mae-1", "onnxruntime 1.17 cpu fp32", True, 96, times.counts())],
        hardware=Hardware({"cpu-thermal": 51.5}, {"gpu.0": 0.25}),
    )
