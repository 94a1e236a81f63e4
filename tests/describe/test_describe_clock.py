"""An event sounds the same, lasts as long and is dated right though the clock is set while it goes on."""

from __future__ import annotations

from dataclasses import replace

import pytest
from describe_rig import HOP, UTC_S, Machine, louder, new_describer

from monitor.describe import Describer
from monitor.explanation import Explanation
from monitor.messages import LogMel, Quality, Span

AT = 2000
"""The frame at which the event begins."""


def dated(span: Span, by_s: float) -> Span:
    return replace(span, start_utc_s=span.start_utc_s + by_s)


def shown(describer: Describer, machine: Machine, first: int, count: int, by_s: float) -> Explanation:
    explanation = None
    for logmel, _ in machine.windows(first, count):
        explanation = describer.describe("e", LogMel(dated(logmel.span, by_s), logmel.values), None)
    assert explanation is not None
    return explanation


def setting(by_s: float, *, restarted: bool) -> Explanation:
    """What is said of an event of 20 windows whose first ten were dated `by_s` wrong."""
    machine = Machine(event=louder(slice(80, 111), 12.0), event_at=AT)
    describer = machine.describer()
    shown(describer, machine, AT, 10, by_s)
    describer.miss(dated(replace(machine.logmel(AT + 10 * HOP).span, quality=Quality.CLIPPED), by_s), "e")
    if restarted:
        tree = describer.portrait_tree("e")
        assert tree is not None
        describer = new_describer(machine)
        assert describer.restore("e", tree)
    return shown(describer, machine, AT + 10 * HOP, 10, 0.0)


@pytest.mark.parametrize("by_s", [-UTC_S, -3600.0, 3600.0, -30.0])
def test_a_clock_that_is_set_while_an_event_goes_on_changes_nothing_that_is_said_of_it(by_s: float) -> None:
    right, wrong = setting(0.0, restarted=False), setting(by_s, restarted=False)
    assert [finding.kind for finding in right.findings] == [finding.kind for finding in wrong.findings]
    for name in ("start_utc_s", "end_utc_s", "windows"):
        assert pytest.approx(getattr(right, name), abs=1e-3) == getattr(wrong, name)
    for one, other in zip(right.findings, wrong.findings, strict=True):
        assert pytest.approx(one.start_utc_s, abs=0.1) == other.start_utc_s
        assert pytest.approx(one.end_utc_s, abs=0.1) == other.end_utc_s


def test_an_event_that_was_drawn_in_1970_before_a_restart_has_not_lasted_for_decades() -> None:
    said = setting(-UTC_S, restarted=True)
    assert UTC_S < said.start_utc_s < said.end_utc_s
    assert said.end_utc_s - said.start_utc_s < 60
