"""Whoever has the sound removed is told so when none of it is left, and not before."""

from __future__ import annotations

from pathlib import Path

import pytest
from learn_rig import waiting_to_be_heard

from monitor.errors import RecordError
from monitor.learning.plan import learn_place, read_plan
from monitor.learning.removal import remove_sound
from monitor.recording.given import given_files
from monitor.recording.learn_folder import LearnFolder
from monitor.recording.material import make_material


def test_no_link_of_a_retraining_outlives_the_sound_and_its_plan_goes_last(tmp_path: Path) -> None:
    waiting_to_be_heard(tmp_path)
    place, retrained = learn_place(tmp_path, "pump"), tmp_path / "retrain" / "pump"
    with LearnFolder(retrained) as work:
        files = given_files([place / "recordings"])
        make_material(work.material, files, [], source_id="pump", key="k")
        (work.bundle / "model").mkdir(parents=True)
        with pytest.raises(RecordError, match="another process learns there"):
            remove_sound(tmp_path, "pump")
        assert read_plan(place) is not None, "whoever asked is not told that it was removed"
    assert list(tmp_path.rglob("*.flac"))
    remove_sound(tmp_path, "pump")
    assert [] == list(tmp_path.rglob("*.flac"))
    assert not place.exists()
    assert [retrained / "bundle"] == list(retrained.iterdir())
