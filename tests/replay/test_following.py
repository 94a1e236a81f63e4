"""The page goes by its configuration as it is now, and by the one before while that is not sound."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from replay_rig import browser_at, replay_config, served_page

from engines.bundle import read_manifest
from monitor.config import load_config
from monitor.replay.app import create_app
from monitor.replay.following import Following
from monitor.replay.kept.frontends import DEMO_BUNDLES, Frontends
from monitor.testing import CapturedLog

ORDER = {"action": "acknowledge"}


class Page:
    """A page whose configuration stands in a file."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "config.yaml"
        self.state_dir = folder / "state"
        self.state_dir.mkdir()
        self.log = CapturedLog()
        self.write(["pump"])
        config = load_config(self.path)
        self.app = create_app(config, self.log)
        self.following = Following(self.app, self.path, self.log)

    def write(self, sources: list[str], **more: object) -> None:
        """Put another configuration in the place of the file, as an editor does."""
        listed = [{"id": source, "kind": "simulated"} for source in sources]
        tree = {"state_dir": str(self.state_dir), "sources": listed, **more}
        part = self.path.with_suffix(".part")
        part.write_text(yaml.safe_dump(tree))
        part.replace(self.path)

    @property
    def sources(self) -> list[str]:
        return [source.id for source in self.app.state.settings.sources]


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    page = Page(tmp_path)
    yield page
    page.app.state.library.close()


def test_what_a_source_that_was_added_since_is_told_reaches_the_daemon(page: Page) -> None:
    app, port_free = page.app, replay_config(page.state_dir)
    with served_page(port_free, app) as served, browser_at(served.url) as browser:
        assert 404 == browser.change("/api/v1/sources/fan/commands", ORDER).status_code
        page.write(["pump", "fan"])
        page.following.look()
        assert 503 == browser.change("/api/v1/sources/fan/commands", ORDER).status_code, "no daemon runs here"


def test_a_bundle_in_a_new_folder_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    shutil.copytree(DEMO_BUNDLES / "ae", folder)
    manifest = folder / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "kind": "mae"}))
    known_id, new_id = (read_manifest(one).bundle_id for one in (DEMO_BUNDLES / "ae", folder))
    frontends = Frontends([])
    assert frontends.of(new_id) is None
    frontends.look_in([folder])
    assert frontends.of(known_id) == frontends.of(new_id) is not None


def test_the_bundles_of_the_changed_file_are_looked_for(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[Path]] = []
    monkeypatch.setattr(page.app.state.library, "know_bundles", lambda folders: asked.append(list(folders)))
    page.write(["pump"], engine={"bundle": "/srv/bundles/new"})
    page.following.look()
    page.following.look()
    assert [[Path("/srv/bundles/new")]] == asked, "once for each change"


@pytest.mark.parametrize("damage", ["sources: [", "sources: []", None])
def test_with_a_file_that_is_not_sound_it_goes_on_and_says_so_once(page: Page, damage: str | None) -> None:
    if damage is None:
        page.path.unlink()
    else:
        page.path.write_text(damage)
    page.following.look()
    page.following.look()
    assert ["pump"] == page.sources
    assert ["warning"] == [level for level, event, _ in page.log.lines if "configuration before" in event]
    page.write(["pump", "fan"])
    page.following.look()
    assert ["pump", "fan"] == page.sources


def test_where_it_listens_and_who_may_log_in_stay_as_at_its_start(page: Page) -> None:
    before = page.app.state.settings
    page.write(["fan"], replay={"port": 99, "fault_codes": ["x"]}, state_dir="/elsewhere")
    page.following.look()
    assert ["fan"] == page.sources
    assert (before.replay, before.state_dir) == (
        page.app.state.settings.replay,
        page.app.state.settings.state_dir,
    )
    (facts,) = [facts for _, event, facts in page.log.lines if "anew" in event]
    assert ["replay", "state_dir"] == facts["restart_for"]
