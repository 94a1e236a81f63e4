"""A process that is killed at any moment has kept everything that it said it had."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
import soundfile

from monitor.store import open_store

KILLS = 20
KILLS_WHILE_OPENING = 4
AFTER = {KILLS - 2: "sent", KILLS - 1: "clip"}
"""These runs are killed after these words: a busy box comes to neither in the time of the others."""
# forks a writer for each line it reads, so that Python starts once and not twenty times
NURSERY = """
import os, sys
from dataclasses import replace
from pathlib import Path
import numpy as np
from monitor.messages import *
from monitor.store import ClipJob, open_store

change = AlarmChange(
    source_id="pump1", event_id=None, old_state=AlarmState.NORMAL, new_state=AlarmState.UNACKNOWLEDGED,
    reason=ChangeReason.LIMIT, at_utc_s=1.0, event_start_utc_s=1.0, peak=1.0, warning=True,
    uncertain=False, active=True,
)

def write(name):
    store = open_store(Path(sys.argv[1]))
    for number in range(1_000_000):
        event_id = f"{name}-{number}"
        store.apply([replace(change, event_id=event_id)], snapshot={"last": event_id}, bundle_id=None)
        os.write(1, f"kept {event_id}\\n".encode())
        if number % 3 == 0:
            noise = np.random.default_rng(number).uniform(-1, 1, 4000).astype(np.float32)
            clip_id = store.add_clip(ClipJob("pump1", event_id, noise, 8000, 0.0, 1.0, 0))
            os.write(1, f"clip {clip_id}\\n".encode())
        if number % 4 == 3:
            seq = store.pending(1)[0].seq
            store.mark_sent(seq)
            os.write(1, f"sent {seq}\\n".encode())

for line in sys.stdin:
    child = os.fork()
    if child == 0:
        write(line.strip())
    os.write(1, f"child {child}\\n".encode())
    os.waitpid(child, 0)
    os.write(1, b"dead\\n")
"""


@pytest.fixture
def nursery(state_dir: Path) -> subprocess.Popen[str]:
    threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")
    return subprocess.Popen(
        [sys.executable, "-c", NURSERY, str(state_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **threads},
    )


def write_and_kill(
    nursery: subprocess.Popen[str], name: str, word: str, after_s: float
) -> list[tuple[str, str]]:
    """Let a writer run, kill it a while after it first says `word`, and return what it had said."""
    assert nursery.stdin is not None
    assert nursery.stdout is not None
    nursery.stdin.write(f"{name}\n")
    nursery.stdin.flush()
    said: list[tuple[str, str]] = []
    # writer and nursery speak through one pipe: either may be first
    while not {"child", word} <= {spoken for spoken, _ in said}:
        said.append(_word(nursery.stdout.readline()))
    time.sleep(after_s)
    os.kill(int(dict(said)["child"]), signal.SIGKILL)
    while (spoken := _word(nursery.stdout.readline()))[0] != "dead":
        said.append(spoken)
    return [(spoken, value) for spoken, value in said if spoken != "child"]


def _word(line: str) -> tuple[str, str]:
    word, _, value = line.strip().partition(" ")
    return word, value


def test_what_was_kept_before_a_kill_is_there_once(nursery: subprocess.Popen[str], state_dir: Path) -> None:
    rng = random.Random(3)
    said: dict[str, set[str]] = {"kept": set(), "clip": set(), "sent": set()}
    with nursery:
        for number in range(KILLS):
            opening = number < KILLS_WHILE_OPENING
            until, after_s = ("child", rng.uniform(0, 0.02)) if opening else ("kept", rng.uniform(0, 0.15))
            until = AFTER.get(number, until)
            for word, value in write_and_kill(nursery, f"run{number}", until, after_s):
                said[word].add(value)
            with contextlib.closing(open_store(state_dir)) as store:
                assert store.recovered_from is None
                assert store.database.rows("PRAGMA integrity_check")[0][0] == "ok"
                events = [event.event_id for event in store.events(100_000)]
                assert said["kept"] <= set(events)
                assert max(Counter(events).values(), default=1) == 1
                # a record waits or was sent, never both, and none is lost
                waiting = {str(record.body["event_id"]): record.seq for record in store.pending(100_000)}
                sent = {
                    row["event_id"]: row["seq"]
                    for row in store.database.rows("SELECT event_id, seq FROM transitions")
                    if row["event_id"] not in waiting
                }
                assert said["sent"] <= {str(seq) for seq in sent.values()}
                assert set(waiting) | set(sent) == set(events)
                assert len(sent) <= len(said["sent"]) + number + 1
                assert not list(state_dir.rglob("*.part"))
                clips = [clip for event_id in events for clip in store.clips(event_id)]
                assert said["clip"] <= {clip.clip_id for clip in clips}
                assert {clip.gone for clip in clips} <= {None}
                assert {str(p.relative_to(state_dir)) for p in state_dir.rglob("*.flac")} == {
                    clip.path for clip in clips
                }
        assert nursery.stdin is not None
        nursery.stdin.close()
    for clip in clips:
        assert soundfile.info(state_dir / clip.path).frames == 4000
    assert len(said["kept"]) >= KILLS - KILLS_WHILE_OPENING
    assert min(len(said["clip"]), len(said["sent"])) > 0
