"""The fake TensorRT in place of the real one, and bundles in both precisions to compile with it."""

from __future__ import annotations

import dataclasses
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from engines.bundle import MODEL, MODEL_FP16, OUTPUT_NAMES, Bundle, entry_of_file, open_bundle, write_manifest
from engines.plan_record import PlanKey, PlanRecord
from monitor.listening import DEMO_BUNDLE
from monitor.testing.tensorrt_fake import FakeTensorRT

Install = Callable[[FakeTensorRT], FakeTensorRT]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    """Let `import tensorrt` and `import cuda...` find the given box until the test ends."""

    def install_box(box: FakeTensorRT) -> FakeTensorRT:
        for name, module in box.modules.items():
            monkeypatch.setitem(sys.modules, name, module)
        return box

    return install_box


def with_tolerance(bundle: Bundle, **tolerance: float) -> Bundle:
    """The bundle with another tolerance in its manifest."""
    return dataclasses.replace(bundle, manifest=dataclasses.replace(bundle.manifest, tolerance=tolerance))


@pytest.fixture(scope="session")
def plan_bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The embedded ae; its fp16 file has the fp32 weights and one more digest."""
    folder = tmp_path_factory.mktemp("bundles") / "ae"
    shutil.copytree(DEMO_BUNDLE.parent / "ae", folder)
    manifest = open_bundle(folder).manifest
    # an empty field of a protobuf changes the file and not the model
    (folder / MODEL_FP16).write_bytes((folder / MODEL).read_bytes() + b"\x32\x00")
    files = {**manifest.files, MODEL_FP16: entry_of_file(folder / MODEL_FP16)}
    write_manifest(folder, dataclasses.replace(manifest, files=files, tolerance={}))
    return open_bundle(folder)


def a_key(**changes: str | int) -> PlanKey:
    """The key of a plan that nobody has built."""
    key = PlanKey(
        "ab" * 32, "tensorrt", "10.3.0", "Orin", "8.7", "fp32", min_batch=1, opt_batch=8, max_batch=64
    )
    return dataclasses.replace(key, **changes)  # type: ignore[arg-type]


def a_record(key: PlanKey, plan: bytes, **changes: float) -> PlanRecord:
    """The record of a plan that was built just now."""
    record = PlanRecord.of_plan(
        key, plan, bundle_id="ae-abababababab", build_s=1.0, tolerance=dict.fromkeys(OUTPUT_NAMES, 1e-3)
    )
    return dataclasses.replace(record, **changes)  # type: ignore[arg-type]


@pytest.fixture
def plans_at(tmp_path: Path) -> Path:
    return tmp_path / "engines"
