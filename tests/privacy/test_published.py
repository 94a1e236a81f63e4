"""What is published live where speech is taken out shows no moment, and nothing else is changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from machine_rig import demo_ear, machine, windows
from vocoder import best_likeness, vocoded
from voices import RATE_HZ, mixed, pump, speech

from monitor.announcer import Announcer
from monitor.config import MqttConfig, StoreConfig
from monitor.describe.bands import Bands
from monitor.frontend import StreamFrontend
from monitor.health import HealthBook
from monitor.keeper import Keeper
from monitor.listening import BlockWindows
from monitor.machine import facts_at_start
from monitor.messages import AudioBlock, Inference, Score, read_only
from monitor.privacy.published import inference_without_moments, score_without_moments
from monitor.publish.error_map import coarse_map
from monitor.roster import Roster
from monitor.store import Store, open_store
from monitor.testing import CapturedLog
from monitor.voice import voice_of


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(tmp_path)) as opened:
        yield opened


SPOKEN = slice(8 * RATE_HZ, 15 * RATE_HZ)


def likeness_of_published(*, hidden: bool) -> float:
    """What a vocoder makes of maps of a model that knows the pump by heart, at the default shape."""
    voice = speech()[: SPOKEN.stop - SPOKEN.start]
    sound, ear = mixed(pump(20.0), voice, 8.0, 10.0), demo_ear()
    frontend, hop = StreamFrontend(ear.frontend), ear.grid.hop_samples // 512
    heard = [
        frontend.logmel_from_window(window)
        for window in BlockWindows("pump", ear).add(AudioBlock("pump", sound, RATE_HZ, 0, 0, 0.0))
    ]
    quiet = [logmel.values for logmel in heard if logmel.span.end_s < 8.0]
    normal = np.mean(quiet, axis=(0, 2), keepdims=True)[0]
    columns = []
    for logmel in heard:
        error_map = np.maximum(logmel.values - normal, 0.0).astype(np.float32) ** 2
        inference = Inference(logmel.span, 1.5, error_map, logmel.values, "mae-1")
        shown = inference_without_moments(inference) if hidden else inference
        coarse = coarse_map(shown.error_map, (32, 16))
        columns.append(coarse.cells[:, : hop // 4].astype(np.float64) * coarse.scale)
    bands = Bands(ear.frontend.parameters)
    hz = [bands.hz_of(4 * row, 4 * row + 3) for row in range(32)]
    rebuilt = vocoded(10 ** (np.sqrt(np.concatenate(columns, axis=1)) / 2) - 1, hz, 4 * bands.hop_s)
    clean = np.zeros(len(sound), np.float32)
    clean[SPOKEN] = voice
    return best_likeness(clean[SPOKEN], rebuilt[SPOKEN], 0)


def test_published_maps_show_no_speech_where_speech_is_taken_out() -> None:
    assert likeness_of_published(hidden=False) > 0.3, "what is measured can be found at all"
    assert likeness_of_published(hidden=True) < 0.2


def test_a_profile_without_moments_is_the_mean_of_a_second_and_the_score_is_the_same() -> None:
    (window,) = windows("pump", 1)
    score = Score(window.span, 1.5, 0.1, 1.5, np.arange(64, dtype=np.float32), "mae-1")
    told = score_without_moments(score)
    assert told.profile is not None
    assert [15.5] * 32 + [47.5] * 32 == told.profile.tolist()
    assert replace(score, profile=None) == replace(told, profile=None)
    assert score_without_moments(replace(score, profile=None)).profile is None


@dataclass
class Wire:
    """Keeps what goes out."""

    scores: list[Score] = field(default_factory=list)
    maps: list[Inference] = field(default_factory=list)

    def offer_score(self, score: Score) -> None:
        self.scores.append(score)

    def offer_map(self, inference: Inference, _edges_hz: object) -> None:
        self.maps.append(inference)


@pytest.mark.parametrize(("rule", "columns"), [("keep", 64), ("blur", 2), ("withhold", 2)])
def test_what_goes_out_live_stands_still_for_a_second_where_speech_is_taken_out(
    store: Store, rule: str, columns: int
) -> None:
    pump, wire = machine("pump", []), Wire()
    log = CapturedLog()
    keeper = Keeper([pump], store, StoreConfig.model_validate({"speech": rule, "min_free_bytes": 0}), log)
    book, voice = HealthBook([facts_at_start(pump)]), voice_of("en", log)
    announcer = Announcer(Roster([pump]), [wire], book, MqttConfig(map_windows="all"), voice)  # type: ignore[list-item]  # what is asked of it
    announcer.hide_moments(keeper.hides_moments)
    (window,) = windows("pump", 1)
    values = read_only(np.random.default_rng(0).random((128, 64), np.float32))
    announcer.offer_score(Score(window.span, 1.5, 0.1, 1.5, values[0], "mae-1"))
    announcer.offer_map(Inference(window.span, 1.5, values, values, "mae-1"), flagged=True)
    profile = wire.scores[0].profile
    assert profile is not None
    assert columns == len(np.unique(profile)) == len(np.unique(wire.maps[0].error_map[5]))
