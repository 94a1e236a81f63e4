"""A calibration on disk: whole or refused, and only for its own bundle."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from normal_scores import HOP_S, normal_scores

from monitor.calibration import (
    calibration_from_tree,
    fit_calibration,
    load_calibration,
    save_calibration,
    tree_of_calibration,
)
from monitor.errors import CalibrationError, CalibrationMismatchError

CALIBRATION = fit_calibration(
    normal_scores("gamma", 1000), hop_s=HOP_S, bundle_id="ae-1", fitted_utc_s=1.5, source="pump 3, June"
)


def test_what_is_saved_is_what_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    save_calibration(CALIBRATION, path)
    assert CALIBRATION == load_calibration(path, bundle_id="ae-1")
    assert [path] == list(tmp_path.iterdir())


def test_another_bundles_calibration_is_refused_by_both_names(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    save_calibration(CALIBRATION, path)
    with pytest.raises(CalibrationMismatchError, match=r"ae-1.*mae-2.*`wheeltapper calibrate`"):
        load_calibration(path, bundle_id="mae-2")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"schema": 1}', "\udcff"])
def test_a_file_that_is_no_calibration_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "calibration.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(CalibrationError, match="wheeltapper calibrate"):
        load_calibration(path, bundle_id="ae-1")


def test_a_missing_file_is_refused_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match=r"nowhere\.json"):
        load_calibration(tmp_path / "nowhere.json", bundle_id="ae-1")


def test_a_file_cut_short_anywhere_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    save_calibration(CALIBRATION, path)
    whole = path.read_bytes()
    for length in range(0, len(whole) - 2, 997):
        path.write_bytes(whole[:length])
        with pytest.raises(CalibrationError):
            load_calibration(path, bundle_id="ae-1")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("schema", 2),
        ("kind", "recipe"),
        ("draws", []),
        ("tail", [0.0, 0.1, 5.0]),
        ("tail", [float("nan"), 0.1, 5.0]),
        ("tail", "heavy"),
        ("threshold", None),
        ("hop_s", 0.0),
        ("below_levels", [1.0, 0.5]),
        ("below_per_day", [1.0]),
        ("centre", 1e9),
    ],
)
def test_impossible_values_are_refused(key: str, value: object) -> None:
    with pytest.raises(CalibrationError, match="wheeltapper calibrate"):
        calibration_from_tree({**tree_of_calibration(CALIBRATION), key: value})


def test_a_save_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    path.write_text("old")
    (tmp_path / "calibration.json.part").mkdir()
    with pytest.raises(CalibrationError, match="cannot be written"):
        save_calibration(CALIBRATION, path)
    assert "old" == path.read_text()


def test_the_file_is_small_and_plain_json(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    save_calibration(CALIBRATION, path)
    assert 40_000 > path.stat().st_size
    assert "pump 3, June" == json.loads(path.read_text())["source"]


def test_fitting_and_loading_import_no_scipy() -> None:
    code = (
        "import sys, numpy as np; from monitor.calibration import fit_calibration; "
        "scores = np.random.default_rng(1).gamma(4, size=500); "
        "fit_calibration(scores, hop_s=1., bundle_id='a', fitted_utc_s=0.); "
        "sys.exit('scipy' in sys.modules)"
    )
    assert 0 == subprocess.run([sys.executable, "-c", code], check=False).returncode
