"""Bundles of every kind of model, each exported once for all tests."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from engines.bundle import Bundle


@pytest.fixture(scope="session")
def bundle_of_case(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Bundle]:
    """Returns the bundle of one of tiny_kinds.CASES; nobody may change it."""
    made: dict[str, Bundle] = {}
    folder = tmp_path_factory.mktemp("kinds")

    def bundle(case: str) -> Bundle:
        if case not in made:
            kinds = importlib.import_module("tiny_kinds")  # imports torch: only where a test asks for it
            made[case] = kinds.bundle_of_case(folder / case, case)
        return made[case]

    return bundle
