"""What the builder is asked for beside the model: a profile, and earlier timings where it can use them."""

from __future__ import annotations

import json
from pathlib import Path

from fixtures_tensorrt import Install

from engines.backend_tensorrt import open_engine
from engines.bundle import Bundle
from engines.runtime import PlanSettings
from monitor.testing.tensorrt_fake import FakeTensorRT
from monitor.testing.tensorrt_fake_box import MAGIC


def test_a_plan_takes_one_window_to_the_most_and_is_tuned_for_those_between(
    install: Install, plan_bundle: Bundle, plans_at: Path
) -> None:
    install(FakeTensorRT())
    open_engine(plan_bundle, plans=PlanSettings(plans_at, opt_batch=3, max_batch=12)).close()
    (plan,) = plans_at.glob("*.plan")
    head = json.loads(plan.read_bytes()[len(MAGIC) :].partition(b"\n")[0])
    assert [[n, 128, 64] for n in (1, 3, 12)] == head["profile"]


def test_tensorrt_for_rtx_which_measures_when_it_runs_is_given_no_timings(
    install: Install, plan_bundle: Bundle, plans_at: Path
) -> None:
    box = install(FakeTensorRT("1.7.1.116", flavour="tensorrt_rtx"))
    open_engine(plan_bundle, plans=PlanSettings(plans_at)).close()
    assert [] == box.timings
    assert [] == list(plans_at.glob("timing-*"))
