"""A candidate whose windows lie otherwise hears the same sound, at the same places."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from fixtures_live import DEMO

from monitor.config import InputQualityConfig, WindowConfig
from monitor.frontend import StreamFrontend
from monitor.listening import BlockWindows, open_ear
from monitor.messages import AudioBlock, LogMel, Quality, Window, read_only
from monitor.shadow.own_windows import OwnWindows
from monitor.store import ClipRecorder

RATE_HZ = 22_050
LIVE = open_ear(DEMO / "mae", WindowConfig(), InputQualityConfig())
OWN = open_ear(DEMO / "ae", WindowConfig(hop_frames=48), InputQualityConfig())


def blocks(seconds: float, *, lost_at: float | None = None) -> list[AudioBlock]:
    noise = np.random.default_rng(3).normal(0.0, 0.05, int(seconds * RATE_HZ)).astype(np.float32)
    size, found, place = 2205, [], 0
    for first in range(0, len(noise), size):
        lost = RATE_HZ if lost_at is not None and first == int(lost_at * RATE_HZ) else 0
        place += lost
        part = read_only(noise[first : first + size].copy())
        found.append(AudioBlock("pump-1", part, RATE_HZ, place, lost, 1.8e9 + place / RATE_HZ))
        place += len(part)
    return found


def heard(found: list[AudioBlock]) -> tuple[list[LogMel], list[Window]]:
    """What the candidate is given, and the live bundle's windows."""
    live, own = BlockWindows("pump-1", LIVE), OwnWindows("pump-1", OWN)
    clips = ClipRecorder("pump-1", pre_roll_s=3, post_roll_s=3, max_clip_s=20, clip_every_s=300)
    given: list[LogMel] = []
    windows: list[Window] = []
    for block in found:
        clips.add_block(block)
        for window in live.add(block):
            windows.append(window)
            given += own.up_to(window.span, clips)
    return given, windows


def test_its_windows_are_those_of_a_cutter_of_its_own() -> None:
    found = blocks(14.0)
    given, windows = heard(found)
    begin_s = windows[0].span.start_s
    cutter, frontend = BlockWindows("pump-1", OWN), StreamFrontend(OWN.frontend)
    shift = round(begin_s * RATE_HZ)
    whole = np.concatenate([block.samples for block in found])[shift:]
    alone = AudioBlock("pump-1", read_only(whole), RATE_HZ, 0, 0, 1.8e9)
    expected = [frontend.logmel_from_window(window) for window in cutter.add(alone)]
    assert len(given) >= 6
    for mine, one in zip(given, expected, strict=False):
        assert abs(mine.span.start_s - begin_s - one.span.start_s) < 1e-3
        assert abs(mine.span.start_utc_s - 1.8e9 - mine.span.start_s) < 0.01
        np.testing.assert_allclose(mine.values, one.values, atol=1e-3)


def test_no_window_lies_over_sound_that_was_lost() -> None:
    given, windows = heard(blocks(20.0, lost_at=8.0))
    assert Quality.OK in {window.span.quality for window in windows[-4:]}
    assert [] == [one for one in given if one.span.end_s > 8.0 and one.span.start_s < 9.0]
    assert [one for one in given if one.span.start_s >= 9.0], "it goes on behind it"


def test_sound_that_is_held_no_more_lets_it_begin_anew() -> None:
    own = OwnWindows("pump-1", OWN)
    clips = ClipRecorder("pump-1", pre_roll_s=0, post_roll_s=0, max_clip_s=1, clip_every_s=300, lag_s=4)
    cutter = BlockWindows("pump-1", LIVE)
    windows: list[Window] = []
    for block in blocks(24.0):
        clips.add_block(block)
        windows += cutter.add(block)
    assert [] == list(own.up_to(windows[0].span, clips))
    last = windows[-1].span
    assert [] == list(own.up_to(replace(last, start_s=last.end_s - 1.0), clips))
