"""The study of explanations says what its numbers say, and measures nothing twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from training.benchmark.work import Workplace
from training.errors import TrainingError
from training.explain import ATTRIBUTIONS
from training.explain.study import command
from training.explain.study.compared import Compared, Difference
from training.explain.study.findings import FAILS, HOLDS, OPEN, Finding, findings_of
from training.explain.study.measuring import Measured
from training.explain.study.paper import PAPER_FIGURES, paper_curve, paper_mean
from training.explain.study.plan import PERCENTILES, Part, Plan
from training.explain.study.report import write_report
from training.explain.study.tables import inside_section, percentile_section
from training.faithfulness import COLUMNS, FaithfulnessTable, Figure, OverPercentiles, Row

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
needs_shared = pytest.mark.skipif(not (SHARED / "bench").is_dir(), reason="../shared is not there")
NONE = Path("no notes here")
RATE_HZ = 16_000
ONSETS_S = (16.0, 31.0)
CHANCE = {"random": 0.1, "random_smoothed": 0.1, "oracle": 0.5}
BY_PERCENTILE = ("ff_frame", "ff_segment", "ff_frame/inpainted", "f1", "ff_normal")


def over(value: float) -> OverPercentiles:
    count = len(PERCENTILES)
    return OverPercentiles((value,) * count, (0.0,) * count, (None,) * count, Figure(value, None), None)


def measured(kind: str, seed: int, heights: dict[str, float], settings: str = "paper") -> Measured:
    """A part in which each method has one height in every figure; .2 where nothing is said."""
    values = {**dict.fromkeys(ATTRIBUTIONS, 0.2), **heights, **CHANCE}
    rows = tuple(
        Row(
            name=name,
            is_chance=name in CHANCE,
            draws=1,
            by_percentile={key: over(value) for key in BY_PERCENTILE},
            figures=dict.fromkeys(COLUMNS, Figure(value, None)),
            removal={},
        )
        for name, value in values.items()
    )
    table = FaithfulnessTable(PERCENTILES, (), 2, 1, 0, (), "inpainted", 1, 0.9, rows)
    whole = {"inside_auc": 0.8 + seed / 100, "frame_auc": 0.7}
    return Measured(Part(kind, seed, settings), table, 0.01, "mean", whole, 60.0, (9, 3))


def findings(*parts: Measured) -> dict[str, Finding]:
    return {finding.claim: finding for finding in findings_of(Compared(parts))}


@pytest.mark.parametrize(
    ("heights", "verdict"),
    [((0.3, 0.3), HOLDS), ((0.1, 0.1), FAILS), ((0.3, 0.1), OPEN)],
    ids=["above with every seed", "below with every seed", "now above, now below"],
)
def test_a_claim_about_two_models_needs_every_seed(heights: tuple[float, float], verdict: str) -> None:
    mae = [measured("mae", seed, dict.fromkeys(ATTRIBUTIONS, height)) for seed, height in enumerate(heights)]
    found = findings(measured("ae", 0, {}), measured("ae", 1, {}), *mae)
    claims = [found[claim].verdict for claim in found if claim.startswith(("MAE is more", "... and so"))]
    assert [verdict] * 4 == claims


def test_one_method_against_it_leaves_a_claim_undecided() -> None:
    heights = {**dict.fromkeys(ATTRIBUTIONS, 0.3), "gradcam": 0.1}
    found = findings(measured("ae", 0, {}), measured("mae", 0, heights))
    claim = found["MAE is more precise in time than AE (F1 of seconds)"]
    assert OPEN == claim.verdict
    assert "Above with every seed: 5 of 6 methods, below with every seed: 1" in claim.numbers
    assert "Error map .100, in the paper .035" in claim.numbers


def test_seeds_that_only_one_model_has_are_not_compared() -> None:
    parts = measured("ae", 0, {}), measured("mae", 0, {"saliency": 0.3}), measured("mae", 1, {})
    pair = Compared(parts).difference("f1", "saliency", "mae", "ae")
    assert pair is not None
    assert pytest.approx((0.1,)) == pair.by_seed
    assert 0 == Difference((0.1, -0.1)).sign
    assert 0 == Difference((0.1, 0.0)).sign


def test_what_is_as_good_as_random_frames_is_said_to_be() -> None:
    at_chance = dict.fromkeys(ATTRIBUTIONS, CHANCE["random"])
    found = findings(measured("ae", 0, at_chance), measured("mae", 0, at_chance))
    (claim,) = [found[claim] for claim in found if claim.startswith("The AE's gradient maps")]
    assert HOLDS == claim.verdict
    (normal,) = [found[claim] for claim in found if claim.startswith("On normal sound")]
    assert HOLDS == normal.verdict
    above = findings(measured("ae", 0, {}), measured("mae", 0, {}))
    assert {FAILS} == {above[key].verdict for key in above if key.startswith(("The AE's grad", "On normal"))}


def test_without_both_models_nothing_is_found() -> None:
    assert [] == findings_of(Compared((measured("ae", 0, {}),)))


def test_the_papers_figures_are_there_for_every_method_of_both_models() -> None:
    for figure, curves in PAPER_FIGURES.items():
        named = {key for key in curves if key[0]}
        assert {(kind, method) for kind in ("ae", "mae") for method in ATTRIBUTIONS} == named, figure
    assert 0.629 == paper_curve("f1", "mae", "saliency")[98]
    assert 0.141 == paper_curve("ff_frame", "ae", "error_map")[90]
    assert (0.320 + 0.226) / 2 == paper_mean("ff_segment", "mae", "error_map")
    assert paper_mean("ff_normal", "ae", "saliency") is None


def test_a_table_has_the_papers_row_under_ours_and_ends_with_chance() -> None:
    found = Compared((measured("ae", 0, {}), measured("mae", 0, {}), measured("mdae", 0, {})))
    names = [line.strip("| ").split(" | ")[0] for line in percentile_section(found, "f1", "F1")[4:-1]]
    assert ["Error map, ae", "*paper: Error map, ae*", "Error map, mae"] == names[2:5]
    assert "*paper: random frames*" in names
    assert "the truth itself, mdae" in names


def test_the_best_map_is_held_against_the_ae_and_the_quoted_ones(tmp_path: Path) -> None:
    notes = tmp_path / "NUMBERS.md"
    notes.write_text("## uav: x\n\n| detector | inside |\n|---|---|\n| peer | .75 |\n| worse | .60* |\n")
    found = Compared((measured("ae", 0, {}), measured("mdae", 4, {})))
    text = "\n".join(inside_section(found, notes))
    assert "Best of ours: mdae, .840; .040 above the error map of the AE; .090 above the best quoted" in text
    assert [] == inside_section(Compared(()), notes)


def test_the_report_names_what_is_missing_and_judges_nothing_without_it(tmp_path: Path) -> None:
    plan = Plan(seeds=1, own_seeds=0)
    write_report(tmp_path / "e.md", plan, [], list(plan.parts()), NONE)
    text = (tmp_path / "e.md").read_text()
    assert "**Not measured yet**: ae seed 0 (paper), mae seed 0 (paper), mdae seed 0 (paper)" in text
    assert "Not measured yet for both models." in text


def test_the_first_seed_of_all_comes_first_and_each_is_judged_by_another() -> None:
    plan = Plan(seeds=3, own_seeds=1)
    parts = list(plan.parts())
    assert [("ae", 0), ("mae", 0), ("mdae", 0), ("ae", 1)] == [(part.kind, part.seed) for part in parts[:4]]
    assert ["ours"] * 3 == [part.settings for part in parts[9:]]
    assert [1, 2, 0] == [plan.judge_of(seed).seed for seed in range(3)]


@pytest.fixture
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # on nets this small a second one only waits, and burns
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    """Streams of hiss, with two louder stretches in the one that is tested; no judge, no notes."""
    streams = tmp_path / "streams" / "uav"
    draws = np.random.default_rng(0)
    for role, files, seconds in (("train", 4, 40), ("calibrate", 1, 20), ("test", 1, 40)):
        (streams / role).mkdir(parents=True)
        for index in range(files):
            samples = 0.02 * draws.standard_normal(seconds * RATE_HZ)
            for onset_s in ONSETS_S if role == "test" else ():
                samples[int(onset_s * RATE_HZ) : int((onset_s + 1.5) * RATE_HZ)] *= 6.0
            soundfile.write(streams / role / f"uav-{index:02d}.flac", samples, RATE_HZ)
    lines = [f"test/uav-00.flac,{onset_s},{onset_s + 1.5},hiss,6" for onset_s in ONSETS_S]
    (streams / "truth.csv").write_text("\n".join(["file,onset_s,offset_s,kind,snr_db", *lines]) + "\n")
    return Workplace(tmp_path / "shared", tmp_path, tmp_path / "streams")


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("one_thread")
def test_a_study_of_small_models_fills_every_table_and_a_second_one_measures_nothing(
    tmp_path: Path, place: Workplace, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "explanations.md"
    assert 0 == command.study(command.SMOKE, place, out)
    text = out.read_text()
    assert "4 parts measured, 0 failed" in capsys.readouterr().out
    assert "Not measured yet" not in text
    for heading in ("Faithfulness by frames", "F1 of seconds, ours", "Deletion and insertion, ours"):
        section = text.split(f"### {heading}\n", 1)[1].split("\n#", 1)[0]
        for row in (*(method.title for method in ATTRIBUTIONS.values()), "random frames", "the truth itself"):
            assert f"| {row}, ae |" in section, (heading, row)
    made = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.json")}
    assert 0 == command.study(command.SMOKE, place, out)
    assert "0 parts measured, 0 failed" in capsys.readouterr().out
    assert made == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.json")}
    assert text == out.read_text()


@needs_shared
@pytest.mark.shared_data
@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("one_thread")
def test_the_command_judges_the_bundles_maps_on_all_windows_of_the_shared_streams(tmp_path: Path) -> None:
    assert 0 == command.run(["--smoke", "--shared", str(SHARED), "--work", str(tmp_path)])
    text = (tmp_path / "explanations.md").read_text()
    section = text.split("## Right in time, on all windows\n", 1)[1].split("\n## ", 1)[0]
    assert "| mae, the bundle's own error map | 1 |" in section
    assert "| quoted |" in section


def test_a_folder_that_is_not_the_shared_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="evaluation sound that is no part of this project"):
        command.run(["--shared", str(tmp_path), "--work", str(tmp_path / "w")])
