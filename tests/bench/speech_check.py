"""How much speech is found beside machines, how often machines are taken for speech, what blurring leaves.

    python tests/bench/speech_check.py [../shared/data]

Prints the tables of docs/privacy.md. Speech: the four sentences of tests/privacy/speech.flac (espeak-ng), and
real digits, six in a row of each speaker of the set `fsdd`. Machines: recordings of role `test`, and `mimii`;
the threshold was chosen on `train` and `calibrate` recordings and other voices.
"""

from __future__ import annotations

import csv
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import soundfile
import soxr

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "privacy"))

from voices import RATE_HZ, active, band_levels_db, likeness, mixed, speech

from monitor.config import StoreConfig
from monitor.messages import Float32
from monitor.privacy.blur import blurred
from monitor.privacy.speech import SpeechDetector
from monitor.store.protection import Spoken

SNRS_DB = (10.0, 0.0, -6.0, -12.0)
VOICE_AT_S = 1.0
DIGITS = 6
STRETCH = Spoken(3.0, 7.0)
OCTAVES = 6


def main() -> None:
    """Print the tables."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/data")
    with (folder / "index.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["file"].endswith((".flac", ".wav", ".ogg"))]
    detector, threshold = SpeechDetector(), StoreConfig().speech_threshold
    machines = {
        "quadcopter": sounds(folder, rows, "uav", "test")[::4],
        "factory machine": sounds(folder, rows, "dcase_id00", "test")[::2],
        "fan and pump": sounds(folder, rows, "mimii", "sample")[::3],
    }
    tell(
        f"threshold {threshold}\n\nshare of spoken time that is found, by level of speech against machine:\n"
    )
    tell("| voice | machine | " + " | ".join(f"{snr_db:+.0f} dB" for snr_db in SNRS_DB) + " |")
    for voice_name, voices in {"sentences": [speech()], "digits": digits(folder, rows)}.items():
        for machine_name, backgrounds in machines.items():
            shares = [found_share(detector, threshold, voices, backgrounds, snr_db) for snr_db in SNRS_DB]
            tell(f"| {voice_name} | {machine_name} | " + " | ".join(f"{one:.0%}" for one in shares) + " |")
    tell("\nwithout speech:\n\n| sound | recordings with a false finding | of the time |")
    for name, count, hits, share in false_findings(detector, threshold, folder, rows):
        tell(f"| {name} | {hits} of {count} | {share:.1%} |")
    tell(f"\nblurred: {' '.join(blur_facts(detector, threshold, machines))}")


def tell(line: str) -> None:
    sys.stdout.write(line + "\n")


def sounds(folder: Path, rows: Sequence[Mapping[str, str]], name: str, role: str) -> list[Float32]:
    """Return the recordings of a set and role, at 16 kHz."""
    return [sound_of(folder / row["file"]) for row in rows if (row["set"], row["role"]) == (name, role)]


def sound_of(path: Path) -> Float32:
    samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    mono = np.ascontiguousarray(samples[:, 0])
    return np.asarray(mono if rate_hz == RATE_HZ else soxr.resample(mono, rate_hz, RATE_HZ), np.float32)


def digits(folder: Path, rows: Sequence[Mapping[str, str]]) -> list[Float32]:
    """Return a row of spoken digits, 0.15 s apart, of every speaker."""
    by_speaker: dict[str, list[Float32]] = defaultdict(list)
    for row in rows:
        if row["set"] == "fsdd":
            pause = np.zeros(round(0.15 * RATE_HZ), np.float32)
            by_speaker[Path(row["file"]).stem.split("_")[1]] += [sound_of(folder / row["file"]), pause]
    return [np.concatenate(parts[: 2 * DIGITS]) for parts in by_speaker.values()]


def found_share(
    detector: SpeechDetector,
    threshold: float,
    voices: Sequence[Float32],
    backgrounds: Sequence[Float32],
    snr_db: float,
) -> float:
    """Return the share of the spoken samples that lie in stretches, over all pairs."""
    found, spoken = 0, 0
    for voice in voices:
        for background in backgrounds:
            length = min(len(background), len(voice) + 3 * RATE_HZ)
            sound = mixed(background[:length], voice, VOICE_AT_S, snr_db)
            inside = np.zeros(length, bool)
            for one in detector.spoken(sound, RATE_HZ, threshold):
                inside[round(one.start_s * RATE_HZ) : round(one.end_s * RATE_HZ)] = True
            first = round(VOICE_AT_S * RATE_HZ)
            said = active(voice)[: length - first]
            found += int(inside[first : first + len(said)][said].sum())
            spoken += int(said.sum())
    return found / spoken


def false_findings(
    detector: SpeechDetector, threshold: float, folder: Path, rows: Sequence[Mapping[str, str]]
) -> Iterator[tuple[str, int, int, float]]:
    """Yield each kind of sound without speech, its recordings, those with a finding, the share of time."""
    counts: dict[str, list[float]] = defaultdict(lambda: [0, 0, 0.0, 0.0])
    cpu_s = time.process_time()
    for row in rows:
        if row["set"] == "fsdd" or not (row["role"].endswith("test") or row["set"] == "mimii"):
            continue
        sound = sound_of(folder / row["file"])
        spoken = detector.spoken(sound, RATE_HZ, threshold)
        kind = row["set"] if row["set"] == "sonic_pi" else f"{row['set']} {row['kind']}"
        seconds = sum(one.end_s - one.start_s for one in spoken)
        counts[kind] = [
            a + b for a, b in zip(counts[kind], (1, bool(spoken), seconds, len(sound) / RATE_HZ), strict=True)
        ]
    cpu_s = time.process_time() - cpu_s
    for kind, (count, hits, seconds, total_s) in sorted(counts.items()):
        yield kind, int(count), int(hits), seconds / total_s
    tell(f"\n{60 * cpu_s / sum(one[3] for one in counts.values()):.2f} CPU s for a minute of sound")


def blur_facts(
    detector: SpeechDetector, threshold: float, machines: Mapping[str, Sequence[Float32]]
) -> Iterator[str]:
    """Yield what is left of speech at +10 dB, and by how much machines' octaves change where nobody spoke."""
    noise = np.random.default_rng(1)
    before, after, apart, still, worst_db = [], [], [], 0, 0.0
    for backgrounds in machines.values():
        for background in backgrounds:
            clean = np.pad(speech(), (round(VOICE_AT_S * RATE_HZ), 0))[: len(background)]
            sound = mixed(background[: len(clean)], speech(), VOICE_AT_S, 10.0)
            spoken = detector.spoken(sound, RATE_HZ, threshold)
            result = blurred(sound, RATE_HZ, spoken, noise)
            still += bool(detector.spoken(result, RATE_HZ, threshold))
            before.append(likeness(clean, sound))
            after.append(likeness(clean, result))
            apart.append(likeness(clean, background[: len(clean)]))
            part = slice(round(STRETCH.start_s * RATE_HZ), round(STRETCH.end_s * RATE_HZ))
            changed = blurred(background, RATE_HZ, [STRETCH], noise)
            change_db = band_levels_db(changed[part]) - band_levels_db(background[part])
            worst_db = max(worst_db, float(np.abs(change_db).max()))
    yield f"likeness {np.mean(before):.2f} before, {np.mean(after):.2f} after, most {np.max(after):.2f};"
    yield f"of speech to a machine without it {np.mean(apart):.2f};"
    yield f"still found in {still} of {len(after)};"
    yield f"octaves of machines change by {worst_db:.2f} dB at most"


if __name__ == "__main__":
    main()
