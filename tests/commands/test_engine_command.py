"""`wheeltapper engine build | parity | list | prune`, with a fake TensorRT and without any."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from fixtures_tensorrt import Install

from engines.backend_tensorrt import open_engine
from engines.bundle import Bundle
from engines.errors import EngineError, EngineParityError, PlanMissingError, PlanQuarantinedError
from engines.plan_list import stored_plans
from engines.plan_owner import user_name
from engines.runtime import PlanSettings
from monitor.__main__ import main
from monitor.listening import DEMO_BUNDLE
from monitor.testing.cuda_fake import CudaError, FakeCuda
from monitor.testing.tensorrt_fake import FakeTensorRT

AE = str(DEMO_BUNDLE.parent / "ae")
Capture = pytest.CaptureFixture[str]
NO_GPU = CudaError.cudaErrorNoDevice


def engine(tmp_path: Path, *words: str) -> int:
    return main(["engine", *words, "--state-dir", str(tmp_path)])


def stems(tmp_path: Path) -> list[str]:
    return [plan.stem for plan in stored_plans(tmp_path / "engines")]


def test_build_makes_the_plan_once_and_shows_how_far_it_strays(
    install: Install, tmp_path: Path, capsys: Capture
) -> None:
    box = install(FakeTensorRT())
    assert 0 == engine(tmp_path, "build", AE)
    text = capsys.readouterr().out
    for sentence in ("building the TensorRT plan of ae-", "tensorrt 10.3.0 Orin fp32: ", ".plan", "1 to 64"):
        assert sentence in text
    assert 3 == text.count("1.0e-03")
    assert 0 == engine(tmp_path, "build", AE)
    assert 1 == box.builds
    assert 0 == engine(tmp_path, "build", AE, "--again")
    assert 2 == box.builds


def test_build_fails_where_the_plan_could_not_be_kept(
    install: Install, tmp_path: Path, capsys: Capture
) -> None:
    install(FakeTensorRT())
    engine(tmp_path, "build", AE)
    plan = tmp_path / "engines" / f"{stems(tmp_path)[0]}.plan"
    plan.unlink()
    (plan / "in the way").mkdir(parents=True)
    capsys.readouterr()
    assert 1 == engine(tmp_path, "build", AE)
    assert f"tensorrt 10.3.0 Orin fp32: {plan}: " in capsys.readouterr().out


def test_build_takes_precision_and_batches_from_the_configuration(
    install: Install, tmp_path: Path, plan_bundle: Bundle, capsys: Capture
) -> None:
    install(FakeTensorRT())
    config = tmp_path / "config.yaml"
    tree = {
        "state_dir": str(tmp_path / "elsewhere"),
        "sources": [{"id": "p1", "kind": "simulated"}],
        "engine": {"precision": "fp16", "opt_batch": 3, "max_batch": 12},
    }
    config.write_text(yaml.safe_dump(tree))
    assert 0 == main(["engine", "build", str(plan_bundle.folder), "--config", str(config)])
    text = capsys.readouterr().out
    assert "Orin fp16" in text
    assert "batches 1 to 12, tuned for 3" in text
    assert 1 == len(stored_plans(tmp_path / "elsewhere" / "engines"))


def test_build_without_a_gpu_says_what_is_missing(install: Install, tmp_path: Path, capsys: Capture) -> None:
    install(FakeTensorRT(cuda=FakeCuda(missing=NO_GPU)))
    assert 2 == engine(tmp_path, "build", AE)
    assert "no CUDA-capable device is detected" in capsys.readouterr().err


def test_build_lifts_a_quarantine_only_when_told(install: Install, tmp_path: Path, capsys: Capture) -> None:
    install(FakeTensorRT(drift=1.01))
    assert 2 == engine(tmp_path, "build", AE)
    assert "[engine-parity]" in capsys.readouterr().err
    box = install(FakeTensorRT())
    assert 2 == engine(tmp_path, "build", AE)
    assert "[engine-quarantined]" in capsys.readouterr().err
    assert 0 == box.builds
    assert 0 == engine(tmp_path, "build", AE, "--again")


def config_for(tmp_path: Path, **engine_section: object) -> Path:
    path = tmp_path / "config.yaml"
    tree = {"sources": [{"id": "p1", "kind": "simulated"}], "engine": engine_section}
    path.write_text(yaml.safe_dump(tree))
    return path


def typed(error: EngineError, **values: object) -> int:
    """Type the command between the error's backticks, as its user, and return the exit code."""
    (command,) = re.findall("`(sudo.*?)`", str(error))
    sudo, option, user, program, *words = shlex.split(command)
    assert ("sudo", "-u", user_name(os.geteuid()), "wheeltapper") == (sudo, option, user, Path(program).name)
    return main([str(values.get(word, word)) for word in words])


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_the_command_in_the_error_builds_the_plan_that_was_missing(
    install: Install, tmp_path: Path, plan_bundle: Bundle, precision: str
) -> None:
    install(FakeTensorRT())
    settings = PlanSettings(tmp_path / "a state" / "engines", opt_batch=3, max_batch=12, build=False)
    with pytest.raises(PlanMissingError) as missing:
        open_engine(plan_bundle, precision=precision, plans=settings)
    config = config_for(tmp_path, opt_batch=3, max_batch=12)
    assert 0 == typed(missing.value, FILE=config)
    open_engine(plan_bundle, precision=precision, plans=settings).close()


def test_the_command_in_the_error_lifts_the_quarantine(
    install: Install, tmp_path: Path, plan_bundle: Bundle
) -> None:
    settings = PlanSettings(tmp_path / "engines", opt_batch=3, max_batch=12)
    install(FakeTensorRT(drift=1.1))
    with pytest.raises(EngineParityError):
        open_engine(plan_bundle, precision="fp16", plans=settings)
    install(FakeTensorRT())
    with pytest.raises(PlanQuarantinedError) as quarantined:
        open_engine(plan_bundle, precision="fp16", plans=settings)
    config = config_for(tmp_path, opt_batch=3, max_batch=12)
    assert 0 == typed(quarantined.value, FILE=config, BUNDLE=plan_bundle.folder)
    open_engine(plan_bundle, precision="fp16", plans=settings).close()


def test_parity_shows_every_engine_of_the_box(
    install: Install, tmp_path: Path, plan_bundle: Bundle, capsys: Capture
) -> None:
    install(FakeTensorRT())
    bundle = str(plan_bundle.folder)
    assert 0 == engine(tmp_path, "parity", bundle)
    before = capsys.readouterr().out
    assert "tensorrt fp32: not here: no TensorRT plan of ae-" in before
    assert "onnxruntime" in before
    assert 0 == engine(tmp_path, "build", bundle)
    capsys.readouterr()
    assert 0 == engine(tmp_path, "parity", bundle, "--json")
    tree = json.loads(capsys.readouterr().out)
    assert [
        ("tensorrt", "fp32", True),
        ("onnxruntime", "fp32", True),
        ("tensorrt", "fp16", None),
        ("onnxruntime", "fp16", True),
    ] == [(row["backend"], row["precision"], row["agrees"]) for row in tree["engines"]]
    assert ["score", "error_map", "reconstruction"] == [
        out["output"] for out in tree["engines"][0]["outputs"]
    ]


def test_parity_fails_where_an_engine_strays(install: Install, tmp_path: Path, capsys: Capture) -> None:
    install(FakeTensorRT(drift=1.01))
    engine(tmp_path, "build", AE)
    capsys.readouterr()
    assert 1 == engine(tmp_path, "parity", AE)
    text = capsys.readouterr().out
    assert "tensorrt fp32: refused: the plan" in text
    assert "strays from what training saw" in text


def strict_json(text: str) -> dict[str, Any]:
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    tree: dict[str, Any] = json.loads(text, parse_constant=refuse)
    return tree


def test_an_infinite_difference_is_null_in_json(install: Install, tmp_path: Path, capsys: Capture) -> None:
    install(FakeTensorRT(drift=float("nan")))
    assert 2 == engine(tmp_path, "build", AE)
    capsys.readouterr()
    assert 0 == engine(tmp_path, "list", AE, "--json")
    (plan,) = strict_json(capsys.readouterr().out)["plans"]
    assert ("quarantined", 3 * [None]) == (
        plan["state"],
        [row["max_relative"] for row in plan["record"]["parity"]],
    )


def test_parity_fails_where_nothing_can_run(install: Install, tmp_path: Path, capsys: Capture) -> None:
    install(FakeTensorRT(cuda=FakeCuda(missing=NO_GPU)))
    assert 1 == engine(tmp_path, "parity", AE, "--backend", "tensorrt")
    assert "not here: no NVIDIA GPU" in capsys.readouterr().out


def test_list_tells_the_state_of_each_plan(install: Install, tmp_path: Path, capsys: Capture) -> None:
    assert 0 == engine(tmp_path, "list")
    assert "0 plans in" in capsys.readouterr().out
    install(FakeTensorRT("10.0.1"))
    engine(tmp_path, "build", AE)
    install(FakeTensorRT(drift=1.01, cuda=FakeCuda(gpu_name="Thor")))
    engine(tmp_path, "build", AE)
    install(FakeTensorRT())
    for bundle in (AE, str(DEMO_BUNDLE)):
        engine(tmp_path, "build", bundle)
    (tmp_path / "engines" / f"{stems(tmp_path)[-1]}.plan").write_bytes(b"cut")
    capsys.readouterr()
    assert 0 == engine(tmp_path, "list")
    lines = capsys.readouterr().out.splitlines()[1:]
    expected = [
        "stale: made with tensorrt 10.0.1, here is tensorrt 10.3.0",
        "quarantined: ",
        "ready",
        "damaged: ",
    ]
    assert 4 == len(lines)
    for line, state in zip(lines, expected, strict=True):
        assert f"; {state}" in line
    assert 0 == engine(tmp_path, "list", AE, "--json")
    assert ["stale", "quarantined", "ready"] == [
        plan["state"] for plan in json.loads(capsys.readouterr().out)["plans"]
    ]


@pytest.mark.parametrize("cuda", [FakeCuda(), FakeCuda(missing=NO_GPU)], ids=["on the box", "without a GPU"])
def test_a_release_that_builds_otherwise_makes_its_own_plan_and_calls_the_old_one_stale(
    install: Install, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch, cuda: FakeCuda
) -> None:
    install(FakeTensorRT())
    engine(tmp_path, "build", AE)
    for module in ("engines.backend_tensorrt", "monitor.commands.engine_options"):
        monkeypatch.setattr(f"{module}.RECIPE", 1)
    box = install(FakeTensorRT())
    engine(tmp_path, "build", AE)
    assert 1 == box.builds
    install(FakeTensorRT(cuda=cuda))
    capsys.readouterr()
    engine(tmp_path, "list")
    old, new = capsys.readouterr().out.splitlines()[1:]
    assert old.endswith(
        "; stale: built as an older Wheeltapper builds plans, by recipe 0; this one goes by 1"
    )
    assert new.endswith("; ready")
    assert 0 == engine(tmp_path, "prune", AE)
    assert 1 == len(stems(tmp_path))
    monkeypatch.setattr("monitor.commands.engine_options.RECIPE", 0)
    engine(tmp_path, "list")
    assert "stale: built as a newer Wheeltapper builds plans" in capsys.readouterr().out


def test_list_without_tensorrt_calls_nothing_stale(install: Install, tmp_path: Path, capsys: Capture) -> None:
    install(FakeTensorRT())
    engine(tmp_path, "build", AE)
    install(FakeTensorRT(cuda=FakeCuda(missing=NO_GPU)))
    capsys.readouterr()
    engine(tmp_path, "list")
    text = capsys.readouterr().out
    assert "no TensorRT and GPU here to compare with" in text
    assert text.rstrip().endswith("; ready")


def test_prune_keeps_what_the_bundles_in_use_can_use_here(
    install: Install, tmp_path: Path, capsys: Capture
) -> None:
    install(FakeTensorRT("10.0.1"))
    engine(tmp_path, "build", AE)
    install(FakeTensorRT())
    engine(tmp_path, "build", str(DEMO_BUNDLE))
    engine(tmp_path, "build", AE)
    (kept,) = stems(tmp_path)[2:]
    folder = tmp_path / "engines"
    shutil.copy(folder / f"{kept}.plan", folder / "damaged.plan")
    (folder / "orphan.lock").touch()
    (folder / "orphan.plan.77.part").touch()
    before = sorted(path.name for path in folder.iterdir())
    capsys.readouterr()
    assert 0 == engine(tmp_path, "prune", AE, "--dry-run")
    assert before == sorted(path.name for path in folder.iterdir())
    assert "4 would go" in capsys.readouterr().out
    assert 0 == engine(tmp_path, "prune", AE)
    text = capsys.readouterr().out
    for reason in (
        "which is not in use",
        "made with tensorrt 10.0.1, here is tensorrt 10.3.0",
        "removed damaged: its sidecar cannot be read",
        "removed orphan.lock: of a build that was not finished",
    ):
        assert reason in text
    left = {path.name for path in folder.iterdir() if not path.name.startswith("timing-")}
    assert {f"{kept}.plan", f"{kept}.json", f"{kept}.lock"} == left


def test_prune_leaves_a_quarantine_that_still_holds(
    install: Install, tmp_path: Path, capsys: Capture
) -> None:
    install(FakeTensorRT(drift=1.01))
    engine(tmp_path, "build", AE)
    assert 0 == engine(tmp_path, "prune", AE)
    assert "0 removed" in capsys.readouterr().out
    assert 1 == len(stems(tmp_path)), "or the next start would build it again"
