"""A microphone that can be unplugged and plugged in, and whose sound changes without a break."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from fixtures_pulse import RATE_HZ, PulseMicrophone

from monitor.messages import Float32

FEEDER = """
import fcntl, sys, time
bytes_a_second, sounds = int(sys.argv[3]), {}
step = bytes_a_second // 50
at, due, playing = 0, time.monotonic(), b""
with open(sys.argv[1], "wb", buffering=0) as fifo:
    fcntl.fcntl(fifo, fcntl.F_SETPIPE_SZ, 4096)  # what waits in the FIFO would come as a burst
    while True:
        wanted = open(sys.argv[2]).read()
        if wanted and wanted not in sounds:
            sounds[wanted] = open(wanted, "rb").read()
        sound = sounds.get(wanted, playing)
        at = 0 if sound is not playing else at
        playing = sound
        fifo.write(playing[at : at + step])
        at = (at + step) % (len(playing) // step * step)
        # a microphone never catches up: what nobody took in time is gone
        due = max(due + step / bytes_a_second, time.monotonic() - 0.1)
        time.sleep(max(0.0, due - time.monotonic()))
"""


class LabMicrophone(PulseMicrophone):
    """Plays one of a few sounds, over and over, until another is asked for."""

    def __init__(self, folder: Path, sounds: Mapping[str, Float32], *, rate_hz: int = RATE_HZ) -> None:
        super().__init__(folder, rate_hz=rate_hz)
        self._lab = folder
        self._playing = folder / "playing"
        for name, samples in sounds.items():
            np.asarray(samples, dtype="<f4").tofile(folder / f"{name}.f32")

    def play(self, name: str) -> None:
        """Play this sound from now on; a microphone that is unplugged plays it when it is back."""
        part = self._lab / "playing.part"
        part.write_text(str(self._lab / f"{name}.f32"))
        part.replace(self._playing)

    def plug_in(self) -> None:
        """Bring the input back after `unload_source` or `kill_server`, playing what is to be played."""
        if self._server is None:
            self.start()
        else:
            self.control(
                "load-module",
                "module-pipe-source",
                "source_name=microphone",
                f"file={self._fifo}",
                "format=float32le",
                f"rate={self.rate_hz}",
                f"channels={self.channels}",
            )
            self.control("set-default-source", "microphone")
        self.speak()

    def unload_source(self) -> None:
        """Take the input away; the server moves streams to a silent one, without telling them."""
        self.silence()
        super().unload_source()

    def speak(self) -> None:
        """Begin to deliver sound."""
        self.silence()
        rate = str(4 * self.channels * self.rate_hz)
        command = [sys.executable, "-c", FEEDER, str(self._fifo), str(self._playing), rate]
        self._feeder = subprocess.Popen(command, stderr=subprocess.DEVNULL)
