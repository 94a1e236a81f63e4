"""What a host writes to Machine/Running is a signal: it is taken out of the message, and is no command."""

from __future__ import annotations

import pytest

from monitor.errors import CommandError
from monitor.publish.sparkplug.command_tags import RUNNING_TAG
from monitor.publish.sparkplug.datatypes import DataType
from monitor.publish.sparkplug.payload import Metric
from monitor.publish.sparkplug.running import running_from_metrics, split_running

RUNS = Metric(RUNNING_TAG.name, DataType.BOOLEAN, value=True)
STOPS = Metric(RUNNING_TAG.name, DataType.BOOLEAN, value=False)
ACKNOWLEDGE = Metric("Command/Acknowledge", DataType.BOOLEAN, value=True)


def nobody(_alias: int) -> str | None:
    return None


@pytest.mark.parametrize(("metric", "running"), [(RUNS, True), (STOPS, False)])
def test_it_says_whether_the_machine_runs_beside_a_command(metric: Metric, running: bool) -> None:  # noqa: FBT001
    meant, rest = split_running([ACKNOWLEDGE, metric], nobody)
    assert (running, (ACKNOWLEDGE,)) == (running_from_metrics(meant), rest)


def test_a_message_without_it_is_left_as_it_is() -> None:
    assert ((), (ACKNOWLEDGE,)) == split_running([ACKNOWLEDGE], nobody)


def test_it_may_be_meant_by_its_alias() -> None:
    metric = Metric(None, DataType.BOOLEAN, value=False, alias=7)
    assert ((metric,), ()) == split_running([metric], {7: RUNNING_TAG.name}.get)
    assert not running_from_metrics([metric])


@pytest.mark.parametrize(
    ("metrics", "words"),
    [
        ([RUNS, STOPS], "twice"),
        ([Metric(RUNNING_TAG.name, DataType.STRING, "running")], "Machine/Running"),
        ([Metric(RUNNING_TAG.name, DataType.BOOLEAN, None)], "null"),
        ([Metric(RUNNING_TAG.name, DataType.BOOLEAN, value=False, is_historical=True)], "historical"),
    ],
)
def test_what_makes_no_sense_is_refused(metrics: list[Metric], words: str) -> None:
    with pytest.raises(CommandError, match=words):
        running_from_metrics(metrics)
