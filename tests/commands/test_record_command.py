"""`wheeltapper record` with real sources, also when it is stopped or killed."""

from __future__ import annotations

import csv
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from fixtures_mosquitto import eventually, patience
from fixtures_pulse import PulseMicrophone

from monitor.__main__ import main
from monitor.commands.record import choose_source
from monitor.config import SimulatedSource
from monitor.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]
PUMP = "sources: [{{id: pump-1, kind: simulated, sample_rate_hz: 16000, pace: {pace}{more}}}]\n"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "normal"


def config(tmp_path: Path, *, pace: str = "fast", more: str = "") -> str:
    path = tmp_path / "config.yaml"
    path.write_text(PUMP.format(pace=pace, more=more))
    return str(path)


def rows(out: Path) -> list[dict[str, str]]:
    with (out / "index.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def start(*words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "monitor", "record", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT)


def test_sound_index_report_and_json_say_the_same(
    tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "report.json"
    words = ["record", "pump-1", "--config", config(tmp_path), "--out", str(out), "--file-minutes", "0.1"]
    assert 0 == main([*words, "--minutes", "0.5", "--json", str(report)])
    tree = json.loads(report.read_text())
    assert tree["files"] == [row["file"] for row in rows(out)]
    assert ["train"] * 4 + ["calibrate"] == [row["role"] for row in rows(out)][:5]
    assert {"pump"} == {row["kind"] for row in rows(out)}
    assert 480_000 == tree["ledger"]["received"] == tree["ledger"]["written"]
    assert 0.5 == tree["minutes_written"]
    assert [] == tree["verdicts"]
    said = capsys.readouterr().out
    assert "480000 received = 480000 written + 0 left out" in said
    assert "train 0.40 min, calibrate 0.10 min" in said
    assert f"{tree['sound']['levels']['median_dbfs']:.1f} dBFS (median" in said
    assert "nothing to complain of" in said


def test_where_clips_are_protected_a_recording_says_that_it_is_not(
    tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["record", "pump-1", "--config", config(tmp_path, more=", speech: blur"), "--minutes", "0.05"]
    assert 0 == main([*words, "--out", str(out)])
    assert (
        "NOTE: store.speech: blur is for clips alone; this recording takes all sound"
        in capsys.readouterr().out
    )


def test_a_second_recording_is_added_and_says_so(
    tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["record", "pump-1", "--config", config(tmp_path), "--out", str(out), "--minutes", "0.1"]
    assert 0 == main(words)
    assert "are added" not in capsys.readouterr().out
    assert 0 == main([*words, "--role", "calibrate"])
    said = capsys.readouterr().out
    assert "has 1 files already; this recording is added to them" in said
    assert "do not record the same sound twice" in said
    assert ["train", "calibrate"] == [row["role"] for row in rows(out)]
    assert all((out / row["file"]).is_file() for row in rows(out))


def test_a_foreign_index_is_refused_before_anything_is_written(
    tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out.mkdir()
    (out / "index.csv").write_text("path,class\n")
    words = ["record", "pump-1", "--config", config(tmp_path), "--out", str(out), "--minutes", "1"]
    assert 2 == main(words)
    assert "give another folder with --out [record]" in capsys.readouterr().err
    assert ["index.csv"] == [path.name for path in out.iterdir()]


def test_a_simulated_machine_is_recorded_without_its_faults(tmp_path: Path) -> None:
    more = ", faults: [{kind: bearing, start_s: 1, duration_s: 5}], repeat_every_s: 10"
    for _, source in (
        choose_source("simulated", None),
        choose_source("pump-1", Path(config(tmp_path, more=more))),
    ):
        assert isinstance(source, SimulatedSource)
        assert () == source.faults
        assert source.repeat_every_s is None
    assert "microphone" == choose_source("microphone", None)[1].kind


def test_an_unknown_source_names_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no source 'pump-2'; it has pump-1; microphone and simulated"):
        choose_source("pump-2", Path(config(tmp_path)))


@pytest.mark.parametrize("words", [["--minutes", "0"], ["--minutes", "nan"], ["--file-minutes", "0.01"]])
def test_times_that_make_no_sense_are_refused(out: Path, words: list[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["record", "simulated", "--out", str(out), "--minutes", "1", *words])
    assert 2 == refused.value.code


def test_a_request_to_end_keeps_and_lists_what_was_heard(tmp_path: Path) -> None:
    path = config(tmp_path, pace="real_time")
    numbers = (signal.SIGTERM, signal.SIGINT)
    outs = [tmp_path / str(number) for number in numbers]
    processes = [start("pump-1", "--config", path, "--out", str(out), "--minutes", "60") for out in outs]
    for out in outs:
        eventually((out / "index.csv").exists, 20, "recording")
    time.sleep(2.6 * patience())
    for process, number, out in zip(processes, numbers, outs, strict=True):
        process.send_signal(number)
        said, _ = process.communicate(timeout=60)
        assert 0 == process.returncode
        assert "ended      stopped" in said
        (row,) = rows(out)
        assert float(row["seconds"]) > 1.0
        assert soundfile.info(out / row["file"]).frames == round(float(row["seconds"]) * 16_000)


def test_a_kill_leaves_only_whole_files_and_the_next_run_lists_them_all(tmp_path: Path, out: Path) -> None:
    words = ["pump-1", "--config", config(tmp_path), "--out", str(out), "--file-minutes", "0.05"]
    listed: list[str] = []
    for after_s in (0.01, 0.13, 0.27):
        with start(*words, "--minutes", "10000") as process:
            before = len(listed)
            # the index is replaced, never changed: it can be read at any moment
            eventually(
                lambda n=before: (out / "index.csv").exists() and len(rows(out)) > n + 1,  # type: ignore[misc]
                20,
                "files",
            )
            time.sleep(after_s)
            process.kill()
        listed = [row["file"] for row in rows(out)]
        files = {path.name for path in out.glob("*.flac")}
        assert len(set(listed)) == len(listed)
        assert set(listed) <= files
        assert len(files - set(listed)) <= 1
        assert {48_000} == {soundfile.info(out / name).frames for name in files}
    assert 0 == main(["record", *words, "--minutes", "0.05"])
    assert {row["file"] for row in rows(out)} == {path.name for path in out.iterdir()} - {"index.csv"}


def test_a_device_that_is_not_there_is_told_and_nothing_is_written(
    tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("sources: [{id: m, kind: microphone, device: 'usb-path:9-9'}]\n")
    minutes = str(0.03 * patience())  # the devices are listed by a process of its own
    assert 1 == main(["record", "m", "--config", str(path), "--out", str(out), "--minutes", minutes])
    said = capsys.readouterr().out
    assert "nothing was heard" in said
    assert re.search(r"ended +nothing came: .*usb-path:9-9", said)
    assert [] == rows(out)


@pytest.mark.microphone
def test_a_microphone_is_recorded_at_its_own_rate(
    pulse_microphone: PulseMicrophone, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tone = 0.1 * np.sin(2 * np.pi * 440 * np.arange(48_000) / 48_000)
    pulse_microphone.feed(tone.astype(np.float32))
    assert 0 == main(["record", "microphone", "--out", str(out), "--minutes", "0.06", "--role", "train"])
    said = capsys.readouterr().out
    assert "-23.0 dBFS (median" in said or "-22.9 dBFS (median" in said, said
    (row,) = rows(out)
    assert ("microphone-1", "microphone", "44100") == (row["set"], row["kind"], row["rate_hz"])
    heard, rate_hz = soundfile.read(out / row["file"])
    assert 44_100 == rate_hz
    assert 440.0 == pytest.approx(np.argmax(np.abs(np.fft.rfft(heard))) * rate_hz / len(heard), abs=1.0)


def test_hours_count_what_is_there_already_and_share_it_out_as_one_recording(
    tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["record", "pump-1", "--config", config(tmp_path), "--out", str(out), "--file-minutes", "0.1"]
    assert 0 == main([*words, "--hours", "0.005"])
    assert ["train", "train", "calibrate"] == [row["role"] for row in rows(out)]
    (out / "pump-1-20990101T000000Z.flac.part").write_bytes(b"half")
    assert 0 == main([*words, "--hours", "0.01"])
    assert 36.0 == sum(float(row["seconds"]) for row in rows(out))
    assert ["train"] * 4 + ["calibrate"] * 2 == [row["role"] for row in rows(out)]
    assert [] == list(out.glob("*.part"))
    first, second = capsys.readouterr().out.split("in all")[1:]
    assert "0.01 h of 0.01 h" in second
    assert (False, True) == tuple("measured of this run alone" in said for said in (first, second))
    assert 0 == main([*words, "--hours", "0.01"])
    assert 6 == len(rows(out))
    assert "all of it" in capsys.readouterr().out
