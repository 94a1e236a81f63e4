"""A bundle is at its place whole or not at all, whatever came before and whoever else works there."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.errors import TrainingError
from training.state import CHECKPOINT
from training.work_folder import WorkFolder


def make_bundle(folder: Path, text: str) -> None:
    folder.mkdir()
    (folder / "manifest.json").write_text(text)


def test_a_delivered_bundle_replaces_the_old_one_and_leaves_nothing_beside(tmp_path: Path) -> None:
    make_bundle(tmp_path / "out", "old")
    with WorkFolder(tmp_path / "out", resume=False, force=True) as work:
        (work.path / CHECKPOINT).touch()
        make_bundle(work.bundle, "new")
        assert tmp_path / "out" == work.deliver()
    assert "new" == (tmp_path / "out" / "manifest.json").read_text()
    assert ["out"] == [path.name for path in tmp_path.iterdir()]


def fail_after(work: WorkFolder, *names: str) -> None:
    with work:
        for name in names:
            (work.path / name).touch()
        make_bundle(work.bundle, "new")
        raise RuntimeError("the disk caught fire")


def test_what_a_failed_training_leaves_is_its_checkpoint_and_the_old_bundle(tmp_path: Path) -> None:
    make_bundle(tmp_path / "out", "old")
    work = WorkFolder(tmp_path / "out", resume=False, force=True)
    with pytest.raises(RuntimeError, match="fire"):
        fail_after(work, CHECKPOINT, "logmel.f32")
    assert "old" == (tmp_path / "out" / "manifest.json").read_text()
    assert [CHECKPOINT] == [path.name for path in work.path.iterdir()]


def test_before_the_first_checkpoint_a_failure_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="fire"):
        fail_after(WorkFolder(tmp_path / "out", resume=False, force=False), "logmel.f32")
    assert [] == list(tmp_path.iterdir())


def test_a_bundle_that_a_kill_left_between_two_renames_comes_back(tmp_path: Path) -> None:
    (tmp_path / "out.training").mkdir()
    make_bundle(tmp_path / "out.training" / "replaced", "old")
    with (
        pytest.raises(TrainingError, match="is there already"),
        WorkFolder(tmp_path / "out", resume=False, force=False),
    ):
        pass
    assert "old" == (tmp_path / "out" / "manifest.json").read_text()


def test_two_trainings_to_one_place_are_refused(tmp_path: Path) -> None:
    with (
        WorkFolder(tmp_path / "out", resume=False, force=False) as first,
        pytest.raises(TrainingError, match="another training works there"),
        WorkFolder(tmp_path / "out", resume=True, force=True),
    ):
        pass
    assert not first.path.exists()


def test_a_folder_with_somebody_elses_files_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "out.training").mkdir()
    (tmp_path / "out.training" / "diary.txt").touch()
    with (
        pytest.raises(TrainingError, match=r"diary\.txt: is not ours"),
        WorkFolder(tmp_path / "out", resume=False, force=True),
    ):
        pass
    assert (tmp_path / "out.training" / "diary.txt").exists()
