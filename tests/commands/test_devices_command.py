from __future__ import annotations

import argparse
import re
from pathlib import Path

import numpy as np
import pytest
from fixtures_pulse import PulseMicrophone

from monitor.commands import devices
from monitor.errors import DeviceMissingError
from monitor.sources.devices import find_device


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    devices.add_arguments(parser)
    return devices.run(parser.parse_args(arguments))


@pytest.mark.microphone
def test_inputs_are_listed_with_their_level(
    pulse_microphone: PulseMicrophone, capsys: pytest.CaptureFixture[str]
) -> None:
    tone = 0.1 * np.sin(2 * np.pi * 440 * np.arange(48_000) / 48_000)
    pulse_microphone.feed(tone.astype(np.float32))
    assert 0 == run("--seconds", "0.5")
    listed = capsys.readouterr().out
    assert "(default)" in listed
    assert "44100 Hz" in listed
    levels = [float(level) for level in re.findall(r"channel 1: +(-?[\d.]+) dBFS", listed)]
    assert levels
    assert levels == pytest.approx([-23.0] * len(levels), abs=1.5)


@pytest.mark.microphone
def test_without_levels_nothing_is_opened(
    pulse_microphone: PulseMicrophone, capsys: pytest.CaptureFixture[str]
) -> None:
    assert pulse_microphone.channels == 1
    assert 0 == run("--no-levels")
    assert "dBFS" not in capsys.readouterr().out
    assert find_device("default").is_default
    with pytest.raises(DeviceMissingError, match="usb-path:9-9"):
        find_device("usb-path:9-9")


@pytest.mark.skipif(Path("/dev/snd").exists(), reason="this machine has sound cards")
def test_a_machine_without_inputs_says_so_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cards_only = tmp_path / "asound.conf"
    cards_only.write_text("</usr/share/alsa/alsa.conf>\n")
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(cards_only))
    monkeypatch.setenv("PULSE_SERVER", "unix:/nowhere")
    assert 1 == run()
    assert "There is no audio input. Plug a microphone in" in capsys.readouterr().err


def test_a_machine_without_portaudio_names_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert 1 == run()
    assert "apt install libportaudio2" in capsys.readouterr().err
