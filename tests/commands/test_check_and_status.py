"""What is wrong is told before anything listens, each thing with its remedy."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from fixtures_mosquitto import Mosquitto, free_port

from monitor.__main__ import COMMANDS, main
from monitor.listening import DEMO_BUNDLE

ROOT = Path(__file__).resolve().parents[2]
Config = dict[str, Any]


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return {
        "state_dir": str(tmp_path / "state"),
        "sources": [{"id": "p1", "kind": "simulated"}],
        "mqtt": {"host": "127.0.0.1"},
    }


def check(tmp_path: Path, config: Config, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    code = main(["check", "--config", str(path), "--no-devices", *words])
    printed = capsys.readouterr()
    return code, printed.out + printed.err


def test_a_good_configuration_passes_and_says_what_it_promises(
    tmp_path: Path, config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = check(tmp_path, config, capsys)
    assert 0 == code, text
    assert "1 false alarms a week" in text
    assert "onnxruntime" in text


@pytest.mark.parametrize(
    ("change", "sentences"),
    [
        (
            {"engine": {"bundle": "/nowhere"}},
            ["[bundle]", "engine.bundle is '/nowhere'", "set it to the folder of a bundle"],
        ),
        ({"window": {"hop_frames": 65}}, ["window.hop_frames 65 skips sound", "64 or less"]),
        ({"window": {"hop_frames": 16}}, ["was fitted with a window every 1.024 s", "every 0.512 s"]),
        (
            {"mqtt": {"username": "me", "password_file": "/nowhere"}},
            ["FAIL  mqtt", "/nowhere", "[publish]"],
        ),
        (
            {"sources": [{"id": "p1", "kind": "file", "path": "/nowhere.wav"}]},
            ["FAIL  sources", "/nowhere.wav: there is no such file", "[source-file]"],
        ),
        (
            {
                "sources": [
                    {"id": "p1", "kind": "microphone", "sample_rate_hz": 48000},
                    {"id": "p2", "kind": "microphone", "channel": 2, "sample_rate_hz": 16000},
                ]
            },
            ["FAIL  sources", "share device 'default'", "[source]"],
        ),
        ({"mqtt": {"host": "a" * 70}}, ["FAIL  mqtt", "is not a host name", "[publish]"]),
        (
            {"mqtt": {"tls": True, "ca_file": "/nowhere"}},
            ["FAIL  mqtt", "/nowhere", "[publish]"],
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_remedy(
    tmp_path: Path,
    config: Config,
    capsys: pytest.CaptureFixture[str],
    change: Config,
    sentences: list[str],
) -> None:
    code, text = check(tmp_path, {**config, **change}, capsys)
    assert 1 == code
    for sentence in sentences:
        assert sentence in text


def test_a_calibration_of_another_model_is_refused(
    tmp_path: Path, config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "state" / "calibration" / "p1.json"
    own.parent.mkdir(parents=True)
    shutil.copy(DEMO_BUNDLE.parent / "ae" / "calibration.json", own)
    code, text = check(tmp_path, config, capsys)
    assert 1 == code
    assert "[calibration-mismatch]" in text
    assert "was fitted with bundle ae-" in text
    assert "wheeltapper calibrate" in text


def test_a_source_whose_own_bundle_is_missing_is_named_with_its_key_once(
    tmp_path: Path, config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = {"id": "p2", "kind": "simulated", "bundle": "/nowhere"}
    sources = [*config["sources"], odd]
    code, text = check(tmp_path, {**config, "sources": sources}, capsys)
    assert 1 == code
    assert 1 == text.count("sources.p2.bundle is '/nowhere', and there is no bundle here")
    assert "FAIL  calibration of p2: for the same reason [bundle]" in text
    assert "engine.bundle" not in text


def test_a_source_without_any_calibration_is_refused(
    tmp_path: Path, config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = Path(shutil.copytree(DEMO_BUNDLE, tmp_path / "bundle"))
    manifest = json.loads((bundle / "manifest.json").read_text())
    manifest["files"].pop("calibration.json", None)
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    (bundle / "calibration.json").unlink()
    code, text = check(tmp_path, {**config, "engine": {"bundle": str(bundle)}}, capsys)
    assert 1 == code
    assert "no score can be judged" in text


def test_a_configuration_that_cannot_be_read_ends_with_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 2 == main(["check", "--config", str(tmp_path / "none.yaml")])
    error = capsys.readouterr().err
    assert "cannot be read" in error
    assert "[config]" in error


def test_status_without_a_daemon_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert 3 == main(["status", "--state-dir", str(tmp_path)])
    assert "no daemon has run here" in capsys.readouterr().out


def status_file(folder: Path, *, pid: int, age_s: float) -> None:
    source = {
        "capture": {
            "source_id": "p1",
            "state": "alarmed",
            "reason": "no block for 2 s",
            "device": "default",
        },
        "value": None,
        "level_dbfs": -30.0,
        "alarm": "normal",
        "quality": "absent",
        "bundle_id": "mae-1",
        "backend": "onnxruntime",
        "fallback": "tensorrt: not installed",
        "ledger": {"received": 5, "lost": 2},
        "dropped_windows": 4,
    }
    box = {
        "version": "1",
        "pid": pid,
        "broker": "away",
        "broker_error": "refused",
        "store_error": None,
        "clips_error": "disk full",
        "retention": {"line": "removed nothing; 3 files stay", "short_bytes": 7},
        "counts": {"commands_turned_away": 3, "given_up_changes": 0},
    }
    tree = {"updated_utc_s": time.time() - age_s, "line": "well", "box": box, "sources": [source]}
    (folder / "status.json").write_text(json.dumps(tree))


def test_status_of_a_running_daemon_tells_every_trouble(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status_file(tmp_path, pid=os.getpid(), age_s=0.0)
    assert 0 == main(["status", "--state-dir", str(tmp_path)])
    text = capsys.readouterr().out
    for sentence in (
        "broker: away: refused",
        "clips_error: disk full",
        "retention: removed nothing; 3 files stay",
        "commands turned away: 3",
        "p1: alarmed (no block for 2 s)",
        "not judged",
        "received 5, lost 2",
        "4 windows dropped",
        "no better backend for p1: tensorrt: not installed",
    ):
        assert sentence in text
    assert "given up" not in text
    assert "said last" not in text


@pytest.mark.parametrize(("pid", "age_s"), [(2**22 + 1, 0.0), (os.getpid(), 60.0)], ids=["dead", "silent"])
def test_a_dead_or_silent_daemon_is_not_called_running(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], pid: int, age_s: float
) -> None:
    status_file(tmp_path, pid=pid, age_s=age_s)
    assert 3 == main(["status", "--state-dir", str(tmp_path)])
    first, second, third, *_ = capsys.readouterr().out.splitlines()
    assert "NOT running" in first
    assert "what it said last, not how things are now:" == second
    assert "  well" == third


@pytest.mark.parametrize("verb", sorted(COMMANDS))
def test_every_verb_explains_itself(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([verb, "--help"])
    assert 0 == ended.value.code
    assert f"wheeltapper {verb}" in capsys.readouterr().out


def test_the_module_is_the_command() -> None:
    command = [sys.executable, "-m", "monitor", "check", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=60)
    assert 0 == done.returncode, done.stderr
    assert "wheeltapper check" in done.stdout


def test_no_verb_on_the_box_imports_a_training_framework() -> None:
    code = (
        "import sys, importlib\n"
        "from monitor.__main__ import COMMANDS\n"
        "own = [module for module, _ in COMMANDS.values() if module.startswith('monitor.')]\n"
        "[importlib.import_module(module) for module in own]\n"
        "print([name for name in ('torch', 'onnx', 'training', 'scipy.stats') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert "[]" == done.stdout.strip()


@pytest.mark.broker
def test_check_goes_to_the_broker_when_it_is_asked_to(
    tmp_path: Path, config: Config, mosquitto: Mosquitto, capsys: pytest.CaptureFixture[str]
) -> None:
    config["mqtt"] = {"host": "127.0.0.1", "port": mosquitto.port}
    code, text = check(tmp_path, config, capsys, "--mqtt")
    assert 0 == code, text
    assert "ok    mqtt publish: wheeltapper/plant/box1/check came back after" in text
    mosquitto.stop()
    code, text = check(tmp_path, config, capsys, "--mqtt")
    assert 1 == code
    assert f"FAIL  mqtt: line: 127.0.0.1:{mosquitto.port} is not reachable" in text


@pytest.mark.broker
def test_check_goes_to_every_broker_of_the_edge_node_and_names_the_one_that_is_not_there(
    tmp_path: Path, config: Config, mosquitto: Mosquitto, capsys: pytest.CaptureFixture[str]
) -> None:
    away = free_port()
    config["mqtt"] = {"enabled": False}
    config["sparkplug"] = {"enabled": True, "servers": [f"127.0.0.1:{away}", f"127.0.0.1:{mosquitto.port}"]}
    code, text = check(tmp_path, config, capsys, "--mqtt")
    assert 1 == code
    assert f"FAIL  sparkplug at 127.0.0.1:{away}: line: 127.0.0.1:{away} is not reachable" in text
    assert f"ok    sparkplug at 127.0.0.1:{mosquitto.port}, subscribe: spBv1.0/plant/NCMD/box1" in text


def test_an_embedded_broker_is_nowhere_to_go_to(
    tmp_path: Path, config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    config["mqtt"] = {"host": "embedded"}
    code, text = check(tmp_path, config, capsys, "--mqtt")
    assert 0 == code, text
    assert "no broker to go to (mqtt.host: embedded)" in text
