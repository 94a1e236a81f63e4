"""Fixtures that more than one package of tests uses, one module for each thing that they stand for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

# as the program itself does, and before NumPy is imported: the number of threads decides the last bits
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# what others import stands first: pytest rewrites the asserts of a module only before its first import
pytest_plugins = [
    "fixtures_disk",
    "fixtures_kinds",
    "fixtures_mosquitto",
    "fixtures_pulse",
    "fixtures_tensorrt",
    "fixtures_time",
    "fixtures_daemon",
    "fixtures_live",
    "fixtures_install",
    "fixtures_replay",
]

TOGETHER = "tests/browser"
"""Files that share a daemon and its pages, which take longer to start than most of the tests."""


class ByFile(LoadFileScheduling):  # type: ignore[misc] # it has no types
    """A file's tests are one worker's, and so are those of all files in TOGETHER."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return TOGETHER if file.startswith(f"{TOGETHER}/") else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByFile | None:
    """Hand out tests as above where `--dist loadfile` asks for files."""
    return ByFile(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with what takes long: a worker that gets it at the end keeps the others waiting."""
    together = config.rootpath / TOGETHER

    def is_long(path: Path) -> bool:
        return path in slow or path.is_relative_to(together)

    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: not is_long(item.path))
