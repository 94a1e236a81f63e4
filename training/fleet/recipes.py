"""What is tried on each machine: named sets of the options of `wheeltapper train`, from a YAML file.

    recipes:                        a list
      - {name: small, kind: ae, widths: [16, 32]}
    grid:                           and every combination of these
      kind: [mdae, dae]
      frames: [64, 128]

Options are those of `wheeltapper train`, checked by its own parser. A file may have either or both.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, NoReturn

import yaml

from training.fleet.errors import FleetError
from training.train_arguments import add_arguments

DEFAULT_KIND = "mdae"
NOT_HERE = {
    "data": "the fleet gives each machine its own",
    "out": "the fleet gives each machine its own",
    "calibrate": "give the rows of the index the role calibrate",
    "anomalies": "a fleet learns from normal sound only",
    "set": "give the index a column machine",
    "seed": "seeds are derived from machine and recipe",
    "threads": "give it to the command: --threads",
    "device": "give it to the command: --gpu-share",
    "resume": "a fleet always goes on with what is missing",
    "force": "remove what is to be made anew",
}
"""Options that a recipe cannot have, and why."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """A kind of model with its options."""

    name: str
    """Of its folder, and in tables."""
    words: tuple[str, ...]
    """For the parser of `wheeltapper train`, the kind first."""

    def arguments(self, out: Path, *, seed: int) -> argparse.Namespace:
        """Return what `wheeltapper train` would have been told.

        Raises:
            FleetError: It would have refused.
        """
        parser = _Parser(prog=self.name, add_help=False, allow_abbrev=False)
        add_arguments(parser)
        words = [*self.words, "--data", "given", "--out", str(out), "--seed", str(seed)]
        return parser.parse_args(words)

    def seed(self, machine: str) -> int:
        """Return the seed of this recipe's weights on a machine; nobody else's is the same but by chance."""
        return _number(json.dumps([machine, *self.words]))


def split_seed(machine: str) -> int:
    """Return the seed of a machine's shares of sound, the same for all recipes, so that they compare."""
    return _number(json.dumps([machine]))


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise FleetError(f"recipe {self.prog}: {message}; see wheeltapper train --help")


def recipes_of_file(path: Path | None) -> list[Recipe]:
    """Return the recipes of a YAML file, checked; without one, the recommended kind.

    Raises:
        FleetError: The file or a recipe cannot be used; the text names the recipe and the option.
    """
    if path is None:
        return [Recipe(DEFAULT_KIND, (DEFAULT_KIND,))]
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise FleetError(f"--recipes {path}: cannot be read: {error}; give another file") from error
    if not isinstance(tree, dict) or not tree or set(tree) - {"recipes", "grid"}:
        raise FleetError(f"--recipes {path}: give `recipes`, a list, or `grid`, or both, and nothing else")
    recipes = [_recipe(options, path) for options in _listed(tree, path)]
    recipes += [_recipe(options, path) for options in _combined(tree, path)]
    names = [recipe.name for recipe in recipes]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise FleetError(f"--recipes {path}: two recipes are called {twice[0]}; give them other names")
    for recipe in recipes:
        recipe.arguments(Path("out"), seed=0)
    return recipes


def _listed(tree: Mapping[str, Any], path: Path) -> list[dict[str, Any]]:
    found = tree.get("recipes", [])
    if not isinstance(found, list) or not all(isinstance(options, dict) for options in found):
        raise FleetError(f"--recipes {path}: `recipes` is no list of options such as - {{kind: mdae}}")
    return [{"name": options.get("kind", DEFAULT_KIND), **options} for options in found]


def _combined(tree: Mapping[str, Any], path: Path) -> Iterator[dict[str, Any]]:
    """Yield the combinations of the grid, each named for its kind and for what varies."""
    grid = tree.get("grid", {})
    if not isinstance(grid, dict) or not all(isinstance(v, list) and v for v in grid.values()):
        raise FleetError(f"--recipes {path}: `grid` is no table of lists such as kind: [mdae, dae]")
    if not grid:
        return
    for values in product(*grid.values()):
        options = dict(zip(grid, values, strict=True))
        varied = [
            f"{key}-{_text(value)}"
            for key, value in options.items()
            if len(grid[key]) > 1 and key not in {"kind", "name"}
        ]
        yield {"name": "-".join([str(options.get("kind", DEFAULT_KIND)), *varied]), **options}


def _recipe(options: Mapping[str, Any], path: Path) -> Recipe:
    name = str(options["name"])
    if not name or any(not (c.isalnum() or c in "-_,.+=") for c in name) or name.startswith("."):
        raise FleetError(f"--recipes {path}: {name!r} cannot name a folder; use letters, digits and -_,+=")
    words = [str(options.get("kind", DEFAULT_KIND))]
    for key in sorted(set(options) - {"name", "kind"}):
        option = key.replace("_", "-")
        if option in NOT_HERE:
            raise FleetError(f"--recipes {path}: recipe {name}: {key} has no place here: {NOT_HERE[option]}")
        words += _words(option, options[key])
    return Recipe(name, tuple(words))


def _words(option: str, value: object) -> list[str]:
    if isinstance(value, bool):
        return [f"--{option}"] if value else []
    return [f"--{option}", _text(value)]


def _text(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
