"""A real microphone without hardware: PulseAudio reads a FIFO, PortAudio hears it through ALSA.

Registered in tests/conftest.py by `pytest_plugins`. `pulse_microphone` is started and stopped per test.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from monitor.messages import Float32

RATE_HZ = 48_000
START_WAIT_S = 60.0
FEEDER = """
import fcntl, sys, time
path, sound, bytes_a_second = sys.argv[1], open(sys.argv[2], "rb").read(), int(sys.argv[3])
step = bytes_a_second // 50
sound += sound[:step]
at, due = 0, time.monotonic()
with open(path, "wb", buffering=0) as fifo:
    fcntl.fcntl(fifo, fcntl.F_SETPIPE_SZ, 4096)  # what waits in the FIFO would come as a burst
    while True:
        fifo.write(sound[at : at + step])
        at = (at + step) % (len(sound) - step)
        # a microphone never catches up: what nobody took in time is gone
        due = max(due + step / bytes_a_second, time.monotonic() - 0.1)
        time.sleep(max(0.0, due - time.monotonic()))
"""
ASOUND = """</usr/share/alsa/alsa.conf>
pcm.!default { type pulse }
ctl.!default { type pulse }
"""


class PulseMicrophone:
    """A PulseAudio server of its own, whose only input plays what `feed` is given.

    PulseAudio takes from the FIFO whatever is there, so that the feeder is what keeps time: a process that
    writes 20 ms of sound every 20 ms. Without a feeder the input delivers nothing.
    """

    def __init__(self, folder: Path, *, channels: int = 1, rate_hz: int = RATE_HZ) -> None:
        self.channels = channels
        self.rate_hz = rate_hz
        self._folder = folder
        self._fifo = folder / "microphone.fifo"
        self._server: subprocess.Popen[bytes] | None = None
        self._feeder: subprocess.Popen[bytes] | None = None
        run = folder / "run"
        run.mkdir(mode=0o700)
        (folder / "asound.conf").write_text(ASOUND)
        # shared memory made the server abort when clients died
        (folder / "client.conf").write_text("autospawn = no\nenable-shm = no\n")
        self.environment = {
            "HOME": str(folder),
            "XDG_RUNTIME_DIR": str(run),
            "PULSE_SERVER": f"unix:{run}/native",
            "PULSE_CLIENTCONFIG": str(folder / "client.conf"),
            "ALSA_CONFIG_PATH": str(folder / "asound.conf"),
        }
        """What a process needs in its environment to hear this microphone as `default`."""

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        self._fifo.unlink(missing_ok=True)  # the module makes it
        script = self._folder / "server.pa"
        script.write_text(
            f"load-module module-native-protocol-unix auth-anonymous=1 socket={self._folder}/run/native\n"
            f"load-module module-pipe-source source_name=microphone file={self._fifo} format=float32le "
            f"rate={self.rate_hz} channels={self.channels}\n"
            "set-default-source microphone\n"
        )
        command = ["pulseaudio", "-n", "-F", str(script), "--disable-shm=1", "--exit-idle-time=-1"]
        log = (self._folder / "server.log").open("ab")
        with log:
            self._server = subprocess.Popen(
                [*command, "--daemonize=no", "--use-pid-file=no", "--log-level=error"],
                env={**os.environ, **self.environment},
                stdout=log,
                stderr=log,
            )
        deadline_s = time.monotonic() + START_WAIT_S
        while self.control("info", check=False) != 0 or not self._fifo.exists():
            if time.monotonic() > deadline_s or self._server.poll() is not None:
                pytest.fail("pulseaudio did not start: " + (self._folder / "server.log").read_text())
            time.sleep(0.05)

    def control(self, *arguments: str, check: bool = True) -> int:
        """Run pactl against this server and return its exit status."""
        done = subprocess.run(
            ["pactl", *arguments],
            env={**os.environ, **self.environment},
            capture_output=True,
            timeout=60,
            check=check,
        )
        return done.returncode

    def feed(self, samples: Float32) -> None:
        """Play `samples`, shape (n,) or (n, channels), in [-1, 1], over and over from now on."""
        self.silence()
        sound = self._folder / "sound.f32"
        np.asarray(samples, dtype="<f4").tofile(sound)
        rate = str(4 * self.channels * self.rate_hz)
        self._feeder = subprocess.Popen(
            [sys.executable, "-c", FEEDER, str(self._fifo), str(sound), rate], stderr=subprocess.DEVNULL
        )

    def silence(self) -> None:
        """Deliver nothing from now on, until something is fed again."""
        if self._feeder is not None:
            self._feeder.kill()
            self._feeder.wait()
            self._feeder = None

    def unload_source(self) -> None:
        """Take the input away; the server moves streams to a silent one, without telling them."""
        self.control("load-module", "module-null-sink", "sink_name=elsewhere")
        self.control("unload-module", "module-pipe-source")

    def kill_server(self) -> None:
        """End the server as a crash would."""
        self.silence()
        if self._server is not None:
            self._server.kill()
            self._server.wait()
            self._server = None

    def stop(self) -> None:
        """End the server and its feeder; may be called again."""
        self.kill_server()


@pytest.fixture
def pulse_microphone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PulseMicrophone]:
    """A running microphone called `default`, visible to every process the test starts."""
    if shutil.which("pulseaudio") is None or shutil.which("pactl") is None:
        pytest.skip("pulseaudio is not installed")
    folder = tmp_path / "pulse"
    folder.mkdir()
    microphone = PulseMicrophone(folder)
    for name, value in microphone.environment.items():
        monkeypatch.setenv(name, value)
    microphone.start()
    try:
        yield microphone
    finally:
        microphone.stop()
