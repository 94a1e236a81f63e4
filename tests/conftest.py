"""Fixtures that more than one package of tests uses, one module for each thing that they stand for."""

from __future__ import annotations

import os

import pytest

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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take long: a worker that gets one at the end keeps the others waiting."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)
