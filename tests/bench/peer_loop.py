"""What another package, or a plain torch loop, needs for an hour of sound: its scoring alone, one thread.

    python tests/bench/peer_loop.py PEER SOUND.wav SECONDS

PEER is torch-ae, torch-mae, audio-anomaly or pyod-audio-ae.

Learns from the first half of SOUND, then scores windows of 2.048 s every 1.024 s of the second half, again
and again, three times for SECONDS of CPU each, and prints one JSON document. The packages are optional: one
that is missing is told as `left_out`. Each is called as the trials of the benchmark of detection call it.

The torch loops are what one writes first: one window a call, all its 64 frames. That is not torch at its
best: in batches of 16, with the frames that two windows share computed once, it needs 2.4 ms a window of the
AE instead of 4.5, where the daemon's front end and engine need .9 (one thread, medians of nine, load 18).
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

Score = Callable[[NDArray[np.float32]], object]
RATE_HZ = 16_000
WINDOW, HOP = 32_768, 16_384
HOP_S = HOP / RATE_HZ
REPETITIONS = 3


def windows_of(sound: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Return the overlapping windows of a sound."""
    return [sound[at : at + WINDOW] for at in range(0, len(sound) - WINDOW + 1, HOP)]


def audio_anomaly(train: NDArray[np.float32]) -> tuple[Score, str]:
    """Return the monitor of the package audio-anomaly."""
    import audio_anomaly as package  # noqa: PLC0415 - optional, and only one of the peers runs

    monitor = package.Monitor(train, sample_rate=RATE_HZ)
    return lambda window: monitor.check(window, sample_rate=RATE_HZ), _version("audio-anomaly")


def pyod_audio_ae(train: NDArray[np.float32]) -> tuple[Score, str]:
    """Return pyod's AudioAE, the dense autoencoder of DCASE; how long it learns does not change its cost."""
    import torch  # noqa: PLC0415 - as above
    from pyod.models.audio_ae import AudioAE  # noqa: PLC0415 - as above

    torch.set_num_threads(1)
    model = AudioAE(sr=RATE_HZ, epoch_num=1, random_state=0)
    model.fit([(window, RATE_HZ) for window in windows_of(train)])
    return lambda window: model.decision_function([(window, RATE_HZ)]), _version("pyod")


def torch_loop(kind: str) -> tuple[Score, str]:
    """Return torchaudio's log-mel and the demo bundle's net in torch; its weights make it no dearer."""
    import torch  # noqa: PLC0415 - as above
    import torchaudio  # noqa: PLC0415 - as above

    root = Path(__file__).resolve().parents[2]
    sys.path.insert(0, str(root))
    from engines.bundle import read_manifest  # noqa: PLC0415 - needs the path
    from training.rebuilt import module_of_manifest  # noqa: PLC0415 - needs the path

    torch.set_num_threads(1)
    manifest = read_manifest(root / "engines" / "demo" / kind)
    spectrum = torchaudio.transforms.MelSpectrogram(
        RATE_HZ, n_fft=1024, hop_length=512, n_mels=manifest.mel, power=2.0, center=False
    )
    net = module_of_manifest(manifest)
    missing = 512 * (manifest.frames - 1) + 1024 - WINDOW

    def score(window: NDArray[np.float32]) -> object:
        with torch.inference_mode():
            samples = torch.nn.functional.pad(torch.from_numpy(window), (0, missing))
            return net(torch.log10(spectrum(samples) + 1e-10)[None])

    return score, f"torch {torch.__version__}, torchaudio {torchaudio.__version__}"


def _version(package: str) -> str:
    return f"{package} {metadata.version(package)}"


def scorer(peer: str, train: NDArray[np.float32]) -> tuple[Score, str]:
    """Return what scores a window, and its version."""
    if peer == "audio-anomaly":
        return audio_anomaly(train)
    if peer == "pyod-audio-ae":
        return pyod_audio_ae(train)
    return torch_loop(peer.removeprefix("torch-"))


def main() -> None:
    """Measure and print."""
    peer, path, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
    sound, _ = soundfile.read(path, dtype="float32")
    half = len(sound) // 2
    try:
        score, version = scorer(peer, sound[:half])
    except (ImportError, metadata.PackageNotFoundError) as error:
        sys.stdout.write(json.dumps({"peer": peer, "left_out": str(error)}) + "\n")
        return
    windows = windows_of(sound[half:])
    score(windows[0])
    costs = []
    for _ in range(REPETITIONS):
        started_s, number = time.process_time(), 0
        while time.process_time() - started_s < seconds:
            score(windows[number % len(windows)])
            number += 1
        costs.append((time.process_time() - started_s) / (number * HOP_S) * 3600)
    result = {"peer": peer, "version": version, "cpu_s_per_hour": [round(cost, 2) for cost in costs]}
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
