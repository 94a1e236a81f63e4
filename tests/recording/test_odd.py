"""Sound that is unlike the rest is set aside and can be heard; normal sound stays."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile

from monitor.config import InputQualityConfig, WindowConfig
from monitor.listening import open_ear
from monitor.messages import Float32
from monitor.recording.given import GivenFile, given_files
from monitor.recording.heard import heard_files
from monitor.recording.material import key_of_files, make_material, material_at
from monitor.recording.odd import (
    BULK_SHARE,
    ODD_Z,
    OddReport,
    OddStretch,
    odd_in_heard,
    strangeness_of_windows,
)

RATE_HZ = 16_000
MINUTES = 12
FAULT_S = 4
EAR = open_ear(None, WindowConfig(), InputQualityConfig())


def machine(seed: int) -> Float32:
    """A minute of a hiss whose level wanders."""
    draws = np.random.default_rng(seed)
    level = np.repeat(np.exp(0.2 * draws.standard_normal(60)), RATE_HZ)
    return (0.05 * level * draws.standard_normal(60 * RATE_HZ)).astype(np.float32)


def contaminated(folder: Path, share: float) -> dict[Path, list[int]]:
    """Write MINUTES files with a rattle in about `share` of the time; return where it begins, in seconds."""
    draws = np.random.default_rng(1)
    places = draws.permutation([(m, s) for m in range(MINUTES) for s in range(4, 52, 2 * FAULT_S)])
    chosen = places[: round(share * MINUTES * 60 / FAULT_S)]
    found: dict[Path, list[int]] = {}
    for minute in range(MINUTES):
        sound = machine(minute)
        starts = sorted(int(s) for m, s in chosen if m == minute)
        for start_s in starts:
            t = np.arange(FAULT_S * RATE_HZ) / RATE_HZ
            rattle = 0.05 * np.sin(2 * np.pi * 2300 * t) * (np.sin(2 * np.pi * 9 * t) > 0)
            sound[start_s * RATE_HZ : (start_s + FAULT_S) * RATE_HZ] += rattle.astype(np.float32)
        path = folder / f"{minute:02d}.flac"
        soundfile.write(path, np.clip(sound, -1, 1), RATE_HZ, subtype="PCM_16")
        found[path] = starts
    return found


def covered_s(report: OddReport, truth: dict[Path, list[int]]) -> tuple[float, float]:
    """Return how many seconds of faults, and of normal sound, the stretches cover."""
    fault_s = clean_s = 0.0
    for path, starts in truth.items():
        odd = np.zeros(60_000, bool)
        wrong = np.zeros(60_000, bool)
        for one in (one for one in report.stretches if one.file == path):
            odd[round(one.start_s * 1000) : round(one.end_s * 1000)] = True
        for start_s in starts:
            wrong[start_s * 1000 : (start_s + FAULT_S) * 1000] = True
        fault_s += (odd & wrong).sum() / 1000
        clean_s += (odd & ~wrong).sum() / 1000
    return fault_s, clean_s


@pytest.mark.parametrize("share", [0.01, 0.05, 0.1])
def test_faults_in_the_recording_are_found_whatever_their_share(tmp_path: Path, share: float) -> None:
    truth = contaminated(tmp_path, share)
    there_s = FAULT_S * sum(map(len, truth.values()))
    assert abs(there_s / (MINUTES * 60) - share) < 0.005
    report = odd_in_heard(heard_files(list(truth), EAR), EAR)
    fault_s, clean_s = covered_s(report, truth)
    assert fault_s > 0.8 * there_s
    assert clean_s < 1.1 * there_s + 0.01 * MINUTES * 60, "windows reach beyond a fault by a second or two"
    named = [one for one in report.stretches if "louder than usual at 2157 to 2706 Hz" in one.reason]
    assert named, "the rattle is at 2300 Hz"


def test_normal_sound_stays(tmp_path: Path) -> None:
    report = odd_in_heard(heard_files(list(contaminated(tmp_path, 0.0)), EAR), EAR)
    assert report.looked
    assert report.share < 0.01


def test_too_little_sound_accuses_nobody(tmp_path: Path) -> None:
    files = list(contaminated(tmp_path, 0.05))[:4]
    report = odd_in_heard(heard_files(files, EAR), EAR)
    assert not report.looked
    assert () == report.stretches


def test_what_is_more_than_the_rest_is_the_normal_one() -> None:
    draws = np.random.default_rng(0)
    features = draws.standard_normal((1200, 48))
    features[: round(1200 * (1 - BULK_SHARE) / 2)] += 8.0
    strange = strangeness_of_windows(draws.permutation(features), np.arange(1200) // 60)
    assert abs((strange > ODD_Z).mean() - (1 - BULK_SHARE) / 2) < 0.01
    same = strangeness_of_windows(np.ones((600, 48)), np.arange(600) // 60)
    assert not same.any(), "digital silence is like itself"


def test_material_is_what_is_left_and_the_odd_is_beside_it_to_hear(tmp_path: Path) -> None:
    for name in ("a", "b"):
        soundfile.write(tmp_path / f"{name}.flac", machine(1), RATE_HZ, subtype="PCM_16")
    files = [GivenFile(tmp_path / "a.flac", "train", 60.0), GivenFile(tmp_path / "b.flac", "calibrate", 60.0)]
    odd = [
        OddStretch(tmp_path / "a.flac", start, start + 5.0, 9.0, apart_db=9.0, low_hz=500.0, high_hz=700.0)
        for start in (10.0, 16.0, 40.0)
    ]
    key = key_of_files(files, "")
    made = make_material(tmp_path / "material", files, odd, source_id="m", key=key)
    assert (60 - 15 - 1, 60.0, 15.0) == (round(made.train_s), made.calibrate_s, made.odd_s)
    assert made == material_at(tmp_path / "material", key)
    assert material_at(tmp_path / "material", key_of_files(files, "other")) is None
    rows = given_files([tmp_path / "material"])
    assert [("train", 10.0), ("train", 19.0), ("train", 15.0), ("calibrate", 60.0)] == [
        (row.role, row.seconds) for row in rows
    ]
    heard, _ = soundfile.read(rows[1].path)
    whole, _ = soundfile.read(tmp_path / "a.flac")
    assert np.array_equal(whole[21 * RATE_HZ : 40 * RATE_HZ], heard)
    with (tmp_path / "material" / "odd" / "odd.csv").open(newline="") as file:
        listed = list(csv.DictReader(file))
    assert ["10.00", "16.00", "40.00"] == [row["start_s"] for row in listed]
    snippet, _ = soundfile.read(tmp_path / "material" / "odd" / listed[2]["file"])
    assert np.array_equal(whole[38 * RATE_HZ : 47 * RATE_HZ], snippet)
