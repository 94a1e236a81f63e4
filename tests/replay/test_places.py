"""The page writes below the state, unless systemd gave it folders of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from replay_rig import replay_config

from monitor.replay.places import audit_path, cache_dir, users_path


def test_without_systemd_everything_lies_in_the_state_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CACHE_DIRECTORY", raising=False)
    monkeypatch.delenv("LOGS_DIRECTORY", raising=False)
    config = replay_config(tmp_path)
    assert {tmp_path} == {place(config).parent for place in (users_path, audit_path, cache_dir)}


def test_systemd_says_where_the_page_may_write_and_the_configuration_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CACHE_DIRECTORY", "/var/cache/page:/var/cache/other")
    monkeypatch.setenv("LOGS_DIRECTORY", "/var/log/page")
    config = replay_config(tmp_path)
    assert Path("/var/cache/page") == cache_dir(config)
    assert Path("/var/log/page") == audit_path(config).parent
    assert tmp_path == users_path(config).parent
    chosen = replay_config(tmp_path, cache_dir="/mnt/pictures", users_file="/etc/wheeltapper/users.json")
    assert (Path("/mnt/pictures"), Path("/etc/wheeltapper/users.json")) == (
        cache_dir(chosen),
        users_path(chosen),
    )
