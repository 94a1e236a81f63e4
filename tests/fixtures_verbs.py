"""Verbs of `wheeltapper` run in this process, or in one that is killed while it trains."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
from dataclasses import dataclass

import torch

from monitor.__main__ import main

KILLED_AFTER_TWO_EPOCHS = """
import os, signal, sys
from monitor.__main__ import main
from training.state import TrainingState

save = TrainingState.save

def save_and_die(state, checkpoint):
    save(state, checkpoint)
    if len(state.history) == 2:
        os.kill(os.getpid(), signal.SIGKILL)

TrainingState.save = save_and_die
main(sys.argv[1:])
"""


@dataclass(frozen=True)
class Ran:
    """What a verb answered."""

    code: int
    """Its exit code."""
    out: str
    """All that it printed for its reader."""
    err: str
    """All that it said beside that."""


def ran(*words: object) -> Ran:
    """Run a verb with its words, as text; torch has as many threads afterwards as before."""
    out, err = io.StringIO(), io.StringIO()
    threads = torch.get_num_threads()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(word) for word in words])
    torch.set_num_threads(threads)
    return Ran(code, out.getvalue(), err.getvalue())


def killed_after_two_epochs(*words: object) -> subprocess.CompletedProcess[str]:
    """Run a verb that trains in a process of its own, which dies of SIGKILL when two epochs are saved."""
    command = [sys.executable, "-c", KILLED_AFTER_TWO_EPOCHS, *map(str, words)]
    return subprocess.run(command, check=False, capture_output=True, text=True)
