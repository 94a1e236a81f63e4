"""The labelled streams that every detector is judged on, made once by the shared script."""

from __future__ import annotations

import csv
import hashlib
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

from training.benchmark.plan import CLIP_SETS
from training.errors import TrainingError

TRUTH = "truth.csv"
SMOKE_RECORDINGS = {
    ("uav", "normal", "train"): 3,
    ("uav", "normal", "calibrate"): 6,
    ("uav", "normal", "test"): 1,
    ("uav", "anomaly", "test"): 1,
    ("esc10", "background", "background_train"): 2,
    ("esc10", "background", "background_test"): 2,
    ("esc10", "event", "event_test"): 4,
    ("fsdd", "event", "event_test"): 4,
}
"""(set, label, role) -> how many a smoke test takes: the least that can be trained and calibrated with."""


MADE_FROM = "made_from"
"""File beside the sets of streams: the state of the shared sound that they were made from."""


def refuse_missing(shared: Path) -> None:
    """Raise TrainingError unless the folder holds the benchmark's sound and scripts."""
    needed = ["data/index.csv", "bench/make_streams.py", "bench/judge.py", "bench/NUMBERS.md"]
    if missing := [name for name in needed if not (shared / name).is_file()]:
        raise TrainingError(
            f"--shared {shared}: lacks {', '.join(missing)}; the benchmark needs evaluation sound that "
            "is no part of this project: give the folder that holds it"
        )


def streams_of(shared: Path, work: Path, *, smoke: bool) -> Path:
    """Return the folder of streams inside `work`, made by the shared script where it is not there yet.

    Two processes may do so at once: the first that is ready wins.

    Raises:
        TrainingError: The script failed; the text says how.
    """
    streams, source = work / "streams", _source(shared)
    if streams.is_dir():
        if not (streams / MADE_FROM).is_file() or (streams / MADE_FROM).read_text() != source:
            raise TrainingError(
                f"{streams}: was made from other data or scripts than {shared} has now; delete it, or give "
                "another --work"
            )
        return streams
    part = work / f"streams.part-{os.getpid()}"
    data = _reduced_data(shared / "data", part) if smoke else shared / "data"
    script = shared / "bench" / "make_streams.py"
    ran = subprocess.run(  # noqa: S603 - our own interpreter and the script that the user pointed at
        [sys.executable, str(script), str(data), str(part)], capture_output=True, text=True, check=False
    )
    if ran.returncode:
        shutil.rmtree(part, ignore_errors=True)
        raise TrainingError(f"{script}: failed with {ran.stderr.strip()[-500:]}; see what it needs")
    sys.stderr.write(ran.stdout)
    (part / MADE_FROM).write_text(source)
    try:
        part.rename(streams)
    except OSError:
        if not streams.is_dir():
            raise
        shutil.rmtree(part)  # another process was ready first; both made the same
    return streams


def _source(shared: Path) -> str:
    """Return what tells one state of the shared sound and scripts from another."""
    names = ("data/index.csv", "bench/make_streams.py", "bench/judge.py")
    return hashlib.sha256(b"".join((shared / name).read_bytes() for name in names)).hexdigest()


def _reduced_data(data: Path, part: Path) -> Path:
    """Write an index of a few recordings into `part`, and return its folder; files stay where they are."""
    with (data / "index.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    taken: Counter[tuple[str, str, str]] = Counter()
    kept = []
    for row in rows:
        key = (row["set"], row["label"], row["role"])
        taken[key] += 1
        if taken[key] <= SMOKE_RECORDINGS.get(key, 0):
            kept.append({**row, "file": str((data / row["file"]).resolve())})
    part.mkdir(parents=True)
    with (part / "index.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(kept)
    return part


def clips_path(shared: Path, name: str) -> Path:
    """Return the .npz of a set of clips, such as toycar_id_04."""
    return shared / "data" / "toycar" / f"{name.removeprefix('toycar_')}.npz"


def digest_of_set(shared: Path, streams: Path, name: str) -> str:
    """Return what tells one state of a set's data from another.

    Of streams: their truth, and names and sizes of all files, as nobody edits sound in place.

    Raises:
        TrainingError: The set is not there.
    """
    found = hashlib.sha256()
    source = clips_path(shared, name) if name in CLIP_SETS else streams / name / TRUTH
    try:
        found.update(source.read_bytes())
        if name not in CLIP_SETS:
            for path in sorted(source.parent.rglob("*.flac")):
                found.update(f"{path.relative_to(source.parent)} {path.stat().st_size}\n".encode())
    except OSError as error:
        raise TrainingError(f"{error.filename}: {error.strerror}; the set {name} is not there") from error
    return found.hexdigest()
