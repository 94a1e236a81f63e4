"""What is asked: for each question the variants, which differ in one thing, and the pairs that answer it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from training.errors import TrainingError
from training.models import ModelDesign
from training.train import TrainingSettings

WIDTHS = (16, 32, 48, 64)
"""Half of what we recommend: variants are compared with each other, at a quarter of the work."""
EPOCHS = 10
STREAMS, LABELLED_STREAMS, CLIPS = "streams", "labelled streams", "clips"
LABELS_MAX = 10
DRA_EPOCHS, DRA_BATCH = 6, 32
"""Its steps cost twice those of others; batches are as in its source, so that there are as many steps."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One way of making a detector."""

    name: str
    """As in the tables; unique within its question."""
    design: ModelDesign
    loss: str = "squared"
    """A name in training.losses."""
    is_matched: bool = False
    """Whether the loss is scaled to the gradient norm of the squared error."""
    learning_rate_factor: float = 1.0
    epochs: int = EPOCHS
    """At most so many."""
    batch_windows: int = TrainingSettings().batch_windows
    """Normal windows in one step."""
    labels: int = 0
    """Labelled anomalies to learn from."""
    is_slow: bool = False
    """Whether it is left out unless asked for."""


@dataclass(frozen=True, slots=True)
class Question:
    """Variants on the same sound, and which of them are compared."""

    name: str
    """The first letter is what `--only` takes."""
    asked: str
    """For the reader, with a question mark."""
    protocol: str
    """What was done, for the reader."""
    asked_on: str
    """STREAMS, LABELLED_STREAMS or CLIPS."""
    variants: tuple[Variant, ...]
    figures: tuple[tuple[str, str], ...]
    """(name, heading) of the columns."""
    answering: tuple[str, ...]
    """Names of the figures by which pairs are compared."""
    pairs: tuple[tuple[str, str], ...]
    """Rows that are compared: a variant's name, and after a comma how it was read, if in several ways."""


def _designed(kind: str, **options: object) -> ModelDesign:
    return replace(ModelDesign(kind, WIDTHS), **options)  # type: ignore[arg-type]


STREAM_FIGURES = (
    ("window_auc", "window AUC"),
    ("recall_at_1pc", "recall at 1 %"),
    ("frame_auc", "frame AUC"),
    ("inside_auc", "inside"),
)
LABELLED_FIGURES = (
    ("seen_auc", "AUC, seen kind"),
    ("unseen_auc", "AUC, other sounds"),
    ("fault_auc", "AUC, broken propeller"),
    ("seen_recall", "recall at 1 %, seen kind"),
    ("unseen_recall", "recall at 1 %, all other kinds"),
)
OURS, PAPER = "patches 16x4, ratio .5 (ours)", "patches 4x4, ratio .3 (paper)"
SQUARED = "squared"
EFFICIENTNET, OWN, AISFX = "efficientnet_lite0", "own", "aisfx"


def _dra(labels: int, deviation: str) -> Variant:
    name = f"{labels} labelled, {deviation}"
    design = _designed("dra", deviation=deviation)
    return Variant(name, design, epochs=DRA_EPOCHS, batch_windows=DRA_BATCH, labels=labels)


DRA_LABELS = tuple(_dra(labels, "absolute") for labels in (0, 1, 5, LABELS_MAX))
DRA_LOSSES = tuple(_dra(LABELS_MAX, deviation) for deviation in ("squared", "class_weighted"))
MORE_LABELS = tuple((variant.name, DRA_LABELS[0].name) for variant in DRA_LABELS[1:])
OTHER_LOSSES = tuple((variant.name, DRA_LABELS[-1].name) for variant in DRA_LOSSES)

QUESTIONS = (
    Question(
        "a",
        "Does masked scoring of an MAE beat unmasked scoring?",
        "Each net is trained once a seed and scored twice: with four complementary masks, and without any "
        "as in the paper (arXiv 2601.12660). The scoring head is fitted anew for each. The paper's patches "
        "are tried on our small net, which is told which bins are hidden, as the paper's is not: with none "
        "hidden it meets an input that it never had in training, and may lose a little by that.",
        STREAMS,
        (
            Variant(OURS, _designed("mae")),
            Variant(PAPER, _designed("mae", patch=(4, 4), mask_ratio=0.3)),
        ),
        STREAM_FIGURES,
        ("window_auc", "recall_at_1pc"),
        (
            (f"{OURS}, masked", f"{OURS}, unmasked"),
            (f"{PAPER}, masked", f"{PAPER}, unmasked"),
            (f"{OURS}, masked", f"{PAPER}, unmasked"),
        ),
    ),
    Question(
        "b",
        "Does MemAE need a memory, and a sparse one?",
        "MemAE with hard shrinkage at 2/N, with none (limit 0), and the same net with the memory bypassed: "
        "queries go to the decoder as they are.",
        STREAMS,
        tuple(Variant(memory, _designed("memae", memory=memory)) for memory in ("sparse", "dense", "none")),
        STREAM_FIGURES,
        ("window_auc", "recall_at_1pc"),
        (("sparse", "dense"), ("sparse", "none"), ("dense", "none")),
    ),
    Question(
        "c",
        "Does amplifying large errors in training (LAMP) beat the plain squared error?",
        "The plain AE under each loss; all are scored by squared error. LAMP, cubic and quartic are scaled "
        "so that the mean gradient norm of the first batches is that of the squared error. LAMP's barrier "
        "is the 99.9 % quantile of the absolute standardised training sound (at its maximum LAMP is the "
        "squared error for nearly all bins): one bin in a thousand lies beyond at the start and has no "
        "gradient, bins just before it up to a thousand times their own, and the norm of the whole gradient "
        "is cut at 5 as always. The formula is a reconstruction, not the published one.",
        STREAMS,
        (
            Variant(SQUARED, _designed("ae")),
            Variant("LAMP, matched", _designed("ae"), loss="lamp", is_matched=True),
            Variant("cubic, matched", _designed("ae"), loss="cubic", is_matched=True),
            Variant("quartic, matched", _designed("ae"), loss="quartic", is_matched=True),
            Variant("squared, twice the learning rate", _designed("ae"), learning_rate_factor=2.0),
        ),
        STREAM_FIGURES,
        ("window_auc", "recall_at_1pc"),
        tuple(
            (name, SQUARED)
            for name in (
                "LAMP, matched",
                "cubic, matched",
                "quartic, matched",
                "squared, twice the learning rate",
            )
        ),
    ),
    Question(
        "d",
        "Which levels of HFRAE matter, and which encoder?",
        "One net for each encoder and seed, 4 epochs; levels are left out of the fused map of the same net. "
        "Level 1 is the finest. The mean of the map is HFRAE's own verdict.",
        STREAMS,
        tuple(
            Variant(encoder, _designed("hfrae", encoder=encoder), epochs=4, is_slow=encoder == AISFX)
            for encoder in (EFFICIENTNET, OWN, AISFX)
        ),
        STREAM_FIGURES,
        ("window_auc", "recall_at_1pc"),
        (
            *(
                (f"{name}, all levels", f"{name}, level {n}")
                for name in (EFFICIENTNET, OWN)
                for n in (1, 2, 3)
            ),
            *((f"{EFFICIENTNET}, all levels", f"{name}, all levels") for name in (OWN, AISFX)),
        ),
    ),
    Question(
        "e-kinds",
        "What do 1, 5 and 10 labelled anomalies bring to DRA, for their own kind and for others?",
        f"{DRA_EPOCHS} epochs with batches of {DRA_BATCH} normal windows, half as many labelled ones. "
        "Labels are of one kind of foreign sound, another one for each seed (in the order of the alphabet), "
        "recordings of role event_train mixed at +6, 0 or -6 dB into the flights that set the limit, so "
        "that neither sound nor flight is in the test; fewer labels are the first of the ten. Seen kind: "
        "test events of that kind, from other recordings. All rows of a seed are judged on the same events. "
        "The limit for recall flags 1 % of the clear windows.",
        LABELLED_STREAMS,
        DRA_LABELS + DRA_LOSSES,
        LABELLED_FIGURES,
        ("seen_auc", "unseen_auc", "fault_auc"),
        MORE_LABELS + OTHER_LOSSES,
    ),
    Question(
        "e-general",
        "And where kinds are not told apart (ToyCar id_04)?",
        "Trained alike. Labels are drawn from the anomalous test clips; all ten that a seed may draw are "
        "left out of the test of all its rows. A clip's score is the mean over its windows. One "
        "Gaussian on the mean log-mel has an AUC of .999 on all test clips (docs/benchmark.md).",
        CLIPS,
        DRA_LABELS,
        (("auc", "AUC of clips"), ("pauc", "pAUC")),
        ("auc", "pauc"),
        MORE_LABELS,
    ),
)


def questions_of(letters: Sequence[str]) -> tuple[Question, ...]:
    """Return the questions with these letters, or all where there are none.

    Raises:
        TrainingError: There is no such letter.
    """
    known = sorted({question.name[0] for question in QUESTIONS})
    if unknown := [letter for letter in letters if letter not in known]:
        raise TrainingError(f"--only {','.join(unknown)}: no such question; there are {', '.join(known)}")
    return tuple(question for question in QUESTIONS if not letters or question.name[0] in letters)
