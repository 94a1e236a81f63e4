"""The TensorRT backend's own logic, against a fake of TensorRT and CUDA: no word of what a GPU does."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from fixtures_tensorrt import Install, with_tolerance

from engines.backend_tensorrt import TensorRTEngine, find_box, open_engine, plan_key
from engines.bundle import (
    GOLDEN,
    MODEL,
    MODEL_FP16,
    OUTPUT_NAMES,
    Bundle,
    entry_of_file,
    open_bundle,
)
from engines.errors import (
    BackendUnavailableError,
    BundleDamagedError,
    EngineBuildError,
    EngineError,
    EngineParityError,
    PlanCacheError,
    PlanMissingError,
    PlanQuarantinedError,
)
from engines.golden import read_golden
from engines.runtime import PlanSettings
from engines.runtime import open_engine as open_any_engine
from engines.tensorrt.library import KEPT_LINE_CHARACTERS, KEPT_LINES, open_log, text_of_log
from monitor.testing.cuda_fake import CudaError, FakeCuda
from monitor.testing.tensorrt_fake import FakeTensorRT

VERSIONS = [
    FakeTensorRT("8.6.1", cuda_name="cuda.cudart"),
    FakeTensorRT("10.3.0"),
    FakeTensorRT("10.13.3.9"),
    FakeTensorRT("11.4.0.106"),
    FakeTensorRT("1.7.1.116", flavour="tensorrt_rtx", late=2),
    FakeTensorRT("10.13.3.9", flavour="tensorrt_bindings"),
]


def opened(
    bundle: Bundle, folder: Path, precision: str = "fp32", *, opt_batch: int = 8, max_batch: int = 64
) -> TensorRTEngine:
    return open_engine(bundle, precision=precision, plans=PlanSettings(folder, opt_batch, max_batch))


def the_file(folder: Path, suffix: str) -> Path:
    (found,) = folder.glob(f"*{suffix}")
    return found


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("box", VERSIONS, ids=lambda box: f"{box.flavour} {box.version}")
def test_every_version_builds_a_plan_that_answers_as_training_saw(
    install: Install, plan_bundle: Bundle, plans_at: Path, box: FakeTensorRT, precision: str
) -> None:
    box = install(dataclasses.replace(box, cuda=FakeCuda()))
    engine = opened(plan_bundle, plans_at, precision)
    flavour = "tensorrt-rtx" if box.flavour == "tensorrt_rtx" else "tensorrt"
    assert f"{flavour} {box.version} Orin {precision}" == engine.backend
    assert max(row.max_relative for row in engine.parity) < 1e-4
    half_by_flag = box.version.startswith("8.") and precision == "fp16"
    assert ({"FP16", "OBEY_PRECISION_CONSTRAINTS"} if half_by_flag else set()) == box.flags
    assert (1 if half_by_flag else 0) == box.float_layers, "float layers stay float where types are a hint"


def test_a_plan_is_built_once_and_used_again(install: Install, plan_bundle: Bundle, plans_at: Path) -> None:
    box = install(FakeTensorRT())
    said: list[str] = []
    for _ in range(2):
        open_engine(plan_bundle, plans=PlanSettings(plans_at, say=said.append)).close()
    assert 1 == box.builds
    assert ["building the TensorRT plan of ae-77bd3850fb4b in fp32 for Orin (there is none yet)"] == [
        words.split(";")[0] for words in said
    ]
    record = json.loads(the_file(plans_at, ".json").read_text())
    assert ("Orin", "8.7", "10.3.0", 1, 8, 64) == tuple(
        record["key"][name]
        for name in ("gpu_name", "compute_capability", "version", "min_batch", "opt_batch", "max_batch")
    )
    assert ["score", "error_map", "reconstruction"] == [row["output"] for row in record["parity"]]
    assert 0o700 == plans_at.stat().st_mode & 0o777


@pytest.mark.parametrize(
    "change",
    [
        {"version": "10.13.0"},
        {"flavour": "tensorrt_rtx"},
        {"cuda": FakeCuda(gpu_name="Thor")},
        {"cuda": FakeCuda(compute_capability=(8, 9))},
    ],
    ids=["version", "flavour", "GPU", "compute capability"],
)
def test_another_box_has_another_plan(
    install: Install, plan_bundle: Bundle, plans_at: Path, change: dict[str, object]
) -> None:
    install(FakeTensorRT())
    opened(plan_bundle, plans_at)
    other = install(dataclasses.replace(FakeTensorRT(), **change))  # type: ignore[arg-type]
    opened(plan_bundle, plans_at)
    assert 1 == other.builds
    assert 2 == len(list(plans_at.glob("*.plan")))


def test_another_profile_precision_or_model_has_another_plan(
    install: Install, plan_bundle: Bundle, plans_at: Path
) -> None:
    box = install(FakeTensorRT())
    demo = open_bundle(plan_bundle.folder)
    stems = {
        plan_key(bundle, precision, PlanSettings(plans_at, opt, most), find_box()).stem
        for bundle, precision, opt, most in (
            (demo, "fp32", 8, 64),
            (demo, "fp16", 8, 64),
            (demo, "fp32", 4, 64),
            (demo, "fp32", 8, 32),
            (open_bundle(Path("engines/demo/mae").resolve()), "fp32", 8, 64),
        )
    }
    assert 5 == len(stems)
    assert 0 == box.builds
    few = plan_key(demo, "fp32", PlanSettings(plans_at, opt_batch=8, max_batch=4), find_box())
    assert (1, 4, 4) == (few.min_batch, few.opt_batch, few.max_batch)


def cut(folder: Path) -> None:
    plan = the_file(folder, ".plan")
    plan.write_bytes(plan.read_bytes()[:1000])


def swap(folder: Path) -> None:
    """What a restored backup may hold: a whole plan of another TensorRT under this name, sidecar and all."""
    plan, sidecar = the_file(folder, ".plan"), the_file(folder, ".json")
    plan.write_bytes(plan.read_bytes().replace(b'"10.3.0"', b'"10.0.1"'))
    record = json.loads(sidecar.read_text())
    record["sha256"] = hashlib.sha256(plan.read_bytes()).hexdigest()
    sidecar.write_text(json.dumps(record))


def make_foreign(folder: Path) -> None:
    sidecar = the_file(folder, ".json")
    sidecar.write_text(sidecar.read_text().replace('"Orin"', '"Thor"'))


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (cut, "it has 1000 bytes and another sha256"),
        (swap, "Version tag does not match"),
        (make_foreign, "its sidecar is of another plan"),
        (lambda folder: the_file(folder, ".plan").unlink(), "it cannot be read"),
        (lambda folder: the_file(folder, ".json").unlink(), "there is none yet"),
        (lambda folder: the_file(folder, ".json").write_text("{}"), "its sidecar cannot be read"),
        (lambda folder: the_file(folder, ".json").write_bytes(b"\xff\x00"), "its sidecar cannot be read"),
    ],
    ids=["cut short", "of another TensorRT", "of another GPU", "gone", "no sidecar", "empty", "no text"],
)
def test_a_plan_that_cannot_be_used_is_built_anew(
    install: Install, plan_bundle: Bundle, plans_at: Path, damage: object, why: str
) -> None:
    box = install(FakeTensorRT())
    opened(plan_bundle, plans_at).close()
    assert callable(damage)
    damage(plans_at)
    said: list[str] = []
    open_engine(plan_bundle, plans=PlanSettings(plans_at, say=said.append)).close()
    assert 2 == box.builds
    assert why in said[0]
    opened(plan_bundle, plans_at)
    assert 2 == box.builds, "the new one is whole"


def test_without_leave_to_build_a_missing_plan_is_refused_with_the_command(
    install: Install, plan_bundle: Bundle, plans_at: Path
) -> None:
    box = install(FakeTensorRT())
    with pytest.raises(PlanMissingError, match=r"there is none yet.*wheeltapper engine build") as refused:
        open_engine(plan_bundle, plans=PlanSettings(plans_at, build=False))
    assert 0 == box.builds
    assert f"--precision fp32 --state-dir {plans_at.parent}`" in str(refused.value), "the daemon's own plan"


def test_a_plan_that_strays_goes_into_quarantine_with_its_numbers(
    install: Install, plan_bundle: Bundle, plans_at: Path
) -> None:
    box = install(FakeTensorRT(drift=1.01))
    with pytest.raises(EngineParityError, match=r"strays .* score 0\.01\d*, .* allowed 0\.001"):
        opened(plan_bundle, plans_at)
    assert [] == list(plans_at.glob("*.plan"))
    assert "allowed 0.001" in json.loads(the_file(plans_at, ".json").read_text())["quarantined"]
    assert {} == box.cuda.allocations, "what the plan had allocated was freed"
    with pytest.raises(
        PlanQuarantinedError, match=r"in quarantine: .*strays.*engine build BUNDLE .* --again`"
    ):
        opened(plan_bundle, plans_at)
    assert 1 == box.builds, "no minutes are spent at every start"


def test_a_plan_that_answers_no_number_goes_into_quarantine_too(
    install: Install, plan_bundle: Bundle, plans_at: Path
) -> None:
    box = install(FakeTensorRT(drift=float("nan")))
    with pytest.raises(EngineParityError, match=r"strays .* score inf, error_map inf"):
        opened(plan_bundle, plans_at)
    assert ({}, {}, set()) == (box.cuda.allocations, box.cuda.streams, box.cuda.graphs)
    with pytest.raises(PlanQuarantinedError, match="score inf"):
        opened(plan_bundle, plans_at)
    assert 1 == box.builds


def test_the_cuda_graphs_answers_are_proven_as_well(
    install: Install, plan_bundle: Bundle, plans_at: Path
) -> None:
    box = install(FakeTensorRT(graph_drift=1.01))
    with pytest.raises(EngineParityError, match=r"strays .* score 0\.01\d*, .* allowed 0\.001"):
        opened(plan_bundle, plans_at)
    box = install(FakeTensorRT(cuda=FakeCuda(gpu_name="Thor")))
    engine = opened(plan_bundle, plans_at)
    before = box.cuda.launches
    engine.infer(read_golden(plan_bundle).logmel[:1])
    assert 1 == box.cuda.launches - before, "a graph for single windows is ready"


def test_a_bundle_without_golden_windows_leaves_nothing_on_the_gpu(
    install: Install, plan_bundle: Bundle, plans_at: Path, tmp_path: Path
) -> None:
    box = install(FakeTensorRT())
    folder = tmp_path / "ae"
    shutil.copytree(plan_bundle.folder, folder)
    (folder / GOLDEN).unlink()
    with pytest.raises(BundleDamagedError, match="no golden windows"):
        opened(dataclasses.replace(plan_bundle, folder=folder), plans_at)
    assert ({}, {}, set()) == (box.cuda.allocations, box.cuda.streams, box.cuda.graphs)


def test_a_kept_plan_is_proven_again_when_it_is_opened(
    install: Install, plan_bundle: Bundle, plans_at: Path
) -> None:
    install(FakeTensorRT())
    opened(plan_bundle, plans_at).close()
    plan, sidecar = the_file(plans_at, ".plan"), the_file(plans_at, ".json")
    plan.write_bytes(plan.read_bytes().replace(b'"drift": 1.0', b'"drift": 1.5'))
    digest = hashlib.sha256(plan.read_bytes()).hexdigest()
    sidecar.write_text(json.dumps({**json.loads(sidecar.read_text()), "sha256": digest}))
    with pytest.raises(EngineParityError, match="strays"):
        opened(plan_bundle, plans_at)
    assert not plan.exists()


def test_the_tolerance_is_the_manifests(install: Install, plan_bundle: Bundle, plans_at: Path) -> None:
    install(FakeTensorRT(drift=1.01))
    engine = opened(with_tolerance(plan_bundle, fp32=0.2), plans_at)
    assert (
        dict.fromkeys(OUTPUT_NAMES, 0.2) == json.loads(the_file(plans_at, ".json").read_text())["tolerance"]
    )
    assert max(row.max_relative for row in engine.parity) > 0.01
    with pytest.raises(EngineParityError, match=r"allowed 1e-06"):
        opened(with_tolerance(plan_bundle, fp16=1e-6), plans_at, "fp16")


def test_auto_falls_back_and_says_why(install: Install, plan_bundle: Bundle, plans_at: Path) -> None:
    install(FakeTensorRT(drift=1.01))
    engine = open_any_engine(plan_bundle, backend="auto", plans=PlanSettings(plans_at))
    assert engine.backend.startswith("onnxruntime ")
    assert engine.fallback.startswith("tensorrt: tensorrt 10.3.0 Orin fp32 on ae-77bd3850fb4b strays")
    install(FakeTensorRT(cuda=FakeCuda(gpu_name="Thor")))
    better = open_any_engine(plan_bundle, backend="auto", plans=PlanSettings(plans_at))
    assert ("tensorrt 10.3.0 Thor fp32", "") == (better.backend, better.fallback)


def test_auto_falls_back_where_tensorrts_runtime_cannot_start(
    install: Install, plan_bundle: Bundle, plans_at: Path
) -> None:
    install(FakeTensorRT(starts=False))
    engine = open_any_engine(plan_bundle, backend="auto", plans=PlanSettings(plans_at))
    assert engine.fallback.startswith("tensorrt: TensorRT 10.3.0 cannot start its runtime (pybind11::init()")
    assert "log: error: CUDA initialization failure" in engine.fallback


class BrokenByNumPy:
    """A finder of modules for which bindings that were made for another NumPy stand in."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> None:
        if name in self.names:
            raise AttributeError("module 'numpy' has no attribute 'bool'")


@pytest.mark.parametrize("names", [("tensorrt",), ("cuda.bindings.runtime",)])
def test_bindings_that_were_made_for_another_numpy_are_missing_ones(
    install: Install, plan_bundle: Bundle, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...]
) -> None:
    install(FakeTensorRT())
    for name in names:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [BrokenByNumPy(names), *sys.meta_path])
    with pytest.raises(BackendUnavailableError, match="has no attribute 'bool'"):
        open_engine(plan_bundle)


def test_a_gpu_that_this_tensorrt_does_not_support_is_like_none(
    install: Install, plan_bundle: Bundle, plans_at: Path
) -> None:
    install(FakeTensorRT(refuses=frozenset({"deserialize_cuda_engine"})))
    said = r"tensorrt 10.3.0 cannot be used with Orin .*Supported compute capabilities: 8.0.*onnxruntime"
    with pytest.raises(BackendUnavailableError, match=said):
        opened(plan_bundle, plans_at)
    assert [] == list(plans_at.glob("*.plan"))
    assert "onnxruntime" in open_any_engine(plan_bundle, backend="auto", plans=PlanSettings(plans_at)).backend


def test_a_named_backend_is_used_or_refused(install: Install, plan_bundle: Bundle, plans_at: Path) -> None:
    install(FakeTensorRT(cuda=FakeCuda(missing=CudaError.cudaErrorNoDevice)))
    with pytest.raises(BackendUnavailableError, match="no CUDA-capable device is detected"):
        open_any_engine(plan_bundle, backend="tensorrt", plans=PlanSettings(plans_at))


@pytest.mark.parametrize(
    ("absent", "sentence"),
    [
        (("tensorrt",), r"TensorRT is not installed \(tensorrt: .*tensorrt_rtx: .*--system-site-packages"),
        (("cuda.bindings.runtime",), r"cuda-python is missing .* pip install cuda-python"),
    ],
)
def test_a_missing_library_is_named(
    install: Install,
    plan_bundle: Bundle,
    monkeypatch: pytest.MonkeyPatch,
    absent: tuple[str, ...],
    sentence: str,
) -> None:
    install(FakeTensorRT())
    for name in absent:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(BackendUnavailableError, match=sentence):
        open_engine(plan_bundle)


def test_the_text_of_a_failed_build_has_tensorrts_own_log(
    install: Install, plan_bundle: Bundle, plans_at: Path, tmp_path: Path
) -> None:
    install(FakeTensorRT(refuses_to_build=True))
    with pytest.raises(
        EngineBuildError, match="log: error: Error Code 10: Could not find any implementation"
    ):
        opened(plan_bundle, plans_at)
    folder = tmp_path / "bad"
    shutil.copytree(plan_bundle.folder, folder)
    (folder / MODEL).write_bytes(b"no protobuf")
    files = {**plan_bundle.manifest.files, MODEL: entry_of_file(folder / MODEL)}
    unreadable = dataclasses.replace(plan_bundle.manifest, files=files)
    with pytest.raises(
        EngineBuildError, match=r"cannot read the model: Failed to parse.*log: error: .*FAILED"
    ):
        opened(dataclasses.replace(plan_bundle, folder=folder, manifest=unreadable), plans_at)
    assert [] == list(plans_at.glob("*.plan"))


def test_a_bundle_that_was_replaced_meanwhile_is_not_stored_under_the_old_ones_key(
    install: Install, plan_bundle: Bundle, plans_at: Path, tmp_path: Path
) -> None:
    box = install(FakeTensorRT())
    folder = tmp_path / "ae"
    shutil.copytree(plan_bundle.folder, folder)
    before = open_bundle(folder)
    shutil.copy(folder / MODEL_FP16, folder / MODEL)
    with pytest.raises(BundleDamagedError, match="not the file that was there when the bundle was opened"):
        opened(before, plans_at)
    (folder / MODEL).unlink()
    with pytest.raises(BundleDamagedError, match="cannot be read"):
        opened(before, plans_at)
    assert 0 == box.builds
    assert [] == list(plans_at.glob("*.json"))


@pytest.mark.parametrize(
    ("blocked", "unkept", "sentence"),
    [("*.plan", True, "could not be kept: "), ("timing-*", False, "timings were not kept: ")],
)
def test_a_plan_that_answers_is_used_even_if_a_file_cannot_be_written(
    install: Install, plan_bundle: Bundle, plans_at: Path, blocked: str, *, unkept: bool, sentence: str
) -> None:
    install(FakeTensorRT())
    opened(plan_bundle, plans_at).close()
    (path,) = plans_at.glob(blocked)
    path.unlink()
    (path / "in the way").mkdir(parents=True)  # no file can be renamed to the name of a full folder
    if not unkept:
        the_file(plans_at, ".plan").unlink()
    said: list[str] = []
    engine = open_engine(plan_bundle, plans=PlanSettings(plans_at, say=said.append))
    golden = read_golden(plan_bundle)
    np.testing.assert_allclose(golden.expected.score, engine.infer(golden.logmel).score, rtol=1e-4)
    assert unkept == (str(path) in engine.unkept)
    assert [True] == [str(path) in words for words in said if sentence in words]


def test_a_quarantine_that_cannot_be_noted_does_not_hide_the_numbers(
    install: Install, plan_bundle: Bundle, plans_at: Path
) -> None:
    box = install(FakeTensorRT(drift=1.01))
    sidecar = plans_at / (plan_key(plan_bundle, "fp32", PlanSettings(plans_at), find_box()).stem + ".json")
    (sidecar / "in the way").mkdir(parents=True)
    plans_at.chmod(0o700)
    with pytest.raises(EngineParityError, match=r"allowed 0\.001.*could not be noted: .*\.json"):
        opened(plan_bundle, plans_at)
    assert {} == box.cuda.allocations


def test_the_log_keeps_only_the_last_lines_and_no_chatter() -> None:
    trt = FakeTensorRT().module()
    log = open_log(trt)
    log.log(trt.ILogger.INFO, "chatter")
    assert "TensorRT's log is empty" == text_of_log(log)
    for i in range(KEPT_LINES + 3):
        words = f"line {i} {'x' * 2000}"
        log.log(trt.ILogger.WARNING, words)
    assert KEPT_LINES == len(log.kept)
    assert log.kept[0].startswith("warning: line 3 ")
    assert max(len(line) for line in log.kept) <= KEPT_LINE_CHARACTERS + len("warning: ")


def test_the_timing_cache_goes_from_one_build_to_the_next(
    install: Install, plan_bundle: Bundle, plans_at: Path
) -> None:
    box = install(FakeTensorRT())
    opened(plan_bundle, plans_at)
    opened(plan_bundle, plans_at, "fp16")
    assert [b"", b"timings of 10.3.0"] == box.timings
    box.timings.clear()
    box.takes_timing = False
    opened(plan_bundle, plans_at, opt_batch=2)
    assert [b"timings of 10.3.0", b""] == box.timings, "one that TensorRT refuses is begun anew"


def test_a_graph_is_captured_when_a_batch_size_comes_again_and_dropped_when_it_changes(
    install: Install, plan_bundle: Bundle, plans_at: Path
) -> None:
    box = install(FakeTensorRT())
    engine = opened(plan_bundle, plans_at)
    windows = read_golden(plan_bundle).logmel
    captures, launches = box.cuda.captures, box.cuda.launches
    expected = engine.infer(windows[:3])
    for calls, (captured, launched) in enumerate([(1, 0), (1, 1), (1, 2)]):
        answer = engine.infer(windows[:3])
        assert (captured, launched) == (box.cuda.captures - captures, box.cuda.launches - launches), calls
        np.testing.assert_array_equal(expected.score, answer.score)
    engine.infer(windows[:2])
    assert set() == box.cuda.graphs, "a graph of another shape must not stay"
    engine.infer(windows[:2])
    assert 2 == box.cuda.captures - captures
    np.testing.assert_array_equal(expected.score[:1], engine.infer(windows[:1]).score)


def test_batch_sizes_that_alternate_are_never_captured(
    install: Install, plan_bundle: Bundle, plans_at: Path
) -> None:
    box = install(FakeTensorRT())
    engine = opened(plan_bundle, plans_at)
    windows = read_golden(plan_bundle).logmel
    captures = box.cuda.captures
    for n in (2, 3) * 4:
        engine.infer(windows[:n])
    assert captures == box.cuda.captures


def test_where_no_graph_can_be_captured_the_engine_says_so_and_answers_all_the_same(
    install: Install, plan_bundle: Bundle, plans_at: Path
) -> None:
    box = install(FakeTensorRT(capturable=False))
    engine = opened(plan_bundle, plans_at)
    assert "tensorrt 10.3.0 Orin fp32 without CUDA graph" == engine.backend
    golden = read_golden(plan_bundle)
    for _ in range(3):
        np.testing.assert_allclose(golden.expected.score, engine.infer(golden.logmel).score, rtol=1e-4)
    assert 0 == box.cuda.launches
    assert all(stream.captured is None for stream in box.cuda.streams.values())


def test_a_stream_that_cannot_be_captured_yet_is_captured_later(
    install: Install, plan_bundle: Bundle, plans_at: Path
) -> None:
    box = install(FakeTensorRT("1.7.1.116", flavour="tensorrt_rtx", late=5))
    engine = opened(plan_bundle, plans_at)
    windows = read_golden(plan_bundle).logmel
    for _ in range(6):
        engine.infer(windows[:1])
    assert 0 < box.cuda.launches


def test_buffers_are_made_once_for_the_largest_batch_and_all_is_freed_in_the_end(
    install: Install, plan_bundle: Bundle, plans_at: Path
) -> None:
    box = install(FakeTensorRT())
    engine = opened(plan_bundle, plans_at, max_batch=5)
    window = 4 * 128 * 64
    sizes = sorted(len(block) for block in box.cuda.allocations.values())
    assert sorted(2 * [5 * 4] + 6 * [5 * window]) == sizes, (
        "host and device: input, map, reconstruction, score"
    )
    assert 4 == len(box.addresses)
    windows = np.tile(read_golden(plan_bundle).logmel, (3, 1, 1))
    expected = np.tile(read_golden(plan_bundle).expected.score, 3)
    np.testing.assert_allclose(expected, engine.infer(windows).score, rtol=1e-4)
    assert 5 == max(shape[0] for shape in box.asked_shapes), "twelve windows went in cuts of five"
    assert 4 == len(box.addresses), "no address changes"
    engine.close()
    engine.close()
    assert ({}, {}, set()) == (box.cuda.allocations, box.cuda.streams, box.cuda.graphs)
    with pytest.raises(EngineError, match="was closed"):
        engine.infer(windows)


def test_too_little_memory_is_told_in_cudas_words_and_builds_nothing_anew(
    install: Install, plan_bundle: Bundle, plans_at: Path
) -> None:
    box = install(FakeTensorRT())
    opened(plan_bundle, plans_at).close()
    box.cuda.memory_bytes = 1 << 22
    with pytest.raises(EngineError, match="CUDA error 2: out of memory"):
        opened(plan_bundle, plans_at)
    assert 1 == box.builds
    assert ({}, {}) == (box.cuda.allocations, box.cuda.streams)


def test_after_a_kernels_error_all_is_freed_and_that_error_is_the_one_raised(
    install: Install, plan_bundle: Bundle, plans_at: Path
) -> None:
    box = install(FakeTensorRT())
    engine = opened(plan_bundle, plans_at)
    assert set() != box.cuda.graphs
    box.cuda.sticky = CudaError.cudaErrorIllegalAddress
    with pytest.raises(EngineError, match="CUDA error 700: an illegal memory access"):
        engine.infer(read_golden(plan_bundle).logmel[:1])
    engine.close()
    assert ({}, {}, set()) == (box.cuda.allocations, box.cuda.streams, box.cuda.graphs)


def test_a_folder_that_others_may_write_to_is_refused(
    install: Install, plan_bundle: Bundle, plans_at: Path
) -> None:
    install(FakeTensorRT())
    plans_at.mkdir()
    plans_at.chmod(0o777)
    with pytest.raises(PlanCacheError, match=r"others may write here \(mode 777\).*chmod go-w"):
        opened(plan_bundle, plans_at)
