"""The page says what was taken out of a clip and why there is none, and keeps a record of who listens."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from past import T0, Past, noise
from replay_rig import Browser, Plant

from monitor.replay.places import audit_path
from monitor.store import ClipJob, clip_files
from monitor.store.protection import Protection, Spoken

Open = Callable[..., Browser]
BLURRED = Protection("blur", (Spoken(1.0, 2.5),), None, (100.0, 4000.0))


@pytest.fixture
def past(plant: Plant) -> Past:
    return Past(plant.config.state_dir, plant.store)


def clip_of(event_id: str) -> ClipJob:
    return ClipJob("pump", event_id, noise(4.0), 16_000, 0.0, T0, 0)


@pytest.mark.parametrize(
    ("why", "language", "words"),
    [
        ("never", "en", "this box is set up so (store.audio)"),
        ("never", "de", "so ist dieses Gerät eingestellt (store.audio)"),
        ("unchecked", "en", "could not be checked for speech (store.speech)"),
        ("unchecked", "de", "konnte nicht auf Sprache geprüft werden (store.speech)"),
    ],
)
def test_the_page_says_why_there_is_no_sound_and_shows_the_pictures(
    past: Past, plant: Plant, open_browser: Open, why: str, language: str, words: str
) -> None:
    past.add_event("e1")
    clip_id = clip_files.note_unwritten_clip(plant.store.database, clip_of("e1"), why)
    window_id = past.add_window("e1", start_s=1.0)
    browser = open_browser("vera")
    page = browser.get("/events/e1", headers={"Accept-Language": language}).text
    assert words in page
    assert f"/api/v1/windows/{window_id}/pictures/error_map.png" in page
    assert 200 == browser.get(f"/api/v1/windows/{window_id}/pictures/error_map.png").status_code
    refused = browser.get(f"/api/v1/clips/{clip_id}/audio")
    assert (410, True) == (refused.status_code, "store." in refused.text)
    assert why == browser.get("/api/v1/events/e1").json()["clips"][0]["gone"]


def test_what_was_taken_out_of_a_clip_is_said_by_pictures_api_and_export(
    past: Past, plant: Plant, open_browser: Open
) -> None:
    past.add_event("e1")
    clip_id = plant.store.add_clip(replace(clip_of("e1"), protection=BLURRED))
    past.add_label("e1", "no_anomaly")
    browser = open_browser("vera")
    notes = browser.get(f"/api/v1/clips/{clip_id}/axes").json()["notes"]
    assert ["speech_blurred", "band_limited"] == [
        note for note in notes if note in {"speech_blurred", "band_limited"}
    ]
    (clip,) = browser.get("/api/v1/events/e1").json()["clips"]
    expected = {
        "speech": "blur",
        "spoken": [{"start_s": 1.0, "end_s": 2.5}],
        "band_hz": None,
        "stop_hz": [100.0, 4000.0],
    }
    assert expected == clip["protection"]
    export = browser.get("/api/v1/export").content
    assert b"holds nothing from 100 to 4000 Hz; speech blurred at 1.00-2.50 s" in export


def test_whoever_fetches_or_exports_sound_stands_in_the_record_once(
    past: Past, plant: Plant, open_browser: Open
) -> None:
    past.add_event("e1")
    clip_id = past.add_clip("e1", noise(1.0), start_s=0.0)
    for name in ("vera", "anna"):
        browser = open_browser(name)
        for _ in range(3):
            assert 200 == browser.get(f"/api/v1/clips/{clip_id}/audio").status_code
        assert 200 == browser.get(f"/api/v1/clips/{clip_id}/pictures/waveform.png").status_code
    assert 200 == browser.get("/api/v1/export?rating=anomaly").status_code
    lines = [json.loads(line) for line in audit_path(plant.config).read_text().splitlines()]
    heard = [line for line in lines if "sound" in line["what"]]
    assert [("sound fetched", "vera"), ("sound fetched", "anna"), ("sound exported", "anna")] == [
        (line["what"], line["user"]) for line in heard
    ]
    assert [clip_id, clip_id] == [line["clip_id"] for line in heard[:2]]
    assert {"127.0.0.1"} == {line["address"] for line in heard}
