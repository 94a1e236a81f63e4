"""Conditions together: any one is enough, what starts settles, and what is not known counts as running."""

from __future__ import annotations

from dataclasses import replace

import pytest
from off_sounds import LOUD, QUIET, RUNNING, STOPPED, causes, offs, play, section, span_at

from monitor.config.off import OffConfig
from monitor.messages import MachineOff, OffCause, Quality, SignalState
from monitor.off import OffWatch, Verdict, machine_off_from_facts

SIGNAL = {"kind": "mqtt", "topic": "plant/pump"}
BY_SIGNAL = section(signal=SIGNAL, settle_s=3)
ALL = section(
    level={"below_dbfs": -60, "after_s": 0},
    schedule={"time_zone": "Europe/Berlin", "times": [{"days": ["sat"]}]},
    signal=SIGNAL,
)


def test_without_conditions_it_always_runs() -> None:
    assert "...." == offs(play(OffWatch(None), [QUIET] * 4, said=STOPPED))


def test_any_condition_is_enough_and_all_that_hold_are_named() -> None:
    (verdict,) = play(OffWatch(ALL), [QUIET], said=STOPPED)
    assert (OffCause.LEVEL, OffCause.SCHEDULE, OffCause.SIGNAL) == causes(verdict)
    assert verdict.machine.off is not None
    assert 2 == verdict.machine.off.reason.count("; ")


def test_it_is_off_until_the_last_condition_ends() -> None:
    watch = OffWatch(section(level={"below_dbfs": -60, "after_s": 0}, signal=SIGNAL, settle_s=0))
    play(watch, [QUIET], said=STOPPED)
    assert (OffCause.SIGNAL,) == causes(play(watch, [LOUD], said=STOPPED, first=1)[0])
    assert "oo." == offs(play(watch, [LOUD] * 3, said=RUNNING, first=2))


def test_the_first_judged_window_begins_when_it_has_settled() -> None:
    watch = OffWatch(BY_SIGNAL)
    play(watch, [LOUD], said=STOPPED)
    verdicts = play(watch, [LOUD] * 8, said=RUNNING, first=1)
    # it runs from the end of window 1, second 3, and has settled at second 6
    first = next(one.span for one in verdicts if one.span.quality is Quality.OK)
    assert (6.0, "ooooo...") == (first.start_s, offs(verdicts))
    assert [(OffCause.SETTLING,)] * 5 == [causes(one) for one in verdicts[:5]]


def test_a_signal_that_flickers_makes_it_go_off_once() -> None:
    watch = OffWatch(BY_SIGNAL)
    told = "".join(
        offs(play(watch, [LOUD], said=STOPPED if index % 3 == 0 else RUNNING, first=index))
        for index in range(30)
    )
    assert "o" * 30 == told


def test_a_missing_signal_counts_as_running_and_is_told() -> None:
    (verdict,) = play(OffWatch(BY_SIGNAL), [LOUD], said=None)
    assert (SignalState.MISSING, None) == (verdict.machine.signal, verdict.machine.off)
    assert verdict.machine.signal_missing


def test_after_a_restart_the_signal_is_believed_until_the_line_would_be_lost() -> None:
    watch = OffWatch(section(signal={**SIGNAL, "lost_after_s": 5}, settle_s=0), was=_was(OffCause.SIGNAL))
    assert "ooooooo.." == offs(play(watch, [LOUD] * 9))


def test_after_a_restart_what_is_said_counts_at_once() -> None:
    watch = OffWatch(section(signal=SIGNAL, settle_s=0), was=_was(OffCause.SIGNAL))
    assert "oo.." == offs(play(watch, [LOUD] * 4, said=RUNNING))


@pytest.mark.parametrize("quality", [Quality.ABSENT, Quality.SILENT, Quality.FLAT])
def test_a_deaf_microphone_is_told_while_it_is_off(quality: Quality) -> None:
    verdict = OffWatch(BY_SIGNAL).hear(span_at(0, None, quality), STOPPED, 0.0)
    assert (quality, (OffCause.SIGNAL,)) == (verdict.span.quality, causes(verdict))


@pytest.mark.parametrize("quality", [Quality.OK, Quality.CLIPPED, Quality.GAP])
def test_every_other_window_is_off_by_design(quality: Quality) -> None:
    verdict = OffWatch(BY_SIGNAL).hear(span_at(0, LOUD, quality), STOPPED, 0.0)
    assert Quality.OFF is verdict.span.quality


def test_a_stream_that_begins_anew_settles_anew() -> None:
    watch = OffWatch(BY_SIGNAL)
    play(watch, [LOUD], said=STOPPED, first=1000)
    play(watch, [LOUD], said=RUNNING, first=1001)
    assert "ooooo." == offs(play(watch, [LOUD] * 6, said=RUNNING))


def test_since_is_when_it_went_off_whatever_holds_later() -> None:
    watch = OffWatch(section(level={"below_dbfs": -60, "after_s": 0}, signal=SIGNAL))
    verdicts = [*play(watch, [QUIET] * 2), *play(watch, [LOUD] * 2, said=STOPPED, first=2)]
    assert 1 == len({one.machine.off.since_utc_s for one in verdicts if one.machine.off is not None})


def test_what_went_off_before_the_time_was_known_is_dated_when_it_is() -> None:
    watch = OffWatch(BY_SIGNAL)
    unset = replace(span_at(0), start_utc_s=60.0)
    for index in range(3):
        early = watch.hear(replace(unset, start_utc_s=60.0 + index), STOPPED, float(index))
        assert 62.0 == since(early)
    set_now = watch.hear(span_at(3), STOPPED, 3.0)
    assert (span_at(3).end_utc_s, True) == (since(set_now), set_now.is_news)
    assert span_at(3).end_utc_s == since(watch.hear(span_at(4), STOPPED, 4.0))


def test_another_section_keeps_it_off_only_while_that_says_so() -> None:
    watch = OffWatch(BY_SIGNAL)
    play(watch, [LOUD], said=STOPPED)
    watch.configure(None)
    assert "." == offs(play(watch, [LOUD], said=STOPPED, first=1))


@pytest.mark.parametrize("same", [BY_SIGNAL, ALL])
def test_the_same_section_again_changes_nothing(same: OffConfig) -> None:
    one, other = OffWatch(same), OffWatch(same)
    for watch in (one, other):
        play(watch, [QUIET] * 2, said=STOPPED)
    other.configure(same.model_copy())
    assert play(one, [LOUD] * 9, said=RUNNING, first=2) == play(other, [LOUD] * 9, said=RUNNING, first=2)


def test_what_an_alarm_kept_is_how_it_was() -> None:
    assert None is machine_off_from_facts(None, None, None)
    was = MachineOff((OffCause.LEVEL, OffCause.SIGNAL), "both", 5.0)
    assert was == machine_off_from_facts("both", "level signal", 5.0)
    assert () == machine_off_from_facts("a later version", "moon", None).causes  # type: ignore[union-attr]


def since(verdict: Verdict) -> float:
    assert verdict.machine.off is not None
    return verdict.machine.off.since_utc_s


def _was(cause: OffCause) -> MachineOff:
    return MachineOff((cause,), "before the restart", 1.0)
