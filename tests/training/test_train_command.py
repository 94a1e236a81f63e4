"""`wheeltapper train` makes a whole bundle of normal sound, or none, and survives bad files and kills."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from fixtures_verbs import Ran, killed_after_two_epochs, ran

from engines.bundle import open_bundle

RATE_HZ = 16_000
TRAIN_S = {"a.wav": 66, "b.wav": 66, "c.wav": 66, "d.wav": 14}
CALIBRATE_S = {"e.wav": 330}
TINY = ("--widths", "4,4", "--epochs", "4", "--threads", "1")


def write_noise(path: Path, seconds: int, seed: int) -> None:
    """A hiss whose level wanders, so that scores vary."""
    draws = np.random.default_rng(seed)
    level = np.repeat(np.exp(0.2 * draws.standard_normal(4 * seconds)), RATE_HZ // 4)
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.05 * level * draws.standard_normal(seconds * RATE_HZ), RATE_HZ)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sound")
    for role, files in {"train": TRAIN_S, "calibrate": CALIBRATE_S}.items():
        for seed, (name, seconds) in enumerate(files.items(), start=len(role)):
            write_noise(folder / role / name, seconds, seed)
    return folder


def words_for(sound: Path, out: Path) -> list[str | Path]:
    data = ("--data", sound / "train", "--calibrate", sound / "calibrate")
    return ["train", "ae", *data, "--out", out, *TINY]


@pytest.fixture(scope="module")
def bundle(sound: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ran]:
    out = tmp_path_factory.mktemp("bundles") / "fan"
    return out, ran(*words_for(sound, out))


def test_a_folder_becomes_a_bundle_that_scores(bundle: tuple[Path, Ran], sound: Path, tmp_path: Path) -> None:
    folder, run = bundle
    assert 0 == run.code
    assert [folder] == list(folder.parent.iterdir()), "nothing else is left beside the bundle"
    scores = tmp_path / "scores.jsonl"
    assert 0 == ran("score", folder, sound / "train" / "d.wav", "--out", scores).code
    lines = [json.loads(line) for line in scores.read_text().splitlines()]
    assert len(lines) > 10
    assert all(line["value"] < 3.0 for line in lines)


def test_each_recording_serves_once_and_calibration_only_what_was_given_for_it(
    bundle: tuple[Path, Ran],
) -> None:
    roles = open_bundle(bundle[0]).manifest.training["recordings"]
    assert sorted(roles.pop("head")) == sorted(roles["training"] + roles["validation"])
    names = [Path(name).name for role in roles.values() for name in role]
    assert sorted([*TRAIN_S, *CALIBRATE_S]) == sorted(names)
    assert ["e.wav"] == [Path(name).name for name in roles["calibration"]]


def test_the_report_has_what_one_wants_to_know(bundle: tuple[Path, Ran]) -> None:
    facts = {line[:18].strip(): line[19:] for line in bundle[1].out.splitlines()}
    assert "3 recordings, 2.4 min" == facts["training"]
    assert "1 recordings, 5.5 min" == facts["calibration"]
    assert facts["epochs"].startswith("4, best ")
    assert float(facts["parity"].split()[0]) < 1e-4
    head, _, why = facts["head"].partition("; ")
    what, _, tried = why.partition(": ")
    assert "partial AUC on pseudo anomalies (chance .5)" == what
    areas = {name: float(area) for name, area in (part.split(" ") for part in tried.split(", "))}
    assert max(areas.values()) == areas[head]
    assert "model.fp16.onnx scores and alarms alike" == facts["fp16"]
    assert "for 1 false alarms a week" in facts["limit (value 1.0)"]
    assert "false alarms a week" in facts["90 % interval"]
    assert f"wheeltapper score {bundle[0]} FILES --out scores.jsonl" == facts["next"]


def test_an_index_with_a_bad_file_and_anomalies_gives_the_same_model(
    bundle: tuple[Path, Ran], sound: Path, tmp_path: Path
) -> None:
    (sound / "train" / "broken.bin").write_bytes(b"no sound")
    rows = [("train/" + name, "normal", "train") for name in TRAIN_S]
    rows += [("train/broken.bin", "normal", "train"), ("train/a.wav", "anomaly", "train")]
    rows += [("calibrate/e.wav", "normal", "calibrate"), ("train/b.wav", "normal", "test")]
    lines = ["file,label,role", *(",".join(row) for row in rows)]
    (sound / "index.csv").write_text("\n".join(lines) + "\n")
    run = ran("train", "ae", "--data", sound / "index.csv", "--out", tmp_path / "fan", *TINY)
    assert 0 == run.code, run.err
    assert open_bundle(bundle[0]).bundle_id == open_bundle(tmp_path / "fan").bundle_id
    assert "1 rows with label anomaly" in run.out
    assert "1 rows with role test" in run.out
    assert "broken.bin: " in run.out
    assert "1 recordings in all" in run.out


@pytest.mark.slow
def test_a_killed_training_resumes_to_the_same_model(
    bundle: tuple[Path, Ran], sound: Path, tmp_path: Path
) -> None:
    out = tmp_path / "fan"
    words = words_for(sound, out)
    killed = killed_after_two_epochs(*words)
    assert -signal.SIGKILL == killed.returncode
    assert not out.exists()
    again = ran(*words)
    assert 2 == again.code
    assert "add --resume to go on, or --force to start anew" in again.err
    other = ran(*words, "--resume", "--seed", "3")
    assert 2 == other.code
    assert "was made with other settings" in other.err
    resumed = ran(*words, "--resume")
    assert 0 == resumed.code, resumed.err
    assert open_bundle(bundle[0]).bundle_id == open_bundle(out).bundle_id
    assert [out] == list(tmp_path.iterdir())


def test_too_little_sound_is_refused_before_training_with_what_is_needed(sound: Path, tmp_path: Path) -> None:
    words = ["train", "ae", "--data", sound / "train", "--calibrate", sound / "train" / "d.wav"]
    twice = ran(*words, "--out", tmp_path / "fan", *TINY)
    assert 2 == twice.code
    assert "is given to train on and to calibrate with" in twice.err
    write_noise(tmp_path / "short" / "f.wav", 20, 9)
    words[-1] = tmp_path / "short"
    short = ran(*words, "--out", tmp_path / "fan", *TINY)
    assert 2 == short.code
    assert "too little sound for calibration: 1 recordings give 18 windows, 300 are needed" in short.err
    few = ran("train", "ae", "--data", sound / "calibrate", "--out", tmp_path / "fan", *TINY)
    assert 2 == few.code
    assert "1 usable recordings are too few" in few.err
    assert ["short"] == [path.name for path in tmp_path.iterdir()]


def test_what_is_at_out_is_left_alone(bundle: tuple[Path, Ran], sound: Path, tmp_path: Path) -> None:
    there = tmp_path / "there"
    shutil.copytree(bundle[0], there)
    refused = ran(*words_for(sound, there))
    assert 2 == refused.code
    assert "is there already; give another --out, or --force to replace it" in refused.err
    assert open_bundle(bundle[0]).manifest == open_bundle(there).manifest
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    refused = ran(*words_for(sound, tmp_path / "mine"), "--force")
    assert 2 == refused.code
    assert "is no bundle" in refused.err
    assert (tmp_path / "mine" / "thesis.txt").exists()


def test_force_replaces_a_bundle_by_another(bundle: tuple[Path, Ran], sound: Path, tmp_path: Path) -> None:
    there = tmp_path / "there"
    shutil.copytree(bundle[0], there)
    assert 0 == ran(*words_for(sound, there), "--force", "--seed", "1").code
    assert open_bundle(bundle[0]).bundle_id != open_bundle(there).bundle_id
    assert [there] == list(tmp_path.iterdir())


WITHOUT_TORCH = "import sys; sys.modules['torch'] = None; from monitor.__main__ import main; sys.exit(main())"


def test_without_torch_a_sentence_says_what_to_install_and_other_verbs_work() -> None:
    command = [sys.executable, "-c", WITHOUT_TORCH]
    missing = subprocess.run([*command, "train", "--help"], check=False, capture_output=True, text=True)
    assert 2 == missing.returncode
    assert "pip install 'wheeltapper[train]'" in missing.stderr
    assert 1 == missing.stderr.count("\n"), "a sentence, no traceback"
    for words in (["--help"], ["score", "--help"]):
        assert 0 == subprocess.run([*command, *words], check=False, capture_output=True).returncode
