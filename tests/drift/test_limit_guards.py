"""No limit is proposed over an open event, and none is made from the seconds around one."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from drift_days import hour_of
from machine_rig import machine

from monitor.config import parse_config
from monitor.drift.evidence import AROUND_EVENT_S, _blocks
from monitor.drift.examiner import Examiner, present_of
from monitor.drift.period import BLOCK_S, HOUR_S
from monitor.drift.said import EventLabel
from monitor.store import open_store

HOUR = 1_800_000_000 // 3600 * 3600


def test_nothing_is_proposed_while_an_event_is_open(tmp_path: Path) -> None:
    config = parse_config(f"state_dir: {tmp_path}\nsources: [{{id: pump, kind: simulated}}]\n", name="here")
    pump = machine("pump", [0.2])
    pump.alarm._facts = replace(pump.alarm.snapshot, event_id="e-1", event_start_utc_s=1.0)
    with closing(open_store(tmp_path)) as store:
        examiner, present = Examiner(store, lambda: config), present_of(pump, 1.0, tmp_path)
        said = examiner._wanted(pump, present, None, [], HOUR)  # type: ignore[arg-type]  # not looked at
        assert "event e-1 is open: see to it and label it first" == said
        pump.alarm._facts = replace(pump.alarm.snapshot, event_id=None, event_start_utc_s=None)
        otherwise = examiner._wanted(pump, present, None, [], HOUR)  # type: ignore[arg-type]  # not looked at
        assert "is open" not in str(otherwise)


@pytest.mark.parametrize("ends", [True, False])
def test_ten_seconds_around_an_event_are_no_normal_sound(*, ends: bool) -> None:
    hour = hour_of(HOUR, np.linspace(0.1, 0.9, round(HOUR_S / BLOCK_S)))
    event = EventLabel("e-1", HOUR + 600.0, HOUR + 605.0 if ends else None, "anomaly")
    kept = {block * BLOCK_S - HOUR for block, _ in _blocks(hour, [event])}
    every = {block * BLOCK_S - HOUR for block, _ in _blocks(hour, [])}
    assert HOUR_S / BLOCK_S == len(every)
    first, last = 600.0 - AROUND_EVENT_S, (605.0 + AROUND_EVENT_S if ends else HOUR_S)
    assert {begin for begin in every if first <= begin < last} == every - kept
    assert 10.0 == AROUND_EVENT_S
