"""Off because it is quiet: the level, the time and the hysteresis at their very edges."""

from __future__ import annotations

import pytest
from off_sounds import LOUD, QUIET, causes, offs, play, section, span_at

from monitor.messages import MachineOff, OffCause, Quality
from monitor.off import OffWatch

BY_LEVEL = section(level={"below_dbfs": -60, "after_s": 3, "hysteresis_db": 6}, settle_s=0)


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ([QUIET] * 5, "qqqoo"),
        ([QUIET] * 3 + [LOUD] + [QUIET] * 4, "qqq.qqqo"),
        ([QUIET] * 2 + [None] + [QUIET] * 4, "qq.qqqo"),
        ([-60.0] * 5, "....."),
        ([-60.01] * 5, "qqqoo"),
    ],
)
def test_it_is_off_once_every_window_was_below_for_so_long(levels: list[float | None], expected: str) -> None:
    assert expected == offs(play(OffWatch(BY_LEVEL), levels))


def test_a_window_too_quiet_for_a_machine_is_not_judged_before_it_is_off() -> None:
    first = play(OffWatch(BY_LEVEL), [QUIET])[0]
    assert (Quality.OFF, None) == (first.span.quality, first.machine.off)


@pytest.mark.parametrize(("level", "expected"), [(-54.01, "o"), (-54.0, ".")])
def test_it_runs_again_at_the_hysteresis(level: float, expected: str) -> None:
    watch = OffWatch(BY_LEVEL)
    play(watch, [QUIET] * 4)
    # windows that begin before the first loud one has ended are of a machine that starts
    assert "o" == offs(play(watch, [level], first=4))
    assert expected == offs(play(watch, [level] * 4, first=5))[-1]


def test_the_reason_says_the_level_and_since_when_and_stands_still() -> None:
    verdicts = play(OffWatch(BY_LEVEL), [-70.24] * 4 + [-90.0])
    said = {one.machine.off.reason for one in verdicts if one.machine.off is not None}
    assert {"level -70.2 dBFS, below -60 since 2025-11-22 12:00:00 UTC"} == said
    assert (OffCause.LEVEL,) == causes(verdicts[-1])


@pytest.mark.parametrize("quality", [Quality.ABSENT, Quality.SILENT, Quality.FLAT, Quality.GAP])
def test_what_nobody_heard_never_makes_it_off(quality: Quality) -> None:
    watch = OffWatch(BY_LEVEL)
    for index in range(60):
        verdict = watch.hear(span_at(index, -100.0, quality), None, float(index))
        assert (None, quality) == (verdict.machine.off, verdict.span.quality)


def test_a_microphone_that_dies_while_it_is_off_ends_that_and_is_told() -> None:
    watch = OffWatch(BY_LEVEL)
    play(watch, [QUIET] * 4)
    verdicts = play(watch, [None] * 8, first=4)
    assert "ooooo..." == offs(verdicts)
    assert {Quality.ABSENT} == {one.span.quality for one in verdicts}


def test_one_lost_window_does_not_end_it() -> None:
    watch = OffWatch(BY_LEVEL)
    play(watch, [QUIET] * 4)
    assert "ooooo" == offs(play(watch, [QUIET, None, QUIET, None, QUIET], first=4))


def test_what_was_off_before_a_restart_is_off_until_it_is_heard() -> None:
    was = MachineOff((OffCause.LEVEL,), "level", 1.7e9)
    assert "oooo" == offs(play(OffWatch(BY_LEVEL, was=was), [QUIET] * 4))
    assert "oo.." == offs(play(OffWatch(BY_LEVEL, was=was), [LOUD] * 4))
    assert 1.7e9 == play(OffWatch(BY_LEVEL, was=was), [QUIET])[0].machine.off.since_utc_s  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("levels", "judged_from"),
    [
        ([-57.0] * 90, 60),
        ([-57.0] * 30 + [-60.01] + [-57.0] * 90, 91),
        ([-57.0] * 58 + [-60.01] * 30, -1),
    ],
)
def test_above_the_level_by_less_than_the_hysteresis_for_a_minute_it_counts_as_running(
    levels: list[float | None], judged_from: int
) -> None:
    watch = OffWatch(BY_LEVEL)
    play(watch, [QUIET] * 4)
    # a minute from the start of the first such window: the window that begins then is judged
    assert judged_from == offs(play(watch, levels, first=4)).find(".")


def test_a_lower_level_releases_at_once_a_machine_that_it_finds_loud_enough() -> None:
    lower = section(level={"below_dbfs": -65, "after_s": 3, "hysteresis_db": 30}, settle_s=0)
    watch = OffWatch(BY_LEVEL)
    play(watch, [-62.0] * 4)
    watch.configure(lower)
    assert "oo..." == offs(play(watch, [-62.0] * 5, first=4))


def test_a_level_that_was_lowered_while_the_daemon_did_not_run_releases_too() -> None:
    was = MachineOff((OffCause.LEVEL,), "level -62.0 dBFS, below -60", 1.7e9)
    lower = section(level={"below_dbfs": -65, "after_s": 3, "hysteresis_db": 30}, settle_s=0)
    assert "oo..." == offs(play(OffWatch(lower, was=was), [-62.0] * 5))
    assert "ooooo" == offs(play(OffWatch(lower, was=was), [-66.0] + [-62.0] * 4))


def test_another_key_of_the_section_leaves_what_the_level_has_heard() -> None:
    watch = OffWatch(BY_LEVEL)
    verdict = play(watch, [QUIET] * 4)[-1]
    watch.configure(BY_LEVEL.model_copy(update={"settle_s": 1.0}))
    (after,) = play(watch, [-57.0], first=4)
    assert verdict.machine == after.machine
