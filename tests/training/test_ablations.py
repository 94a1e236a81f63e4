"""Every question can be asked; options reach the model; and answers follow from the rule alone."""

from __future__ import annotations

import argparse
import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import soundfile
import torch
from tiny_detector import FRAMES, MEL, PARAMETERS, tiny_card, tiny_windows

from engines.build.export import export_bundle
from monitor.messages import Float32
from training.ablations.command import jobs_of
from training.ablations.gradients import scaled_to_squared_error
from training.ablations.kept import Keep
from training.ablations.labelled import CONTEXT_S, RATE_HZ, labelled_sounds, sound_kinds
from training.ablations.material import ClipMaterial, Labels, StreamMaterial
from training.ablations.questions import CLIPS, LABELLED_STREAMS, QUESTIONS, Question, Variant, questions_of
from training.ablations.report import Asked, report_of
from training.ablations.rule import Answer, difference, sentence
from training.ablations.trial import Result, Trial, by_kind, run_trial
from training.anomalies import gather_anomalies
from training.data import LogMelStore, Run
from training.detector import Detector, Standardiser
from training.errors import NoSoundError, TrainingError
from training.evaluation.figures import figures_of_windows
from training.evaluation.scored_windows import ScoredWindow
from training.evaluation.truth import Event
from training.features import Clips, store_of_clips
from training.heads import MeanError
from training.losses import cubic_error, squared_error
from training.models import ModelDesign, make_model
from training.models.dra import DraDetector
from training.models.mae import MaskedAutoencoder
from training.models.memae import MemoryAutoencoder
from training.split import Split
from training.train import TrainingSettings, loss_for_sound, standardiser_of_store
from training.train_arguments import add_arguments, design_of

TINY_WIDTHS = (4, 4, 8)
SETTINGS = TrainingSettings(epochs=1, batch_windows=16, hop_frames=16)
HOP_S = PARAMETERS.hop_s
LENGTH = 12 * FRAMES
EVENT = (4 * FRAMES + FRAMES // 2, 6 * FRAMES + FRAMES // 2)
"""First frame of what is wrong in a test recording, and the one after it; in the middle of windows."""


def stored(path: Path, names: list[str], *, seed: int, wrong: tuple[int, int] = (0, 0)) -> LogMelStore:
    rows = tiny_windows(len(names) * LENGTH // FRAMES, seed=seed).transpose(0, 2, 1).reshape(-1, MEL).copy()
    runs = [Run(name, i * LENGTH, (i + 1) * LENGTH) for i, name in enumerate(names)]
    for run in runs:
        rows[run.first + wrong[0] : run.first + wrong[1], 4:12] += 2.0
    path.write_bytes(rows.tobytes())
    return LogMelStore(path, PARAMETERS, runs, (), frames=FRAMES)


def split_of_seed(seed: int) -> Split:
    del seed
    return Split(("a", "b", "c"), ("d",), ("a", "b", "c", "d"), ())


@pytest.fixture(scope="module")
def streams(tmp_path_factory: pytest.TempPathFactory) -> StreamMaterial:
    folder = tmp_path_factory.mktemp("streams")
    kinds = {"x": "dog_bark", "y": "rooster", "z": "fault:bearing"}
    anomalies = stored(folder / "labelled", ["l"], seed=3, wrong=(0, LENGTH))
    return StreamMaterial(
        store=stored(folder / "normal", ["a", "b", "c", "d"], seed=1),
        split=split_of_seed,
        tested=stored(folder / "tested", list(kinds), seed=2, wrong=EVENT),
        events={name: [Event(EVENT[0] * HOP_S, EVENT[1] * HOP_S, kind, 0.0)] for name, kind in kinds.items()},
        labelled=lambda seed, count: Labels(("dog_bark", "rooster")[seed], anomalies if count else None),
    )


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> ClipMaterial:
    folder = tmp_path_factory.mktemp("clips")
    normal, bad = 6, 12
    logmel = (
        tiny_windows(2 * (normal + bad), seed=4).transpose(0, 2, 1).reshape(normal + bad, 2 * FRAMES, MEL)
    )
    logmel[normal:] += 1.0
    names = tuple(f"clip-{i}" for i in range(normal + bad))
    whole = Clips(logmel, names, ("test",) * (normal + bad), (False,) * normal + (True,) * bad)
    learned = {
        name: tiny_windows(24, seed=i).transpose(0, 2, 1).reshape(-1, MEL) for i, name in enumerate("abcd")
    }

    def some(name: str, first: int, end: int) -> LogMelStore:
        return store_of_clips(folder / name, {names[i]: logmel[i] for i in range(first, end)})

    return ClipMaterial(
        store=store_of_clips(folder / "normal", learned),
        split=split_of_seed,
        normal=some("tested", 0, normal),
        anomalous=some("anomalous", normal, normal + bad),
        clips=whole,
        folder=folder,
    )


def tiny(variant: Variant) -> Variant:
    return replace(variant, design=replace(variant.design, widths=TINY_WIDTHS))


def variant_called(question: Question, name: str) -> Variant:
    return tiny(next(variant for variant in question.variants if variant.name == name))


@pytest.mark.parametrize(
    ("name", "variant", "rows"),
    [
        ("a", "patches 4x4, ratio .3 (paper)", 4),
        ("b", "none", 2),
        ("c", "LAMP, matched", 2),
        ("d", "own", 8),
        ("e-kinds", "10 labelled, class_weighted", 1),
        ("e-general", "5 labelled, absolute", 1),
    ],
)
def test_every_question_can_be_asked(
    name: str, variant: str, rows: int, streams: StreamMaterial, clips: ClipMaterial
) -> None:
    question = next(question for question in QUESTIONS if question.name == name)
    material = clips if question.asked_on == CLIPS else streams
    trial = run_trial(question, variant_called(question, variant), 0, material, SETTINGS)
    assert rows == len(trial.results)
    assert {name for name, _ in question.figures} <= set(trial.results[0].figures)
    assert all(found is not None for result in trial.results for found in result.figures.values())
    assert ("dog_bark" if question.asked_on == LABELLED_STREAMS else "") == trial.kind_learned


def test_an_obvious_event_is_found_by_a_net_that_learned_nothing_else(streams: StreamMaterial) -> None:
    question = QUESTIONS[1]
    trial = run_trial(question, variant_called(question, "dense"), 0, streams, replace(SETTINGS, epochs=3))
    assert all((result.figures["window_auc"] or 0.0) > 0.9 for result in trial.results)


def test_events_of_other_kinds_are_neither_found_nor_clear() -> None:
    windows = [ScoredWindow("f", float(t), t + 1.0, {2: 9.0, 6: 0.0, 10: 5.0}.get(t, 1.0)) for t in range(14)]
    kinds = {2.0: "dog_bark", 6.0: "rooster", 10.0: "fault:bearing"}
    events = {"f": [Event(at_s, at_s + 1.0, kind, None) for at_s, kind in kinds.items()]}
    figures = figures_of_windows(windows, events, has_limit=False)
    found = by_kind(windows, events, figures, "dog_bark")
    assert (1.0, 0.0, 1.0) == (found["seen_auc"], found["unseen_auc"], found["fault_auc"])
    assert (1.0, 0.5) == (found["seen_recall"], found["unseen_recall"])
    assert 0.0 == by_kind(windows, events, figures, "rooster")["seen_auc"]


def test_pairs_name_rows_that_the_variants_can_give() -> None:
    ways = {"mae": ("masked", "unmasked"), "hfrae": ("level 1", "level 2", "level 3", "all levels")}
    for question in QUESTIONS:
        rows = {
            f"{variant.name}, {way}" if way else variant.name
            for variant in question.variants
            for way in ways.get(variant.design.kind, ("",))
        }
        assert set() == {name for pair in question.pairs for name in pair} - rows
        assert set(question.answering) <= {name for name, _ in question.figures}


def test_the_same_clips_are_kept_out_of_the_test_however_many_are_learned_from(clips: ClipMaterial) -> None:
    none, reserved = clips.dealt(0, 0)
    five, again = clips.dealt(0, 5)
    ten, _ = clips.dealt(0, 10)
    assert none is None
    assert five is not None
    assert ten is not None
    assert reserved == again == set(ten.recordings)
    assert set(five.recordings) < reserved
    assert reserved != clips.dealt(1, 0)[1]


def graph_of(folder: Path, design: ModelDesign) -> onnx.ModelProto:
    torch.manual_seed(0)
    model = make_model(design, mel=MEL, frames=FRAMES)
    detector = Detector(Standardiser(torch.zeros(MEL), torch.ones(MEL)), model, MeanError()).eval()
    bundle = export_bundle(folder, detector, tiny_card(design.kind), tiny_windows(36, seed=1))
    return onnx.load(str(bundle.folder / "model.onnx"))


def test_unmasked_scoring_exports_another_graph_without_the_masks(tmp_path: Path) -> None:
    masks = {
        scored: [
            tensor
            for tensor in graph_of(
                tmp_path / scored, ModelDesign("mae", TINY_WIDTHS, scored=scored)
            ).graph.initializer
            if tensor.dims[-2:] == [MEL, FRAMES] and 4 in tensor.dims
        ]
        for scored in ("masked", "unmasked")
    }
    assert masks["masked"]
    assert not masks["unmasked"]


def test_unmasked_is_one_pass_that_sees_all() -> None:
    model = make_model(ModelDesign("mae", TINY_WIDTHS, scored="unmasked"), mel=MEL, frames=FRAMES).eval()
    assert isinstance(model, MaskedAutoencoder)
    x = torch.from_numpy(tiny_windows(3))
    with torch.no_grad():
        torch.testing.assert_close(model.fill_in(x, torch.zeros_like(x)), model(x))
        model.scored = "masked"
        assert not torch.allclose(model.fill_in(x, torch.zeros_like(x)), model(x))


def test_the_patches_and_the_ratio_are_as_designed() -> None:
    design = ModelDesign("mae", TINY_WIDTHS, patch=(4, 8), mask_ratio=0.3)
    model = make_model(design, mel=MEL, frames=FRAMES)
    assert isinstance(model, MaskedAutoencoder)
    assert (4, 8, 0.3) == (model.grid.patch_mel, model.grid.patch_frames, model.training_ratio)


def test_without_its_memory_the_same_net_passes_queries_on() -> None:
    x = torch.from_numpy(tiny_windows(3))
    found = {}
    for memory in ("sparse", "dense", "none"):
        torch.manual_seed(0)
        model = make_model(ModelDesign("memae", TINY_WIDTHS, memory=memory), mel=MEL, frames=FRAMES).eval()
        assert isinstance(model, MemoryAutoencoder)
        with torch.no_grad():
            found[memory] = model(x), model.decode(model.queries(x)), model.addresses(x)
    torch.testing.assert_close(found["none"][0], found["none"][1])
    torch.testing.assert_close(found["sparse"][1], found["none"][1])  # the same weights
    assert not torch.allclose(found["sparse"][0], found["none"][0])
    assert float((found["sparse"][2] > 0).float().mean()) < 1.0
    assert bool((found["dense"][2] > 0).all())


def test_dras_loss_is_as_designed() -> None:
    model = make_model(ModelDesign("dra", TINY_WIDTHS, deviation="squared"), mel=MEL, frames=FRAMES)
    assert isinstance(model, DraDetector)
    assert "squared" == model.settings.deviation


@pytest.mark.parametrize(
    ("options", "sentence_part"),
    [
        ({"scored": "blind"}, "give masked or unmasked"),
        ({"mask_ratio": 1.0}, "not between 0 and 1"),
        ({"patch": (5, 4)}, "do not tile"),
    ],
)
def test_an_impossible_option_is_refused(options: dict[str, object], sentence_part: str) -> None:
    with pytest.raises(TrainingError, match=sentence_part):
        make_model(ModelDesign("mae", **options), mel=MEL, frames=FRAMES)  # type: ignore[arg-type]


def test_an_option_of_another_kind_is_refused() -> None:
    with pytest.raises(
        TrainingError, match="kind 'ae' has no memory to choose; leave 'dense' out or train memae"
    ):
        ModelDesign("ae", memory="dense")


def words(*given: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args([*given, "--data", ".", "--out", "x"])


def test_the_commands_words_become_the_design() -> None:
    found = design_of(
        words("mae", "--scored", "unmasked", "--patch", "4x8", "--mask-ratio", ".3", "--widths", "4,8")
    )
    assert ModelDesign("mae", (4, 8), scored="unmasked", patch=(4, 8), mask_ratio=0.3) == found
    assert ModelDesign("memae", memory="none") == design_of(words("memae", "--memory", "none"))
    assert ModelDesign("dra", deviation="squared") == design_of(words("dra", "--deviation", "squared"))
    assert ModelDesign("mae") == design_of(words("mae"))


def test_a_loss_that_would_be_ignored_is_refused() -> None:
    with pytest.raises(TrainingError, match="kind dra does not learn from single bins"):
        design_of(words("dra", "--loss", "lamp"))


def test_lamps_barrier_is_what_one_bin_in_a_thousand_of_the_training_sound_exceeds(
    streams: StreamMaterial,
) -> None:
    loss = loss_for_sound("lamp", streams.store, ("a", "b"))
    barrier = float(loss.__name__.removeprefix("lamp_"))
    starts = streams.store.window_starts(hop_frames=FRAMES, recordings=("a", "b"))
    windows = torch.from_numpy(streams.store.windows(starts))
    x = standardiser_of_store(streams.store, ("a", "b"))(windows).abs().numpy()
    assert 0.001 == pytest.approx(float((x > barrier).mean()), abs=2e-4)
    assert squared_error is loss_for_sound("squared", streams.store, ("a",))
    with pytest.raises(TrainingError, match="known are squared, absolute"):
        loss_for_sound("huber", streams.store, ("a",))


def test_a_matched_loss_starts_with_gradients_as_long_as_the_squared_errors(streams: StreamMaterial) -> None:
    design = ModelDesign("ae", TINY_WIDTHS)
    arguments = design, streams.store, split_of_seed(0), SETTINGS
    scaled = scaled_to_squared_error(cubic_error, *arguments)
    x, target = torch.tensor([3.0, 0.5]), torch.zeros(2)
    factor = (scaled(x, target) / cubic_error(x, target)).tolist()
    assert factor[0] == pytest.approx(factor[1])
    assert not 0.9 < factor[0] < 1.1
    again = scaled_to_squared_error(scaled, *arguments)
    torch.testing.assert_close(scaled(x, target), again(x, target))


def write_sound(path: Path, seconds: float, level: float, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise: Float32 = np.random.default_rng(seed).standard_normal(round(seconds * RATE_HZ)).astype(np.float32)
    soundfile.write(path, level * noise, RATE_HZ)


@pytest.fixture(scope="module")
def shared_like(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("data")
    rows = [["file", "role", "label", "kind"]]
    for kind in ("bark", "crow"):
        for i in range(4):
            write_sound(data / f"{kind}{i}.wav", 0.5, 0.1, i)
            rows.append([f"{kind}{i}.wav", "event_train", "event", kind])
    rows.append(["never.wav", "event_test", "event", "hoot"])
    with (data / "index.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    write_sound(data / "flight.wav", 8.0, 0.02, 9)
    return data


def test_labelled_sounds_lie_where_their_index_says_at_one_of_three_levels(
    shared_like: Path, tmp_path: Path
) -> None:
    index = labelled_sounds(tmp_path, shared_like, "bark", [shared_like / "flight.wav"], count=3, seed=0)
    stretches = gather_anomalies([index])
    assert 3 == len(stretches)
    for stretch in stretches:
        samples, _ = soundfile.read(stretch.file)
        assert (CONTEXT_S, CONTEXT_S + 0.5) == (stretch.onset_s, stretch.offset_s)
        middle = samples[round(CONTEXT_S * RATE_HZ) : round((CONTEXT_S + 0.5) * RATE_HZ)]
        snr_db = 10 * np.log10(np.square(middle).mean() / np.square(samples[:RATE_HZ]).mean() - 1.0)
        assert min(abs(snr_db - wanted) for wanted in (6.0, 0.0, -6.0)) < 1.5


def test_only_sounds_that_no_test_has_are_labelled_and_each_once(shared_like: Path, tmp_path: Path) -> None:
    assert ["bark", "crow"] == sound_kinds(shared_like)
    with pytest.raises(NoSoundError, match="4 recordings of bark"):
        labelled_sounds(tmp_path, shared_like, "bark", [shared_like / "flight.wav"], count=5, seed=0)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((0.8, 0.7, 0.9), (0.7, 0.6, 0.8), Answer.ABOVE),
        ((0.8, 0.7, 0.9), (0.9, 0.8, 0.95), Answer.BELOW),
        ((0.8, 0.7, 0.9), (0.7, 0.8, 0.8), Answer.NONE),
        ((0.8, 0.7, 0.9), (0.7, 0.7, 0.8), Answer.NONE),
        ((0.8,), (0.7,), Answer.UNKNOWN),
        ((0.8, None, 0.9), (0.7, 0.6, None), Answer.UNKNOWN),
    ],
)
def test_only_a_difference_with_one_sign_in_every_seed_is_an_answer(
    first: tuple[float | None, ...], second: tuple[float | None, ...], expected: Answer
) -> None:
    found = difference("AUC", dict(enumerate(first)), dict(enumerate(second)))
    assert expected is found.answer


def test_seeds_are_paired_and_not_sorted() -> None:
    found = difference("AUC", {0: 0.9, 2: 0.6}, {2: 0.5, 0: 0.8, 1: 0.7})
    assert (0.1, 0.1) == pytest.approx(found.differences)


def test_a_sentence_says_by_which_figures_there_is_an_answer() -> None:
    above = difference("AUC", {0: 0.9, 1: 0.7}, {0: 0.8, 1: 0.6})
    none = difference("recall", {0: 0.9, 1: 0.5}, {0: 0.8, 1: 0.6})
    assert (
        "`x` is above `y` in all 2 seeds by AUC (+0.100); by recall differences to `y` are within the spread "
        "over seeds: no answer."
    ) == sentence("x", "y", [above, none])


def test_the_report_has_tables_sentences_and_what_is_missing() -> None:
    question = QUESTIONS[1]
    areas = {"sparse": (0.8, 0.9), "dense": (0.7, 0.6), "none": (0.85, 0.5)}
    trials = tuple(
        Trial(
            "b",
            name,
            seed,
            (Result(name, "mean", {"window_auc": auc, "recall_at_1pc": auc}),),
            60.0,
            10,
            "lamp_4",
        )
        for name, of_seeds in areas.items()
        for seed, auc in enumerate(of_seeds)
    )
    found = report_of([Asked(question, trials, 3)])
    assert "| sparse | mean | .850 (.800 to .900) | .850 (.800 to .900) | - | - | 2 |" in found
    assert (
        "- `sparse` is above `dense` in all 2 seeds by window AUC (+0.200), recall at 1 % (+0.200)." in found
    )
    assert (
        "`sparse` by window AUC, recall at 1 % differences to `none` are within the spread over seeds"
        in found
    )
    assert "6 nets were trained and judged in 6.0 CPU minutes; 3 more were not made." in found
    assert "Questions a, c, d, e-kinds, e-general were left out." in found


def kept_in(work: Path, truth: str) -> Keep:
    (work / "streams" / "uav").mkdir(parents=True, exist_ok=True)
    (work / "streams" / "uav" / "truth.csv").write_text(truth)
    return Keep(work / "shared", work / "streams", work)


def test_a_trial_is_kept_under_its_recipe_and_its_data(tmp_path: Path) -> None:
    question = QUESTIONS[1]
    variant = question.variants[0]
    keep = kept_in(tmp_path, "file\n")
    result = Result(variant.name, "mean", {"window_auc": 0.5, "inside_auc": None})
    trial = Trial("b", variant.name, 1, (result,), 3.5, 10, "squared_error")
    assert keep.trial(question, variant, 1) is None
    path = keep.path(question, variant, 1)
    keep.add(path, trial)
    assert trial == keep.trial(question, variant, 1)
    assert keep.trial(question, variant, 0) is None
    assert keep.trial(question, replace(variant, epochs=11), 1) is None
    assert kept_in(tmp_path, "file\nother").trial(question, variant, 1) is None
    path.write_text("{")
    with pytest.raises(TrainingError, match="is damaged"):
        keep.trial(question, variant, 1)


def test_the_first_seed_of_all_comes_first_and_slow_variants_only_if_asked_for() -> None:
    jobs = [
        (question.name, variant.name, seed) for question, variant, seed in jobs_of(QUESTIONS, 2, slow=False)
    ]
    assert [0] * (len(jobs) // 2) + [1] * (len(jobs) // 2) == [seed for _, _, seed in jobs]
    slow = {variant for _, variant, _ in jobs_of(QUESTIONS, 1, slow=True)} - {
        variant for _, variant, _ in jobs_of(QUESTIONS, 1, slow=False)
    }
    assert ["aisfx"] == [variant.name for variant in slow]


def test_an_unknown_question_is_refused() -> None:
    assert ["e-kinds", "e-general"] == [question.name for question in questions_of(["e"])]
    with pytest.raises(TrainingError, match="there are a, b, c, d, e"):
        questions_of(["f"])
