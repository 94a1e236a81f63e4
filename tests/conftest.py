"""Fixtures that more than one package of tests uses, one module for each thing that they stand for."""

from __future__ import annotations

# what others import stands first: pytest rewrites the asserts of a module only before its first import
pytest_plugins = [
    "fixtures_disk",
    "fixtures_mosquitto",
    "fixtures_pulse",
    "fixtures_time",
    "fixtures_daemon",
]
