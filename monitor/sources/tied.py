"""Ties a process to the thread that started it: the kernel kills it when that thread ends, however.

As a program (`python -m monitor.sources.tied PARENT COMMAND ...`) it becomes COMMAND, tied. It holds for
kill -9 of the parent too, so that no ffmpeg or microphone is ever left behind. Linux only.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def die_with_parent(parent_pid: int) -> None:
    """Have the kernel kill this process when the thread that started it ends; exit if it has already."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0) != 0:
        sys.exit(f"cannot tie this process to {parent_pid}: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != parent_pid:  # it ended before the line above
        sys.exit(f"parent {parent_pid} has ended")


def main(arguments: list[str]) -> None:
    """Become the command `arguments[1:]`, tied to process `arguments[0]`; returns only by exiting."""
    parent, command = int(arguments[0]), arguments[1:]
    die_with_parent(parent)
    try:
        os.execvp(command[0], command)  # noqa: S606 - the command is our own, and there must be no shell
    except FileNotFoundError:
        sys.exit(f"{command[0]} is not installed")


if __name__ == "__main__":
    main(sys.argv[1:])
