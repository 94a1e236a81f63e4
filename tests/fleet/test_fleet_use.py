"""What a plant's bundles are used for: chosen without labels, judged, and heard in pieces as in one go."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import fsspec
import numpy as np
import pytest
import soundfile
from fixtures_verbs import ran
from plant_rig import EPOCH, TINY, made_in, rows_of, write_plant, write_sound

from engines.bundle import open_bundle
from monitor.listening import DEMO_BUNDLE
from training.fleet.artefacts import Artefacts
from training.fleet.choosing import Chosen, keep_chosen
from training.fleet.hearing import Hearing
from training.fleet.machines import machines_of_data
from training.fleet.recipes import recipes_of_file
from training.fleet.score_work import JoinWork, Part, PieceWork, score_tasks
from training.fleet.tasks import Terms, Work, perform
from training.fleet.train_work import train_tasks

RECIPES = """
grid:
  kind: [ae]
  widths: [2, '3,3']
  epochs: [1]
  head: [mean]
  no-calibration: [true]
"""
DEMO = DEMO_BUNDLE.with_name("ae")
LABELS = {"normal": "normal", "fault": "anomaly"}


def index(folder: Path, *rows: str) -> None:
    (folder / "index.csv").write_text("\n".join(("machine,file,role,label", *rows)) + "\n")


def with_demo(out: Path, data: Path) -> Path:
    """Results in which each machine's bundle is the demo's."""
    for machine in machines_of_data(str(data)):
        place = f"{machine.place}/models/demo/bundle"
        shutil.copytree(DEMO, out / place)
        chosen = Chosen("demo", place, open_bundle(DEMO).bundle_id, {"demo": 0.9})
        keep_chosen(Artefacts(str(out)), machine, chosen)
    return out


@pytest.mark.slow
def test_the_best_recipe_on_made_anomalies_is_chosen_and_no_label_changes_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", EPOCH)
    for number, seconds in enumerate((42, 26, 13)):
        write_sound(tmp_path / f"{number}.wav", seconds, seed=number)
    write_sound(tmp_path / "fault.wav", 5.0, seed=9)
    normal = [f"fan,{number}.wav,train,normal" for number in range(3)]
    index(tmp_path, *normal)
    (tmp_path / "recipes.yaml").write_text(RECIPES)
    out = tmp_path / "out"
    words = (
        "train",
        "--data",
        tmp_path,
        "--recipes",
        tmp_path / "recipes.yaml",
        "--out",
        out,
        "--ray",
        "none",
    )
    run = ran("fleet", *words)
    assert 0 == run.code, run.err
    chosen = json.loads((out / "machines" / "fan" / "chosen.json").read_text())
    assert {"ae-widths-2", "ae-widths-3,3"} == set(chosen["merits"])
    assert chosen["merits"][chosen["recipe"]] == max(chosen["merits"].values())
    assert open_bundle(out / chosen["bundle"]).bundle_id == chosen["bundle_id"]
    before = made_in(out)
    index(tmp_path, *normal, "fan,fault.wav,test,anomaly", "fan,fault.wav,train,anomaly")
    again = ran("fleet", *words)
    assert (0, before) == (again.code, made_in(out))
    bundles = {name: open_bundle(out / f"machines/fan/models/{name}/bundle") for name in chosen["merits"]}
    shares = [bundle.manifest.training["recordings"] for bundle in bundles.values()]
    assert shares[0] == shares[1], "recipes are compared on the same shares"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recordings of two machines: a long one, one at another rate, a short one, one damaged in the middle."""
    folder = tmp_path_factory.mktemp("archive")
    write_sound(folder / "pump" / "a-short.wav", 3.0, seed=1)
    write_sound(folder / "pump" / "b-long.wav", 300.0, seed=2)
    draws = np.random.default_rng(3)
    other_rate = 0.05 * draws.standard_normal(44_100 * 150, dtype=np.float32)
    other_rate[44_100 * 60 : 44_100 * 64] = 0.0
    soundfile.write(folder / "pump" / "c-other.wav", other_rate, 44_100, subtype="PCM_16")
    write_sound(folder / "fan" / "whole.flac", 100.0, seed=4)
    write_sound(folder / "fan" / "torn.flac", 150.0, seed=5)
    torn = (folder / "fan" / "torn.flac").read_bytes()
    (folder / "fan" / "torn.flac").write_bytes(torn[: len(torn) // 2])
    return folder


def test_an_archive_in_pieces_gives_the_same_lines_as_in_one_go(archive: Path, tmp_path: Path) -> None:
    out = with_demo(tmp_path / "out", archive)
    words = ["fleet", "score", "--data", archive, "--out", out, "--ray", "none", "--piece-mb", 3]
    words += ["--hop-frames", 16]
    run = ran(*words)
    rows = rows_of(out, "score")
    assert (1, {"fan": "partly", "pump": "done"}) == (run.code, {k: v["state"] for k, v in rows.items()})
    assert "torn.flac" in rows["fan"]["remark"]
    assert str(archive) not in rows["fan"]["remark"], "files are named as the data name them"
    for machine in ("fan", "pump"):
        files = sorted((archive / machine).iterdir())
        whole = tmp_path / f"{machine}.jsonl"
        ran("score", DEMO, *files, "--root", archive, "--out", whole, "--hop-frames", 16)
        found = (out / "machines" / machine / "scores" / "scores.jsonl").read_text()
        assert whole.read_text() == found
        assert not (out / "machines" / machine / "pieces").exists()
        assert rows[machine]["windows"] == len(found.splitlines())
    again = ran(*words)
    assert (run.code, rows) == (again.code, rows_of(out, "score"))


def parts_of(work: Work) -> tuple[Part, ...]:
    assert isinstance(work, PieceWork)
    return work.parts


def test_long_files_are_cut_at_batches_and_short_ones_share_a_piece(archive: Path, tmp_path: Path) -> None:
    (machine,) = machines_of_data(str(archive), ["pump"])
    chosen, hearing = Chosen("demo", "x", "y", {}), Hearing(32, 1, 1.0)
    pieces, join = score_tasks((str(archive), str(tmp_path)), machine, chosen, hearing, piece_bytes=3_000_000)
    parts = [
        [(p.file.name[5:6], p.stretch.first, p.stretch.end) for p in parts_of(piece.work)] for piece in pieces
    ]
    assert [[("a", 0, None)], [("b", 0, 128)], [("b", 128, None)]] == parts[:3]
    assert isinstance(join.work, JoinWork)
    assert [piece.place for piece in pieces] == list(join.work.pieces)


def test_machines_are_judged_on_their_test_recordings_worst_first(tmp_path: Path) -> None:
    data = tmp_path / "plant"
    for machine, seconds in {"good": 20.0, "bad": 20.0, "new": 5.0}.items():
        write_sound(data / machine / "normal.wav", seconds, seed=1)
        write_sound(data / machine / "fault.wav", seconds, seed=2)
    sound, rate = soundfile.read(data / "good" / "fault.wav")
    soundfile.write(data / "good" / "fault.wav", np.clip(20.0 * sound, -0.9, 0.9), rate)
    rows = [f"{m},{m}/{k}.wav,test,{label}" for m in ("good", "bad", "new") for k, label in LABELS.items()]
    index(data, *rows)
    out = with_demo(tmp_path / "out", data)
    (out / "machines" / "new" / "chosen.json").unlink()
    run = ran("fleet", "evaluate", "--data", data, "--out", out, "--ray", "none")
    found = rows_of(out, "evaluate")
    assert (1, ["new", "bad", "good"]) == (run.code, list(found))
    assert "has no bundle in" in found["new"]["remark"]
    assert found["good"]["window_auc"] > 0.9 > found["bad"]["window_auc"]
    report = json.loads((out / "machines" / "good" / "evaluation" / "report.json").read_text())
    assert found["good"]["window_auc"] == report["detectors"]["bundle"]["window_auc"]
    assert "<html" in (out / "machines" / "good" / "evaluation" / "report.html").read_text()


def test_sound_and_results_may_lie_in_a_store_that_is_no_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write_plant(tmp_path / "plant", ["fan"])
    (tmp_path / "recipes.yaml").write_text(TINY)
    (recipe,) = recipes_of_file(tmp_path / "recipes.yaml")
    store = f"memory://{tmp_path.name}"
    for path in sorted((data / "fan").iterdir()):
        Artefacts(f"{store}/plant").put(path, f"fan/{path.name}")
    monkeypatch.chdir(tmp_path)
    results = {}
    for url, out in ((str(data), str(tmp_path / "out")), (f"{store}/plant", f"{store}/out")):
        terms = Terms(out, threads=1, limit_s=60.0, memory_bytes=None, made_utc_s=float(EPOCH))
        (machine,) = machines_of_data(url)
        (task,) = train_tasks(url, [machine], [recipe])
        report = perform(task, terms)
        assert report.done, report.error
        demo = Chosen("demo", "demo", open_bundle(DEMO).bundle_id, {})
        Artefacts(out).put_folder(DEMO, "demo", last="manifest.json")
        pieces, join = score_tasks((url, out), machine, demo, Hearing(32, 1, 1.0), piece_bytes=10**6)
        scored = [perform(each, terms) for each in (*pieces, join)]
        assert all(each.done for each in scored), scored
        lines = b"".join(Artefacts(out).lines(f"{join.place}/scores.jsonl"))
        results[out] = (report.result, dict(scored[-1].result), lines)
    fsspec.filesystem("memory").rm(store, recursive=True)
    local, elsewhere = results.values()
    assert local == elsewhere
