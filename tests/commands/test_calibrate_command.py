"""`wheeltapper calibrate` with real files and the embedded bundle."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engines.bundle import open_bundle
from monitor.__main__ import main
from monitor.calibration import load_calibration

DEMO = Path(__file__).resolve().parents[2] / "engines" / "demo" / "ae"


@pytest.fixture(scope="module")
def normal_wav(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return 330 s of a steady machine: noise at 16 kHz."""
    path = tmp_path_factory.mktemp("sound") / "normal.wav"
    noise = 0.05 * np.random.default_rng(1).standard_normal(330 * 16000)
    soundfile.write(path, noise.astype(np.float32), 16000)
    return path


@pytest.fixture
def bundle_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "bundle"
    shutil.copytree(DEMO, folder)
    return folder


def test_normal_sound_becomes_a_calibration_of_this_bundle_and_a_report(
    bundle_folder: Path, normal_wav: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "state" / "calibration" / "pump-3.json"
    words = [
        "calibrate",
        str(bundle_folder),
        str(normal_wav),
        "--out",
        str(out),
        "--source",
        "pump 3",
    ]
    assert 0 == main(words)
    calibration = load_calibration(out, bundle_id=open_bundle(bundle_folder).bundle_id)
    assert 1.024 == pytest.approx(calibration.hop_s)
    assert 315 <= calibration.windows <= 323
    report = capsys.readouterr().out
    assert f"{calibration.limit_raw(1.0):.4g} for 1 false alarms a week" in report
    assert "90 % interval" in report
    assert "extrapolated" in report
    assert str(out) in report


def test_too_little_sound_is_refused_in_one_sentence_and_writes_nothing(
    bundle_folder: Path, normal_wav: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "calibration.json"
    assert 2 == main(
        ["calibrate", str(bundle_folder), str(normal_wav), "--out", str(out), "--hop-frames", "64"]
    )
    assert "minutes more [calibration-too-few]" in capsys.readouterr().err
    assert not out.exists()


def test_a_file_that_cannot_be_read_is_named_and_the_rest_is_used(
    bundle_folder: Path, normal_wav: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken, out = tmp_path / "broken.wav", tmp_path / "calibration.json"
    broken.write_bytes(b"RIFF")
    words = ["calibrate", str(bundle_folder), str(broken), str(normal_wav)]
    assert 1 == main([*words, "--out", str(out)])
    assert "broken.wav" in capsys.readouterr().err
    assert out.exists()


def test_what_a_bundle_has_sealed_is_not_overwritten(
    bundle_folder: Path, normal_wav: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = open_bundle(bundle_folder)
    before = bundle.calibration_path.read_bytes() if bundle.calibration_path.exists() else None
    code = main(["calibrate", str(bundle_folder), str(normal_wav)])
    if "calibration.json" in bundle.manifest.files:
        assert 2 == code
        assert "--out" in capsys.readouterr().err
        assert before == bundle.calibration_path.read_bytes()
    else:
        assert 0 == code
        assert bundle.calibration_path.exists()
    open_bundle(bundle_folder)


def test_the_inputs_quality_and_the_hop_are_those_of_the_configuration(
    bundle_folder: Path, normal_wav: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, out = tmp_path / "config.yaml", tmp_path / "calibration.json"
    words = ["calibrate", str(bundle_folder), str(normal_wav), "--out", str(out), "--config", str(config)]
    sources = "sources: [{id: p, kind: simulated}]\n"
    config.write_text(sources + "input_quality: {silent_below_dbfs: -20.0}\n")
    assert 2 == main(words)
    assert "0 judged windows" in capsys.readouterr().err, "the noise has -26 dBFS"
    config.write_text(sources + "window: {hop_frames: 16}\n")
    assert 0 == main(words)
    assert 0.512 == pytest.approx(load_calibration(out, bundle_id=open_bundle(bundle_folder).bundle_id).hop_s)


def test_a_file_that_is_damaged_in_the_middle_is_named_and_not_used(
    bundle_folder: Path, normal_wav: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = tmp_path / "damaged.flac"
    samples, rate_hz = soundfile.read(normal_wav)
    soundfile.write(damaged, samples[: 20 * rate_hz], rate_hz)
    damaged.write_bytes(damaged.read_bytes()[: damaged.stat().st_size // 2])
    out = tmp_path / "calibration.json"
    assert 1 == main(["calibrate", str(bundle_folder), str(damaged), str(normal_wav), "--out", str(out)])
    assert "damaged.flac: is damaged at" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--channel", "0"], "invalid whole number from 1 value: '0'"),
        (["--hop-frames", "0"], "invalid whole number from 1 value: '0'"),
    ],
)
def test_an_impossible_argument_is_refused_in_words(
    normal_wav: Path, words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["calibrate", str(DEMO), str(normal_wav), *words])
    assert sentence in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_refused_before_anything_is_heard(
    bundle_folder: Path, normal_wav: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "file" / "calibration.json"
    out.parent.write_text("in the way")
    assert 2 == main(["calibrate", str(bundle_folder), str(normal_wav), "--out", str(out)])
    assert "[calibration]" in capsys.readouterr().err
