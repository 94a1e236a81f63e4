"""Verbs of `wheeltapper` run in this process."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass

import torch

from monitor.__main__ import main


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
