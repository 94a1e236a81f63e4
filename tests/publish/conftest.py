"""A running publisher, stopped with its test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from publish_rig import Rig


@pytest.fixture
def make_rig(topic_prefix: str) -> Iterator[Callable[..., Rig]]:
    """A function that builds and runs a publisher with these mqtt settings; stopped with the test."""
    rigs: list[Rig] = []

    def make(*, run: bool = True, **mqtt: object) -> Rig:
        rig = Rig(topic_prefix)
        rig.build(**mqtt)
        if run:
            rigs.append(rig)
            rig.run()
        return rig

    yield make
    for rig in rigs:
        rig.stop(1.0)
