"""What of a sound reaches the disk, and what is said of it: from the keeper to the files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from machine_rig import machine
from voices import RATE_HZ, band_levels_db, mixed, pump, speech

from monitor.config import SimulatedSource, StoreConfig
from monitor.errors import SpeechCheckError
from monitor.keeper import Keeper
from monitor.listening import BlockWindows
from monitor.messages import (
    AlarmChange,
    AlarmState,
    AudioBlock,
    ChangeReason,
    Float32,
    Inference,
    LogMel,
    Score,
    Window,
    read_only,
)
from monitor.pipeline import FlaggedWindow
from monitor.privacy import guard
from monitor.privacy import speech as speech_check
from monitor.privacy.blur import smeared
from monitor.privacy.speech import SpeechDetector
from monitor.store import Store, StoredClip, clip_files, open_store
from monitor.store.protection import UNTOUCHED, Protection, Spoken, protection_from_text
from monitor.testing import CapturedLog

UTC_S = 1_700_000_000.0
EVENT = "pump-1"
SPOKEN_FROM_S = 3.0
MAGIC = (b"fLaC", b"RIFF", b"OggS")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(tmp_path)) as opened:
        yield opened


def heard(
    store: Store,
    sound: Float32,
    log: CapturedLog,
    source: dict[str, str],
    **keys: object,
) -> Keeper:
    """Let a machine whose every window is flagged be heard, and keep what is to be kept of it."""
    of_pump = {"id": "pump", "kind": "simulated", **source}
    loud = replace(machine("pump", []), source=SimulatedSource.model_validate(of_pump))
    keeper = Keeper([loud], store, StoreConfig.model_validate({"min_free_bytes": 0, **keys}), log)
    keeper.guard._noise = np.random.default_rng(0)  # with other noise now and then something is silenced
    raise_alarm(store)
    cutter, size = BlockWindows("pump", loud.ear), RATE_HZ // 2
    for first in range(0, len(sound), size):
        block = AudioBlock("pump", sound[first : first + size], RATE_HZ, first, 0, UTC_S + first / RATE_HZ)
        loud.clips.add_block(block)
        for window in cutter.add(block):
            loud.clips.flag(EVENT, window.span.start_s, window.span.end_s)
            keeper.keep_window(flagged(window))
            keeper.run_once(0.0)
    keeper.finish()
    return keeper


def raise_alarm(store: Store) -> None:
    states = (AlarmState.NORMAL, AlarmState.UNACKNOWLEDGED)
    facts = {"peak": 1.5, "warning": True, "uncertain": False, "active": True}
    change = AlarmChange("pump", EVENT, *states, ChangeReason.LIMIT, UTC_S, UTC_S, **facts)  # type: ignore[arg-type]
    store.apply([change], snapshot={}, bundle_id="mae-1")


def flagged(window: Window) -> FlaggedWindow:
    """A window of the event with maps in which no two frames are alike."""
    values = read_only(np.random.default_rng(0).random((128, 64), np.float32))
    return FlaggedWindow(
        event_id=EVENT,
        score=Score(window.span, 1.5, 0.1, 1.5, None, "mae-1"),
        logmel=LogMel(window.span, values),
        inference=Inference(window.span, 1.5, values, values, "mae-1"),
    )


def talk() -> Float32:
    return mixed(pump(14.0), speech()[: 7 * RATE_HZ], SPOKEN_FROM_S, 10.0)


def the_clip(store: Store) -> StoredClip:
    (event,) = store.events(9)
    (clip, *_) = store.clips(event.event_id)
    return clip


def sound_of(store: Store, clip: StoredClip) -> Float32:
    samples, _ = soundfile.read(store.state_dir / clip.path, dtype="float32")
    return np.asarray(samples, np.float32)


def test_with_audio_never_no_sound_is_ever_on_the_disk_and_maps_are(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[object] = []
    monkeypatch.setattr(clip_files, "flac_from_samples", lambda *given, **_: encoded.append(given))
    heard(store, talk(), CapturedLog(), {}, audio="never")
    files = [path for path in store.state_dir.rglob("*") if path.is_file()]
    assert not [path for path in files if any(magic in path.read_bytes() for magic in MAGIC)]
    assert [] == encoded
    clip = the_clip(store)
    assert ("never", 0, False) == (clip.gone, clip.size_bytes, (store.state_dir / clip.path).exists())
    assert clip.duration_s > 5.0
    assert [None] * 12 == [window.gone for window in store.windows(clip.event_id)]


def test_a_sources_own_key_counts_for_it(store: Store) -> None:
    heard(store, talk(), CapturedLog(), {"audio": "never"}, audio="flagged")
    assert "never" == the_clip(store).gone


def test_with_speech_kept_a_clip_is_what_was_heard(store: Store) -> None:
    sound = talk()
    keeper = heard(store, sound, CapturedLog(), {})
    clip = the_clip(store)
    kept, first = sound_of(store, clip), round(clip.start_s * RATE_HZ)
    assert np.abs(kept - sound[first : first + len(kept)]).max() < 1e-6
    assert (UNTOUCHED, 0) == (protection_from_text(clip.protection), keeper.guard.clips_with_speech)


@pytest.mark.parametrize("treatment", ["blur", "withhold"])
def test_speech_is_not_in_a_clip_and_the_clip_says_so(store: Store, treatment: str) -> None:
    keeper = heard(store, talk(), CapturedLog(), {}, speech=treatment)
    clip = the_clip(store)
    kept = sound_of(store, clip)
    assert [] == SpeechDetector().spoken(kept, RATE_HZ, StoreConfig().speech_threshold)
    said = protection_from_text(clip.protection)
    assert (treatment, True) == (said.speech, len(said.spoken) >= 2)
    assert abs(clip.start_s + said.spoken[0].start_s - (SPOKEN_FROM_S - 0.25)) < 0.3
    with soundfile.SoundFile(store.state_dir / clip.path) as file:
        assert said.words == file.comment
    assert ("blurred" if treatment == "blur" else "silenced") in said.words
    assert (1, 0) == (keeper.guard.clips_with_speech, keeper.guard.unchecked)
    silent = 0.0 == np.abs(kept[round((said.spoken[0].start_s + 0.1) * RATE_HZ) :][: RATE_HZ // 2]).max()
    assert silent == (treatment == "withhold")


def test_maps_of_windows_with_speech_lose_their_detail_in_time_and_others_do_not(store: Store) -> None:
    heard(store, talk(), CapturedLog(), {}, speech="blur")
    (event,) = store.events(9)
    smeared = {}
    for window in store.windows(event.event_id):
        with np.load(store.state_dir / window.path) as arrays:
            still = [bool((np.diff(arrays[name], axis=1) == 0).all(axis=0).any()) for name in arrays.files]
        said = protection_from_text(window.protection)
        assert ("blur", [bool(said.spoken)] * 3) == (said.speech, still)
        smeared[window.start_s] = still[0]
    assert not smeared[min(smeared)]
    assert all(smeared[start_s] for start_s in smeared if SPOKEN_FROM_S < start_s < SPOKEN_FROM_S + 3)


def test_what_cannot_be_checked_is_not_written_and_is_counted_and_said(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> list[Spoken]:
        raise SpeechCheckError("the speech check failed on a clip: out of memory")

    monkeypatch.setattr(SpeechDetector, "spoken", fail)
    log = CapturedLog()
    keeper = heard(store, talk(), log, {}, speech="blur")
    clip = the_clip(store)
    assert ("unchecked", False) == (clip.gone, (store.state_dir / clip.path).exists())
    windows = store.windows(clip.event_id)
    assert 1 + len(windows) == keeper.guard.unchecked
    for window in windows:
        with np.load(store.state_dir / window.path) as arrays:
            assert all((np.diff(arrays[name], axis=1) == 0).all() for name in arrays.files)
    (told,) = [facts for _, event, facts in log.lines if "cannot be checked for speech" in event]
    assert "out of memory" in str(told["reason"])


def test_a_clip_that_the_memory_does_not_suffice_for_is_not_written_and_said(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> Float32:
        raise MemoryError

    monkeypatch.setattr(guard, "blurred", fail)
    log = CapturedLog()
    keeper = heard(store, talk(), log, {}, speech="blur")
    assert ("unchecked", 1) == (the_clip(store).gone, keeper.guard.unchecked)
    (told,) = [facts for _, event, facts in log.lines if "cannot be checked for speech" in event]
    assert "out of memory" == told["reason"]


def test_a_map_that_the_memory_does_not_suffice_for_is_counted_and_the_next_one_written(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = [MemoryError()]

    def once(*given: object) -> Float32:
        if failures:
            raise failures.pop()
        return smeared(*given)  # type: ignore[arg-type]  # as given

    monkeypatch.setattr(guard, "smeared", once)
    keeper = heard(store, talk(), CapturedLog(), {}, speech="blur")
    assert (1, 11) == (keeper.dropped, len(store.windows(EVENT)))


def test_a_window_whose_sound_is_held_no_more_counts_as_spoken_all_through(store: Store) -> None:
    pumping = machine("pump", [])
    (window, *_) = BlockWindows("pump", pumping.ear).add(AudioBlock("pump", pump(4.0), RATE_HZ, 0, 0, UTC_S))
    raise_alarm(store)
    keeper = Keeper([pumping], store, StoreConfig(min_free_bytes=0, speech="blur"), CapturedLog())
    keeper.keep_window(flagged(window))  # nothing was ever given to its clips
    keeper.finish()
    (kept,) = store.windows(EVENT)
    (spoken,) = protection_from_text(kept.protection).spoken
    assert (0.0, 2.0) == (spoken.start_s, round(spoken.end_s, 1))
    assert 1 == keeper.guard.unchecked


def test_a_missing_check_stops_the_start_and_not_one_that_nobody_asked_for(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = SpeechDetector
    monkeypatch.setattr(guard, "SpeechDetector", lambda: detector(tmp_path / "none.onnx"))
    Keeper([machine("pump", [])], store, StoreConfig(), CapturedLog())
    with pytest.raises(SpeechCheckError, match=r"store\.speech"):
        Keeper([machine("pump", [])], store, StoreConfig(speech="blur"), CapturedLog())
    assert speech_check.MODEL.is_file()


@pytest.mark.parametrize(
    ("keys", "kept"),
    [
        ({"clip_band_hz": (1414.0, 2828.0)}, [False, False, False, False, True, False]),
        ({"clip_stop_hz": (180.0, 1500.0)}, [True, False, False, False, True, True]),
        ({"clip_band_hz": (9000.0, 20_000.0)}, [False] * 6),
        ({"clip_stop_hz": (9000.0, 20_000.0)}, [True] * 6),
    ],
)
def test_a_clip_holds_only_the_bands_that_may_be_stored(
    store: Store, keys: dict[str, tuple[float, float]], kept: list[bool]
) -> None:
    noise = (0.1 * np.random.default_rng(3).standard_normal(14 * RATE_HZ)).astype(np.float32)
    heard(store, noise, CapturedLog(), {}, **keys)
    clip = the_clip(store)
    with np.errstate(divide="ignore"):
        change_db = band_levels_db(sound_of(store, clip)) - band_levels_db(noise[: 10 * RATE_HZ])
    assert kept == [bool(abs(one) < 3.5) for one in change_db]  # an octave may lie half outside
    said = protection_from_text(clip.protection)
    assert (keys.get("clip_band_hz"), keys.get("clip_stop_hz")) == (said.band_hz, said.stop_hz)
    assert "Hz" in said.words


def test_a_protection_is_read_as_it_was_written() -> None:
    made = Protection("blur", (Spoken(0.25, 1.5), Spoken(3.0, 4.0)), (100.0, 4000.0), None)
    assert made == protection_from_text(made.text)
    assert UNTOUCHED == protection_from_text(UNTOUCHED.text)
    assert {"speech", "spoken", "band_hz", "stop_hz"} == set(json.loads(made.text or ""))
