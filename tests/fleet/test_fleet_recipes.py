"""Recipes are checked whole before anything begins, and seeds follow from machine and recipe alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.fleet.errors import FleetError
from training.fleet.recipes import Recipe, recipes_of_file, split_seed
from training.train_arguments import design_of, settings_of


def recipes(folder: Path, text: str) -> list[Recipe]:
    path = folder / "recipes.yaml"
    path.write_text(text)
    return recipes_of_file(path)


def test_a_recipe_is_what_train_would_have_been_told(tmp_path: Path) -> None:
    (recipe,) = recipes(
        tmp_path, "recipes: [{name: small, kind: ae, widths: [8, 16], epochs: 3, frames: 128}]"
    )
    arguments = recipe.arguments(tmp_path / "out", seed=7)
    assert ("ae", (8, 16)) == (design_of(arguments).kind, design_of(arguments).widths)
    assert (3, 7) == (settings_of(arguments).epochs, settings_of(arguments).seed)
    assert (128, False, tmp_path / "out") == (arguments.frames, arguments.no_calibration, arguments.out)


def test_a_grid_is_every_combination_named_for_what_varies(tmp_path: Path) -> None:
    found = recipes(tmp_path, "grid: {kind: [mdae, dae], frames: [64, 128], epochs: [5]}")
    assert ["mdae-frames-64", "mdae-frames-128", "dae-frames-64", "dae-frames-128"] == [r.name for r in found]
    assert {5} == {r.arguments(tmp_path, seed=0).epochs for r in found}


def test_a_list_and_a_grid_go_together_and_without_a_file_there_is_the_recommended_kind(
    tmp_path: Path,
) -> None:
    found = recipes(tmp_path, "recipes: [{kind: dense}]\ngrid: {kind: [ae], no_calibration: [true, false]}")
    assert ["dense", "ae-no_calibration-True", "ae-no_calibration-False"] == [r.name for r in found]
    assert [False, True, False] == [r.arguments(tmp_path, seed=0).no_calibration for r in found]
    assert [Recipe("mdae", ("mdae",))] == recipes_of_file(None)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("recipes: [{kind: nonsense}]", "recipe nonsense: argument KIND: invalid choice: 'nonsense'"),
        ("recipes: [{kind: ae, epoch: 3}]", "recipe ae: unrecognized arguments: --epoch 3"),
        ("recipes: [{kind: ae, epochs: none}]", "recipe ae: argument --epochs: invalid whole number"),
        ("recipes: [{kind: ae, seed: 3}]", "recipe ae: seed has no place here: seeds are derived"),
        (
            "recipes: [{kind: ae, anomalies: x}]",
            "anomalies has no place here: a fleet learns from normal sound",
        ),
        ("recipes: [{kind: ae}, {kind: ae, epochs: 3}]", "two recipes are called ae; give them other names"),
        ("recipes: [{kind: ae, name: ../x}]", "'../x' cannot name a folder"),
        ("recipes: ae", "`recipes` is no list"),
        ("grid: {kind: ae}", "`grid` is no table of lists"),
        ("grids: {}", "give `recipes`, a list, or `grid`"),
        ("recipes: [", "cannot be read"),
    ],
)
def test_a_recipe_that_cannot_be_followed_is_refused_by_name(
    tmp_path: Path, text: str, complaint: str
) -> None:
    with pytest.raises(FleetError) as refused:
        recipes(tmp_path, text)
    assert complaint in str(refused.value)


def test_seeds_differ_by_machine_and_recipe_and_never_change(tmp_path: Path) -> None:
    small, large = recipes(tmp_path, "grid: {kind: [ae], epochs: [1, 2]}")
    seeds = [recipe.seed(machine) for recipe in (small, large) for machine in ("pump-1", "pump-2")]
    assert 4 == len(set(seeds))
    assert small.seed("pump-1") == Recipe("another name", small.words).seed("pump-1")
    assert split_seed("pump-1") not in {split_seed("pump-2"), *seeds}
    assert all(0 <= seed < 2**31 for seed in seeds)
