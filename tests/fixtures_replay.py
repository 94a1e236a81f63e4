"""The page with a daemon's desk behind it: for this box alone, and with people who log in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from replay_rig import Browser, Plant, Served, add_people, browser_at, replay_config, served_page


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    """A pump that has just raised an alarm, its store, desk and control socket."""
    with closing(Plant(replay_config(tmp_path))) as plant:
        yield plant


@pytest.fixture
def local_page(plant: Plant) -> Iterator[Served]:
    """The page without users."""
    with served_page(plant.config) as served:
        yield served


@pytest.fixture
def page(plant: Plant) -> Iterator[Served]:
    """The page with vera (viewer), anna and tom (technicians) and ada (admin)."""
    add_people(plant.config.state_dir)
    with served_page(plant.config) as served:
        yield served


@pytest.fixture
def open_browser(page: Served) -> Iterator[Callable[..., Browser]]:
    """A function that opens a browser at the page, logged in if it is given a name."""
    with ExitStack() as browsers:

        def open_one(name: str | None = None) -> Browser:
            browser = browsers.enter_context(browser_at(page.url))
            if name is not None:
                answer = browser.login(name)
                assert 303 == answer.status_code, answer.text
            return browser

        yield open_one
