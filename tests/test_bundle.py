"""A bundle is refused before anything else opens when it is not what its manifest says."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engines.bundle import open_bundle
from engines.errors import BundleDamagedError, BundleError, BundleMismatchError, CodedError
from monitor.listening import DEMO_BUNDLE, open_checked_bundle

Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DEMO_BUNDLE, tmp_path / "bundle"))


def test_a_precision_that_the_bundle_does_not_have_is_refused_with_those_it_has(bundle: Path) -> None:
    def keep_fp32_alone(tree: dict[str, Any]) -> None:
        tree["files"].pop("model.fp16.onnx", None)

    edit(bundle, keep_fp32_alone)
    opened = open_bundle(bundle)
    assert bundle / "model.onnx" == opened.model_path_of("fp32")
    for precision in ("fp16", "int8"):
        with pytest.raises(BundleError, match=f"no model in precision '{precision}', only fp32; .*precision"):
            opened.model_path_of(precision)


def edit(bundle: Path, change: Change) -> None:
    path = bundle / "manifest.json"
    tree = json.loads(path.read_text())
    change(tree)
    path.write_text(json.dumps(tree))


def test_the_embedded_bundle_is_whole() -> None:
    opened = open_checked_bundle(None)
    assert opened.bundle_id == f"mae-{opened.manifest.files['model.onnx'].sha256[:12]}"
    assert 128 == len(opened.manifest.standardisation_mean)
    assert (128, 64) == (opened.manifest.mel, opened.manifest.frames)


def test_a_changed_file_is_named(bundle: Path) -> None:
    with (bundle / "model.onnx").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(BundleDamagedError, match=r"model\.onnx: sha256 is .* copy the bundle again"):
        open_bundle(bundle)


def test_a_missing_file_is_named(bundle: Path) -> None:
    (bundle / "golden.npz").unlink()
    with pytest.raises(BundleDamagedError, match=r"golden\.npz: missing"):
        open_bundle(bundle)


def test_a_folder_without_a_bundle_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"no bundle here .* name the folder of a bundle"):
        open_bundle(tmp_path)


@pytest.mark.parametrize(
    ("change", "error", "sentence"),
    [
        (lambda t: t.update(schema=99), BundleMismatchError, "has schema 99, this software reads 1"),
        (lambda t: t.pop("mel"), BundleError, "is not a manifest"),
        (lambda t: t["files"].pop("model.onnx"), BundleError, "is not a manifest"),
        (lambda t: t["files"].update({"../x": {"sha256": "0", "size_bytes": 1}}), BundleError, "leaves"),
        (lambda t: t.update(frontend_digest="0" * 16), BundleMismatchError, "was made for front end 0000"),
        (lambda t: t["frontend"].update(hop_samples=256), BundleMismatchError, "was made for front end"),
        (lambda t: t.update(mel=64), BundleMismatchError, "takes 64 mel bands"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(
    bundle: Path, change: Change, error: type[CodedError], sentence: str
) -> None:
    edit(bundle, change)
    with pytest.raises(error, match=sentence):
        open_checked_bundle(bundle)


def test_a_manifest_that_is_not_json_is_refused(bundle: Path) -> None:
    (bundle / "manifest.json").write_text("{")
    with pytest.raises(BundleError, match="cannot be read"):
        open_bundle(bundle)
