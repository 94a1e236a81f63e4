"""A disk that is soon full, one of any size, and a folder that may not be written any more."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

DiskOf = Callable[[int], Path]
"""Bytes in, the folder of a real filesystem of that size out."""


def _mount(*words: str) -> None:
    mount = shutil.which("mount")
    if mount is None or os.geteuid() != 0:
        pytest.skip("mounting a small filesystem needs root")
    if subprocess.run([mount, *words], check=False, capture_output=True).returncode:
        pytest.skip("this system does not let root mount a tmpfs")


def _unmount(folder: Path) -> None:
    # lazily: a test that fails leaves files open there
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def disk_of(tmp_path: Path) -> Iterator[DiskOf]:
    """Mount filesystems of a size; at most one a test."""
    mounted: list[Path] = []

    def disk_of(size_bytes: int) -> Path:
        folder = tmp_path / "disk"
        folder.mkdir()
        _mount("-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(folder))
        mounted.append(folder)
        return folder

    yield disk_of
    for folder in mounted:
        _unmount(folder)


@pytest.fixture
def small_disk(disk_of: DiskOf) -> Path:
    """A real filesystem of one megabyte."""
    return disk_of(1024 * 1024)


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Let nothing in a folder be written or removed, as the kernel does when a disk has errors."""
    _mount("--bind", str(folder), str(folder))
    try:
        _mount("-o", "remount,bind,ro", str(folder))
        yield
    finally:
        _unmount(folder)


def fill(path: Path, leave_bytes: int = 0) -> None:
    """Make a file of all the space there is on its disk but `leave_bytes`, or somewhat more."""
    with path.open("ab", buffering=0) as file:
        size = 65536
        while size:
            disk = os.statvfs(path.parent)
            if disk.f_bavail * disk.f_frsize <= leave_bytes:
                return
            try:
                file.write(b"x" * size)
            except OSError as error:
                assert error.errno == errno.ENOSPC  # noqa: PT017 - other errors must not pass
                size //= 2
