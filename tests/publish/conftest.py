"""A running publisher, and what is taken for its broker and is none: stopped with the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from publish_certificates import make_certificates
from publish_rig import Rig
from stand_in_service import Service


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


@pytest.fixture
def make_service() -> Iterator[Callable[..., Service]]:
    """A function that has something listen that is no broker, as Service."""
    services: list[Service] = []

    def make(answer: bytes | None, *, port: int = 0, resets: bool = False) -> Service:
        services.append(Service(answer, port=port, resets=resets))
        return services[-1]

    yield make
    for service in services:
        service.close()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a private CA, a broker's certificate for localhost, and a client's with its key."""
    folder = tmp_path_factory.mktemp("certificates")
    make_certificates(folder)
    return folder
