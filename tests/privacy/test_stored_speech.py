"""Whatever of the state directory somebody takes: under store.speech nothing in it can be made into words."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import soundfile
from machine_rig import UTC_S, Audience, demo_ear, machine
from vocoder import best_likeness, vocoded
from voices import RATE_HZ, mixed, pump, speech

from monitor.config import Config, StoreConfig
from monitor.describe.bands import Bands
from monitor.describe.portrait import STEP_DB, TOP
from monitor.keeper import Keeper
from monitor.listening import BlockWindows
from monitor.messages import AudioBlock, Float32
from monitor.pipeline import Pipeline
from monitor.roster import Roster
from monitor.store import Store, open_store
from monitor.testing import CapturedLog

SPOKEN_FROM_S, SPOKEN_S = 45.0, 7
UNUSUAL_FROM_S = 42.0
SOUND_S = 56.0
OVER_BANDS = {"power", "excess", "peaks", "marked", "lowered", "errors", "risen", "fallen", "reference"}
"""What a portrait has a number of for each band, and none for a moment."""
FILES = {"store.sqlite", "store.sqlite-wal", "store.sqlite-shm", "store.lock", "store.clock", "store.reserve"}


@dataclass
class Heard:
    """A box that heard somebody speak beside a pump, with the event still open."""

    store: Store
    keeper: Keeper
    clean: Float32
    end: int
    """After the last sample of the last window."""
    courses: list[str] = field(default_factory=list)
    """As the describer had them in memory, after each window of the event."""


def hear(store: Store, monkeypatch: pytest.MonkeyPatch, rule: str) -> Heard:
    monkeypatch.setattr("monitor.narrator.KEEP_EVERY_S", 0.0)
    voice = speech()[: SPOKEN_S * RATE_HZ]
    sound = mixed(pump(SOUND_S), voice, SPOKEN_FROM_S, 10.0)
    clean = np.zeros(len(sound), np.float32)
    clean[round(SPOKEN_FROM_S * RATE_HZ) :][: len(voice)] = voice
    windows = BlockWindows("pump", demo_ear()).add(AudioBlock("pump", sound, RATE_HZ, 0, 0, UTC_S))
    values = [1.5 if window.span.start_s >= UNUSUAL_FROM_S else 0.1 for window in windows]
    loud, log = machine("pump", values), CapturedLog()
    keeper = Keeper([loud], store, StoreConfig.model_validate({"min_free_bytes": 0, "speech": rule}), log)
    pipeline = Pipeline(Roster([loud]), store, Audience(), keeper.keep_window, log, say=lambda _: None)
    pipeline.treat_portraits(keeper.portrait_to_keep)
    cutter, size = BlockWindows("pump", demo_ear()), RATE_HZ // 2
    heard = Heard(store, keeper, clean, round(windows[-1].span.end_s * RATE_HZ))
    for first in range(0, len(sound), size):
        block = AudioBlock("pump", sound[first : first + size], RATE_HZ, first, 0, UTC_S + first / RATE_HZ)
        loud.clips.add_block(block)
        pipeline.hear(cutter.add(block))
        keeper.run_once(0.0)
        event_id = loud.alarm.snapshot.event_id
        tree = None if event_id is None or loud.describer is None else loud.describer.portrait_tree(event_id)
        if tree is not None:
            heard.courses.append(str(tree["course"]))
    keeper.finish()
    return heard


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(tmp_path)) as opened:
        yield opened


def likeness_of_course(heard: Heard, course: bytes, frames: int) -> float:
    """How like the clean speech a vocoder makes a portrait's course, which ends with the last window."""
    bands = Bands(demo_ear().frontend.parameters)
    pairs = np.frombuffer(course, np.uint8).reshape(bands.groups, -1)
    steps = np.stack([pairs >> 4, pairs & TOP], axis=2).reshape(bands.groups, -1)[:, :frames]
    starts = bands.group_starts
    hz = [bands.hz_of(int(first), int(last) - 1) for first, last in itertools.pairwise(starts)]
    amplitude = 10 ** (steps * STEP_DB / 20) - 1.0
    amplitude *= 10 ** (-3.0 * np.arange(bands.groups) / 20)[:, None]  # about what normal sound falls off
    first = heard.end - round(frames * bands.hop_s * RATE_HZ)
    rebuilt = vocoded(amplitude, hz, bands.hop_s)
    spoken = slice(round(SPOKEN_FROM_S * RATE_HZ), round((SPOKEN_FROM_S + SPOKEN_S) * RATE_HZ))
    return best_likeness(heard.clean[spoken], rebuilt[spoken.start - first :][: SPOKEN_S * RATE_HZ], 0)


def cells(store: Store) -> Iterator[tuple[str, object]]:
    """Every value in every table."""
    tables = store.database.rows("SELECT name FROM sqlite_master WHERE type = 'table'")
    for (table,) in tables:
        for row in store.database.rows(f'SELECT * FROM "{table}"'):  # noqa: S608 - a table of ours
            for column in row.keys():  # noqa: SIM118 - a Row iterates over its values
                yield f"{table}.{column}", row[column]


def series_in(where: str, value: object) -> Iterator[tuple[str, int]]:
    """Everything in a value that is long enough to be a course in time, and how long it is."""
    if isinstance(value, str):
        yield from _series_in_text(where, value)
    elif isinstance(value, bytes):
        yield where, len(value)
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from () if key in OVER_BANDS else series_in(f"{where}.{key}", part)
    elif isinstance(value, list):
        yield from [(where, len(value))] * (len(value) > 16)
        for part in value:
            yield from series_in(where, part)


def _series_in_text(where: str, text: str) -> Iterator[tuple[str, int]]:
    try:
        tree = json.loads(text)
    except ValueError:
        tree = None
    if isinstance(tree, dict | list):
        yield from series_in(where, tree)
    elif len(text) > 200 and " " not in text:
        yield where, len(text)


def files_that_hold(state_dir: Path, texts: list[str]) -> set[str]:
    """Names of files with a piece of one of these texts, wherever a page may have cut it."""
    pieces = {text[at : at + 40].encode() for text in texts for at in range(0, len(text) - 40, 200)}
    pieces = {piece for piece in pieces if len(set(piece)) > 5}  # quiet is quiet
    assert len(pieces) > 20
    contents = {path.name: path.read_bytes() for path in state_dir.iterdir() if path.is_file()}
    return {name for name, content in contents.items() if any(piece in content for piece in pieces)}


def test_the_measure_finds_words_in_a_portrait_of_speech_that_is_kept(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = hear(store, monkeypatch, "keep")
    (event,) = store.events(9)
    tree = store.portrait(event.event_id)
    assert tree is not None
    frames = tree["counts"][3]  # type: ignore[index]
    assert likeness_of_course(heard, base64.b85decode(str(tree["course"])), frames) > 0.5
    assert "events.portrait.course" in {
        where for name, cell in cells(store) for where, _ in series_in(name, cell)
    }
    assert files_that_hold(store.state_dir, heard.courses)


@pytest.mark.parametrize("rule", ["blur", "withhold"])
def test_nothing_in_the_state_directory_can_be_made_into_words(
    store: Store, monkeypatch: pytest.MonkeyPatch, rule: str
) -> None:
    heard = hear(store, monkeypatch, rule)
    (event,) = store.events(9)
    assert store.portrait(event.event_id) is not None, "its event goes on after a restart all the same"
    assert {} == {where: n for name, cell in cells(store) for where, n in series_in(name, cell)}
    assert set() == files_that_hold(store.state_dir, heard.courses)
    files = {path.relative_to(store.state_dir) for path in store.state_dir.rglob("*") if path.is_file()}
    assert FILES >= {str(path) for path in files if path.parts[0] not in {"clips", "maps"}}
    clips = store.clips(event.event_id)
    assert clips
    for clip in clips:
        sound, _ = soundfile.read(store.state_dir / clip.path, dtype="float32")
        part = heard.clean[round(clip.start_s * RATE_HZ) :][: len(sound)]
        assert best_likeness(part, sound[: len(part)], 0) < 0.15
    windows = store.windows(event.event_id)
    bands, maps = Bands(demo_ear().frontend.parameters), []
    hop = demo_ear().grid.hop_samples // 512
    for window in windows:
        with np.load(store.state_dir / window.path) as arrays:
            maps.append(arrays["logmel"][:, :hop].astype(np.float64))
    hz = [bands.hz_of(band, band) for band in range(bands.count)]
    rebuilt = vocoded(10 ** (np.concatenate(maps, axis=1) / 2), hz, bands.hop_s)
    first = round(windows[0].start_s * RATE_HZ)
    assert best_likeness(heard.clean[first:], rebuilt[: len(heard.clean) - first], 0) < 0.3


def test_a_stricter_rule_leaves_nothing_of_what_was_stored_before_in_any_page_or_log(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = hear(store, monkeypatch, "keep")
    source = {"id": "pump", "kind": "simulated"}
    heard.keeper.reconfigure(Config.model_validate({"sources": [source], "store": {"speech": "blur"}}))
    heard.keeper.clean_portraits()
    assert set() == files_that_hold(store.state_dir, heard.courses)
    (event,) = store.events(9)
    assert "" == (store.portrait(event.event_id) or {})["course"]


def test_a_start_under_a_stricter_rule_cleans_what_an_earlier_one_stored(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = hear(store, monkeypatch, "keep")
    config = StoreConfig(min_free_bytes=0, speech="withhold")
    with store.database.transaction() as connection:
        connection.execute("UPDATE events SET source_id = 'gone'")  # nobody says what holds for it
    Keeper([machine("pump", [])], store, config, CapturedLog())
    assert set() == files_that_hold(store.state_dir, heard.courses)
