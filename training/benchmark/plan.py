"""Which methods are compared, with how many seeds and on what: the table of the benchmark."""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, replace

from training.data import FRAMES
from training.errors import TrainingError
from training.models import MODELS
from training.train_arguments import add_arguments, design_of, settings_of

STREAM_SETS = ("uav", "dcase_id00")
CLIP_SETS = ("toycar_id_04", "toycar_id_01", "toycar_id_02")
SETS = STREAM_SETS + CLIP_SETS
LEVEL, GAUSSIAN = "level", "gaussian"
CONTROLS = (LEVEL, GAUSSIAN)
SCHEMA = 1
"""Of a row; part of its digest, so that rows of another form are not read."""


@dataclass(frozen=True, slots=True)
class Method:
    """One row of the tables: a control, or what `wheeltapper train` is told."""

    name: str
    """As in the tables and on the command line."""
    words: tuple[str, ...] = ()
    """KIND and options of `wheeltapper train`; a control has none. What is not said is the verb's default."""

    @property
    def is_control(self) -> bool:
        """Whether nothing is trained and no seed matters."""
        return not self.words

    @property
    def kind(self) -> str:
        """The kind of model, or the control's name."""
        return self.name if self.is_control else self.words[0]

    @property
    def frames(self) -> int:
        """Length of its windows; the controls take the usual ones."""
        return FRAMES if self.is_control else int(self.arguments().frames)

    def arguments(self) -> argparse.Namespace:
        """Return the words as the verb understands them; it leaves the program where they are wrong."""
        parser = argparse.ArgumentParser(prog=f"benchmark method {self.name}")
        add_arguments(parser)
        return parser.parse_args([*self.words, "--data", ".", "--out", "."])


RECIPE = "mdae"
"""The method that is recommended."""

HFRAE = ("hfrae", "--epochs", "6")
"""Its encoder makes an epoch ten times as long as another kind's."""
VARIANTS = (
    Method("dense-mean", ("dense", "--head", "mean")),
    Method("dense-steady", ("dense", "--head", "steady")),
    Method("dense-steady-192", ("dense", "--head", "steady", "--frames", "192")),
    Method("mae-mahalanobis", ("mae", "--head", "mahalanobis")),
    Method("dra-verdict", ("dra", "--head", "verdict")),
    Method("hfrae-verdict", (*HFRAE, "--head", "verdict")),
)
"""What only the head or the window makes; what is inside the nets is asked by training.ablations."""
METHODS = (
    *(Method(name) for name in CONTROLS),
    *(Method(kind, HFRAE if kind == "hfrae" else (kind,)) for kind in MODELS),
    *VARIANTS,
)
"""Every kind with the defaults of `wheeltapper train`, and what differs from them by an option."""


@dataclass(frozen=True, slots=True)
class Job:
    """What one row measures."""

    method: Method
    seed: int
    """0 for a control."""
    set: str
    """One of SETS."""

    @property
    def is_of_clips(self) -> bool:
        """Whether it is judged on clips of log-mel rather than on streams."""
        return self.set in CLIP_SETS

    def name(self, data_digest: str) -> str:
        """Return what the row is kept under: its digest changes with the recipe and with the data."""
        recipe: dict[str, object] = {"schema": SCHEMA, "data": data_digest, "kind": self.method.kind}
        if not self.method.is_control:
            arguments = self.method.arguments()
            design = asdict(design_of(arguments))
            recipe |= {key: value for key, value in design.items() if value is not None}
            settings = asdict(replace(settings_of(arguments), seed=self.seed))
            del settings["mixed_precision"]  # no method of the benchmark has it
            recipe |= {**settings, "loss": arguments.loss}
            if arguments.frames != FRAMES:
                recipe |= {"frames": arguments.frames}
        digest = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()
        return f"{self.set}--{self.method.name}--seed{self.seed}--{digest[:10]}"


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a whole benchmark measures."""

    methods: tuple[Method, ...]
    seeds: int
    sets: tuple[str, ...]

    def jobs(self, only: Collection[str] = ()) -> Iterator[Job]:
        """Yield what is to be measured, the first seed of all methods first.

        With `only`, just methods of these names. Controls are measured once; on clips they come
        with every method's row.
        """
        for seed in range(self.seeds):
            for method in self.methods:
                if only and method.name not in only:
                    continue
                for name in self.sets:
                    job = Job(method, seed, name)
                    if not (method.is_control and (seed or job.is_of_clips)):
                        yield job

    def refuse_unknown(self, only: Sequence[str]) -> None:
        """Raise TrainingError where `only` names what is no method of the plan."""
        known = {method.name for method in self.methods}
        if unknown := [name for name in only if name not in known]:
            raise TrainingError(
                f"--only {', '.join(unknown)}: not known; known are {', '.join(sorted(known))}"
            )
