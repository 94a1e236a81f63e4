"""The words of `wheeltapper train`: what they are called, and which records they become."""

from __future__ import annotations

import argparse
from pathlib import Path

from monitor.commands.hearing import whole_number
from training.data import FRAMES
from training.deviation import DEVIATIONS
from training.errors import TrainingError
from training.gather import SHARES
from training.heads import HEADS
from training.losses import LOSSES
from training.models import (
    ENCODER,
    MASK_RATIO,
    MODELS,
    SCHEDULES,
    WIDTHS,
    WITHOUT_WIDTHS,
    ModelDesign,
    Schedule,
)
from training.models.encoders import ENCODERS
from training.models.mae import SCORED
from training.models.masks import PATCH
from training.models.memae import MEMORIES
from training.train import TrainingSettings

WITHOUT_LOSS = ("dra", "hfrae")
"""Kinds that do not learn from single bins."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("kind", choices=sorted(MODELS), metavar="KIND", help=", ".join(sorted(MODELS)))
    _add_sound(parser)
    _add_training(parser)
    _add_options_of_kinds(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="BUNDLE", help="folder of the new bundle")
    parser.add_argument("--resume", action="store_true", help="go on with a training that was cut short")
    parser.add_argument("--force", action="store_true", help="replace BUNDLE if it is there, or start anew")


def _add_sound(parser: argparse.ArgumentParser) -> None:
    shares = ", ".join(f"{role} {share:.0%}" for role, share in SHARES.items()).replace("%", "%%")
    parser.add_argument(
        "--data", type=Path, nargs="+", required=True, metavar="PATH",
        help="normal sound: a folder of sound files, or an index.csv with the roles train and calibrate; or "
        "log-mel as .npz (docs/models.md)",
    )  # fmt: skip
    parser.add_argument(
        "--calibrate", type=Path, nargs="+", default=[], metavar="PATH",
        help="normal sound that only sets the alarm limit; without any, recordings of --data are shared "
        f"out: {shares}",
    )  # fmt: skip
    parser.add_argument(
        "--anomalies", type=Path, nargs="+", default=[], metavar="PATH",
        help="labelled anomalies to learn from (dra): a folder of sound files, or an index.csv with label "
        "anomaly and, for stretches of files, onset_s and offset_s",
    )  # fmt: skip
    parser.add_argument("--set", action="append", metavar="NAME", help="only rows of this `set` of an index")
    parser.add_argument("--frames", type=whole_number, default=FRAMES, metavar="N",
        help="length of a window, in frames of 32 ms; longer ones suit faults that are always there; "
        "default: %(default)s")  # fmt: skip
    parser.add_argument("--no-calibration", action="store_true",
        help="leave out the alarm limit: for too little sound to set one; scores stay raw")  # fmt: skip
    parser.add_argument("--set-aside", action="store_true",
        help="calibrate without stretches that do not belong to the rest")  # fmt: skip


def _add_training(parser: argparse.ArgumentParser) -> None:
    defaults = TrainingSettings()
    others = ", ".join(f"{kind} {schedule.epochs}" for kind, schedule in SCHEDULES.items())
    parser.add_argument("--epochs", type=whole_number, help=f"default: {defaults.epochs}; {others}")
    parser.add_argument("--seed", type=int, default=defaults.seed, help="default: %(default)s")
    parser.add_argument(
        "--threads", type=whole_number, help="CPU threads; default: as many as there are cores"
    )
    parser.add_argument("--device", choices=("cpu", "cuda"), default=defaults.device, help="default: cpu")
    parser.add_argument("--mixed-precision", action="store_true",
        help="multiply in bfloat16 where it is safe: for GPUs; weights stay in float32")  # fmt: skip
    parser.add_argument(
        "--widths", type=widths_of_text, default=WIDTHS, metavar="N,N,...",
        help=f"channels of each stage; mdae halves them; default: {','.join(map(str, WIDTHS))}",
    )  # fmt: skip
    parser.add_argument(
        "--loss", choices=tuple(LOSSES), default="squared",
        help="of each bin, for kinds that reconstruct log-mel; default: %(default)s",
    )  # fmt: skip
    parser.add_argument(
        "--head", choices=tuple(HEADS),
        help="how a window becomes a score; default: chosen on pseudo anomalies",
    )  # fmt: skip


def _add_options_of_kinds(parser: argparse.ArgumentParser) -> None:
    options = parser.add_argument_group(
        "of one kind only", "for comparison; the defaults are what we recommend"
    )
    options.add_argument("--scored", choices=SCORED, help="mae: what it is judged by; default: masked")
    options.add_argument(
        "--patch", type=patch_of_text, metavar="MELxFRAMES",
        help=f"mae: size of a patch; default: {PATCH[0]}x{PATCH[1]}",
    )  # fmt: skip
    options.add_argument(
        "--mask-ratio", type=float, metavar="SHARE", help=f"mae: hidden in training; default: {MASK_RATIO}"
    )
    options.add_argument("--memory", choices=tuple(MEMORIES), help="memae: its memory; default: sparse")
    options.add_argument(
        "--encoder", choices=sorted(ENCODERS),
        help=f"hfrae: the frozen encoder that it stands on; default: {ENCODER}",
    )  # fmt: skip
    options.add_argument("--deviation", choices=tuple(DEVIATIONS), help="dra: loss of its heads")


def widths_of_text(text: str) -> tuple[int, ...]:
    """Return channels from `32,64,96,128`.

    Raises:
        ValueError: It is no such list; argparse makes a sentence of it.
    """
    return tuple(whole_number(part) for part in text.split(","))


widths_of_text.__name__ = "list of whole numbers with commas between"  # argparse: "invalid ... value: 'x'"


def patch_of_text(text: str) -> tuple[int, int]:
    """Return (mel, frames) from `16x4`.

    Raises:
        ValueError: It is no such pair; argparse makes a sentence of it.
    """
    mel, frames = text.split("x")
    return whole_number(mel), whole_number(frames)


patch_of_text.__name__ = "pair of whole numbers with x between"


def settings_of(arguments: argparse.Namespace) -> TrainingSettings:
    """Return how the model is trained: as asked for, else as its kind needs."""
    schedule = SCHEDULES.get(arguments.kind, Schedule())
    return TrainingSettings(
        epochs=schedule.epochs if arguments.epochs is None else arguments.epochs,
        batch_windows=schedule.batch_windows,
        patience_epochs=schedule.patience_epochs,
        seed=arguments.seed,
        device=arguments.device,
        mixed_precision=arguments.mixed_precision,
    )


def design_of(arguments: argparse.Namespace) -> ModelDesign:
    """Return the kind of model with its options.

    Raises:
        TrainingError: An option is given that the kind does not have.
    """
    if arguments.kind in WITHOUT_LOSS and arguments.loss != "squared":
        raise TrainingError(
            f"--loss {arguments.loss}: kind {arguments.kind} does not learn from single bins; leave it out"
        )
    if arguments.kind in WITHOUT_WIDTHS and arguments.widths != WIDTHS:
        raise TrainingError(f"--widths: kind {arguments.kind} has sizes of its own; leave it out")
    return ModelDesign(
        kind=arguments.kind,
        widths=arguments.widths,
        scored=arguments.scored,
        patch=arguments.patch,
        mask_ratio=arguments.mask_ratio,
        memory=arguments.memory,
        encoder=arguments.encoder,
        deviation=arguments.deviation,
        head=arguments.head,
    )
