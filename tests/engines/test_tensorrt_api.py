"""All that we touch of TensorRT exists in NVIDIA's real bindings of 8.6, 10.3, 10.13 and 11.4.

The bindings are imported without TensorRT: over stand-ins for its libraries, compiled here, whose functions
return null. Classes, methods and enumerations are the real ones; nothing can be built or run.
"""

from __future__ import annotations

import json
import operator
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from tensorrt_touch import MODULE, cuda_names_in, touched_by

ROOT = Path(__file__).resolve().parents[2]
WHEELS = Path(sys.prefix) / "tensorrt-bindings"
"""Where `make test` puts them: scripts/download_bindings.sh."""
VERSIONS = ("8.6.1", "10.3.0", "10.13.3.9", "11.4.0.106")
FLAGS = {"8": 0b01, "10": 0b11, "11": 0b01}
"""EXPLICIT_BATCH is bit 0, STRONGLY_TYPED bit 1; in 11, where the former is gone, the latter is bit 0."""
LIBRARIES = ("nvinfer", "nvonnxparser", "nvinfer_plugin", "nvparsers")
SYMBOLS = (
    "createInferBuilder_INTERNAL",
    "createInferRefitter_INTERNAL",
    "createInferRuntime_INTERNAL",
    "createNvOnnxParserRefitter_INTERNAL",
    "createNvOnnxParser_INTERNAL",
    "getBuilderPluginRegistry",
    "getNvOnnxParserVersion",
    "getPluginRegistry",
    "initLibNvInferPlugins",
    # the parsers of 8.6 for Caffe and UFF
    "_ZN11nvuffparser15createUffParserEv",
    "_ZN11nvuffparser8FieldMapC1EPKcPKvNS_9FieldTypeEi",
    "_ZN14nvcaffeparser117createCaffeParserEv",
    "_ZN14nvcaffeparser123shutdownProtobufLibraryEv",
)
NEEDS_WEAK_TYPES = {
    ("BuilderFlag", "FP16"),
    ("BuilderFlag", "OBEY_PRECISION_CONSTRAINTS"),
    ("ILayer", "precision"),
    ("ILayer", "set_output_type"),
}
"""Touched only where STRONGLY_TYPED is missing."""
PROBE = """
import json
import tensorrt_bindings as trt
from engines.errors import EngineBuildError
from engines.tensorrt.library import Library, open_log
from engines.tensorrt.plan import PlanRequest, network_flags, plan_from_onnx

members = {name: dir(kind) for name, kind in vars(trt).items() if isinstance(kind, type)}
members[""] = dir(trt)
log = open_log(trt)
log.log(trt.ILogger.ERROR, " cracked wheel ")
log.log(trt.ILogger.INFO, "all is well")
try:
    plan_from_onnx(Library(trt, "tensorrt", trt.__version__), PlanRequest(b"", "fp32", (1, 1), (1, 1, 1)))
    refused = ""
except EngineBuildError as error:
    refused = str(error)
answer = {"version": trt.__version__, "members": members, "flags": network_flags(trt), "kept": list(log.kept)}
print(json.dumps({**answer, "refused": refused}))
"""


@dataclass(frozen=True)
class Bindings:
    """What the real bindings of a version say."""

    version: str
    members: dict[str, list[str]]
    """Class -> its attributes; MODULE -> the module's."""
    flags: int
    """What engines.tensorrt.plan.network_flags makes of it."""
    kept: list[str]
    """What engines.tensorrt.library.open_log kept of an error and a piece of information."""
    refused: str
    """Why no plan was made."""

    def has(self, kind: str, name: str) -> bool:
        return name in self.members.get(kind, ())


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("cc") is None:
        pytest.skip("no C compiler: the stand-ins for TensorRT's libraries cannot be made")
    folder = tmp_path_factory.mktemp("standins")
    source = folder / "standin.c"
    source.write_text("".join(f"void *{name}(void) {{ return 0; }}\n" for name in SYMBOLS))
    for major in sorted({version.split(".")[0] for version in VERSIONS}):
        for name in LIBRARIES:
            library = f"lib{name}.so.{major}"
            flags = ["-shared", "-fPIC", "-w", f"-Wl,-soname,{library}"]
            subprocess.run(["cc", *flags, "-o", folder / library, source], check=True, timeout=30)
    return folder


@pytest.fixture(scope="module", params=VERSIONS)
def bindings(
    request: pytest.FixtureRequest, stand_ins: Path, tmp_path_factory: pytest.TempPathFactory
) -> Bindings:
    wheels = sorted(WHEELS.glob(f"tensorrt*_bindings-{request.param}-*.whl"))
    if not wheels:
        pytest.skip(f"no bindings of TensorRT {request.param} in {WHEELS}: `make test` downloads them")
    folder = tmp_path_factory.mktemp("bindings")
    with zipfile.ZipFile(wheels[0]) as wheel:
        wheel.extractall(folder)
    found = subprocess.run(
        [sys.executable, "-c", PROBE],
        env={**os.environ, "LD_LIBRARY_PATH": str(stand_ins), "PYTHONPATH": f"{folder}:{ROOT}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert 0 == found.returncode, found.stderr
    return Bindings(**json.loads(found.stdout.splitlines()[-1]))


def sources_of_backend() -> list[str]:
    return [path.read_text() for path in sorted((ROOT / "engines" / "tensorrt").glob("*.py"))]


def test_every_name_that_we_touch_exists_or_is_looked_up_first(bindings: Bindings) -> None:
    touched = touched_by(sources_of_backend())
    strongly_typed = bindings.has("NetworkDefinitionCreationFlag", "STRONGLY_TYPED")
    excused = NEEDS_WEAK_TYPES if strongly_typed else set()
    missing = {name for name in touched.required if not bindings.has(*name)}
    assert set() == missing - excused


def test_every_object_of_tensorrts_in_our_source_is_known_to_this_test() -> None:
    touched = touched_by(sources_of_backend())
    assert set() == touched.unnamed
    assert len(touched.required) > 30
    assert NEEDS_WEAK_TYPES < touched.required


def test_every_name_of_cudas_runtime_that_we_touch_exists() -> None:
    # imported without a driver: only a call needs one
    runtime = pytest.importorskip("cuda.bindings.runtime", reason="cuda-python is not installed")
    names = cuda_names_in(sources_of_backend())
    assert {"cudaMalloc", "cudaGraphLaunch", "cudaMemcpyKind.cudaMemcpyHostToDevice"} < names
    assert set() == {name for name in names if not has_name(runtime, name)}


def has_name(module: object, dotted: str) -> bool:
    try:
        return operator.attrgetter(dotted)(module) is not None
    except AttributeError:
        return False


def test_nothing_outside_the_backends_folder_touches_tensorrt() -> None:
    others = [
        path
        for package in ("engines", "monitor")
        for path in (ROOT / package).rglob("*.py")
        if path.parent not in {ROOT / "engines" / "tensorrt", ROOT / "monitor" / "testing"}
    ]
    touching = [
        path.name
        for path in others
        if MODULE in {kind for kind, _ in touched_by([path.read_text()]).required}
    ]
    assert [] == touching


def test_the_version_is_the_wheels(bindings: Bindings) -> None:
    assert bindings.version in VERSIONS


def test_each_version_gets_the_flags_that_it_knows(bindings: Bindings) -> None:
    assert FLAGS[bindings.version.split(".")[0]] == bindings.flags


def test_the_log_keeps_errors_and_no_chatter(bindings: Bindings) -> None:
    assert ["error: cracked wheel"] == bindings.kept


def test_a_builder_that_cannot_start_is_our_error_with_the_reason(bindings: Bindings) -> None:
    expected = f"TensorRT {bindings.version} cannot start its builder (pybind11::init(): factory function"
    assert bindings.refused.startswith(expected)
