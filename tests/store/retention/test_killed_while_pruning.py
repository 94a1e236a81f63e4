"""A pruning that is killed at any moment leaves rows and files that agree, once the store is opened again."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from monitor.store import open_store

KILLS = 5
FILES = 500
# forks a pruner for each line it reads, so that Python starts once
NURSERY = """
import os, sys
from dataclasses import replace
from pathlib import Path
from monitor.config import StoreConfig
from monitor.messages import *
from monitor.store import open_store, prune

change = AlarmChange(
    source_id="pump1", event_id=None, old_state=AlarmState.NORMAL, new_state=AlarmState.UNACKNOWLEDGED,
    reason=ChangeReason.LIMIT, at_utc_s=1.0, event_start_utc_s=1.0, peak=1.0, warning=True,
    uncertain=False, active=True,
)
COLUMNS = "clip_id, event_id, source_id, start_s, start_utc_s, duration_s, sample_rate_hz, lost_samples"

def fill(store, name, count):
    store.apply([replace(change, event_id=name)], snapshot={}, bundle_id=None)
    folder = store.state_dir / "clips" / "pump1" / "2023-11-14"
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number in range(count):
        clip_id = f"{name}-{number}"
        path = folder / f"{clip_id}.flac"
        path.write_bytes(b"x" * 100)
        rows.append((clip_id, name, number, str(path.relative_to(store.state_dir))))
    with store.database.transaction() as connection:
        connection.executemany(
            f"INSERT INTO clips ({COLUMNS}, path, size_bytes) "
            "VALUES (?, ?, 'pump1', ?, 1.7e9, 1, 8000, 0, ?, 100)",
            rows,
        )

def work(name, count):
    store = open_store(Path(sys.argv[1]))
    fill(store, name, count)
    os.write(1, b"pruning\\n")
    prune(store, StoreConfig(max_age_days=1), 1.8e9)
    os._exit(0)

for line in sys.stdin:
    child = os.fork()
    if child == 0:
        work(line.strip(), int(sys.argv[2]))
    os.write(1, f"{child}\\n".encode())
    os.waitpid(child, 0)
    os.write(1, b"dead\\n")
"""


def prune_and_kill(nursery: subprocess.Popen[str], state_dir: Path, name: str, share: float) -> None:
    """Let a process prune, and kill it when about so great a share of the new files has gone."""
    assert nursery.stdin is not None
    assert nursery.stdout is not None
    nursery.stdin.write(f"{name}\n")
    nursery.stdin.flush()
    said: set[str] = set()
    while "pruning" not in said or len(said) < 2:  # child and nursery speak through one pipe
        said.add(nursery.stdout.readline().strip())
    begun_s, day = time.monotonic(), state_dir / "clips" / "pump1" / "2023-11-14"
    while time.monotonic() < begun_s + 10.0 and _files(day, name) > (1.0 - share) * FILES:
        pass
    with contextlib.suppress(ProcessLookupError):
        os.kill(int((said - {"pruning"}).pop()), signal.SIGKILL)
    assert nursery.stdout.readline() == "dead\n"


def _files(day: Path, name: str) -> int:
    try:
        return sum(path.name.startswith(name) for path in day.iterdir())
    except FileNotFoundError:  # the last file took its folder along
        return 0


def test_rows_and_files_agree_after_a_kill(state_dir: Path) -> None:
    rng, halves = random.Random(5), 0
    nursery = subprocess.Popen(
        [sys.executable, "-c", NURSERY, str(state_dir), str(FILES)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with nursery:
        for number in range(KILLS):
            prune_and_kill(nursery, state_dir, f"e{number}-", rng.uniform(0.0, 0.7))
            with contextlib.closing(open_store(state_dir)) as store:
                clips = [clip for event in store.events(KILLS) for clip in store.clips(event.event_id)]
                there = {clip.path for clip in clips if clip.gone is None}
                on_disk = {path.relative_to(state_dir).as_posix() for path in state_dir.rglob("*.flac")}
                assert there == on_disk
                assert len(clips) == FILES * (number + 1)
                assert {clip.gone for clip in clips} <= {None, "age", "missing"}
                halves += len(there) % FILES > 0
                (left,) = store.database.rows("PRAGMA integrity_check")
                assert left[0] == "ok"
        assert nursery.stdin is not None
        nursery.stdin.close()
    assert halves > 0, "some were killed in the middle"
