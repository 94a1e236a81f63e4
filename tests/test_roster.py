"""The roster knows who judges which window, and closes an engine when nobody needs it any more."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from machine_rig import demo_ear, machine, windows

from engines.runtime import EngineOutput
from monitor.machine import Machine
from monitor.messages import Float32, Span
from monitor.roster import Roster
from monitor.testing import ScriptedEngine


class Closing(ScriptedEngine):
    """Says whether it has been closed."""

    closed = 0

    def close(self) -> None:
        self.closed += 1

    def _infer(self, batch: Float32) -> EngineOutput:
        assert not self.closed
        return super()._infer(batch)


def closing() -> Closing:
    return Closing(demo_ear().bundle, [0.0] * 10)


def successor(before: Machine, number: int) -> Machine:
    return replace(before, engine=closing(), number=number)


def span(machine: Machine) -> Span:
    return replace(windows(machine.source_id, 1)[0].span, machine=machine.number)


def closed(machine: Machine) -> int:
    assert isinstance(machine.engine, Closing)
    return machine.engine.closed


def test_a_window_is_judged_by_the_machine_that_it_was_cut_for() -> None:
    first = machine("pump", [], engine=closing())
    second, third = successor(first, 2), successor(first, 3)
    roster = Roster([first, machine("fan", [])])
    roster.expect(second)
    roster.expect(third)
    assert [first, second, third] == [roster.judge_of(span(one)) for one in (first, second, third)]
    assert roster.is_present(first)
    assert [first] == roster.succeed(second)
    assert [second, third] == [roster.judge_of(span(one)) for one in (second, third)]
    assert [False, True, True] == [roster.knows(span(one)) for one in (first, second, third)]
    with pytest.raises(KeyError):
        roster.judge_of(span(first))
    assert [second] == roster.succeed(third)
    assert [third, roster.get("fan")] == list(roster)
    with pytest.raises(KeyError):
        roster.judge_of(span(second))


def test_a_successor_that_is_passed_over_is_never_heard_of_again() -> None:
    first = machine("pump", [], engine=closing())
    second, third = successor(first, 2), successor(first, 3)
    roster = Roster([first])
    roster.expect(second)
    roster.expect(third)
    assert [third] == roster.awaited
    assert third is roster.newest("pump")
    assert [first, second] == roster.succeed(third), "their engines are to be closed"
    assert (third,) == tuple(roster.everyone)
    assert ([], third, None) == (roster.awaited, roster.newest("pump"), roster.newest("fan"))
    fourth = successor(first, 4)
    roster.expect(fourth)
    assert [third, fourth] == roster.leave("pump")
    assert () == tuple(roster.everyone)
    assert not roster.knows(span(fourth))


def test_an_engine_is_closed_once_and_only_when_nobody_needs_it() -> None:
    first = machine("pump", [], engine=closing())
    beside = replace(machine("fan", []), engine=first.engine)
    roster = Roster([first, beside])
    second = successor(first, 2)
    roster.expect(second)
    assert not roster.close_unused(second.engine), "it is expected"
    roster.succeed(second)
    assert not roster.close_unused(first.engine), "the fan has it"
    held = roster.hold()
    roster.leave("fan")
    assert not roster.close_unused(first.engine), "it is held, for it may be wanted again"
    assert {first.engine, second.engine} == {model.engine for model in held}
    roster.release()
    assert (1, 0) == (closed(first), closed(second))
    assert [second.engine] == roster.engines


def test_what_a_source_lost_stays_counted_when_it_has_left_and_a_loop_sees_one_moment() -> None:
    pump, fan = machine("pump", []), machine("fan", [])
    roster = Roster([pump, fan])
    pump.clips.dropped_clips, fan.clips.dropped_clips, pump.clips.missed_windows = 2, 1, 5
    seen = []
    for one in roster:
        roster.leave("pump") if one is pump else None
        seen.append(one.source_id)
    assert ["pump", "fan"] == seen
    assert (3, 5, ("fan",), None) == (
        roster.given_up_clips,
        roster.missed_windows,
        roster.source_ids,
        roster.get("pump"),
    )
    roster.join(machine("pump", []))
    roster.arrange(["pump"])
    assert ("pump", "fan") == roster.source_ids
    assert np.isclose(3, roster.given_up_clips)
