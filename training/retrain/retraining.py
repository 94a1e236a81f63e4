"""`wheeltapper retrain` itself: from the labels of a source to a bundle, each step once, kills included.

STATE_DIR/retrain/SOURCE/labelled/   sound of labelled events (training.retrain.material)
                         material/   what normal sound is learned from
                         bundle/     the bundle, whole; it is installed from here
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from engines.bundle import Bundle
from monitor.config import Config, SourceConfig
from monitor.errors import RecordError
from monitor.learning.steps import How, refuse_too_little
from monitor.promotion.learned import LABELS
from monitor.publish.fields import rfc3339_from_utc_s
from monitor.recording.given import GivenFile, given_files
from monitor.recording.learn_folder import MATERIAL, RETRAINED, LearnFolder
from monitor.recording.spans import recorded_spans
from monitor.replay.kept.reading import StoreReader
from training.errors import TrainingError
from training.learn.teaching import Lesson, teach
from training.retrain.dealing import Deal, dealt
from training.retrain.judging import Found, Judges, found_in
from training.retrain.material import Gathered, folder_of_held, gather_labelled, gathered_at, key_of_labels
from training.retrain.said import Disagreement, Said, said_of_source
from training.retrain.telling import (
    lines_of_found,
    lines_of_gathered,
    lines_of_limit,
    lines_of_said,
    why_nothing_is_learned,
)

RUN = "wheeltapper retrain"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be retrained, and how."""

    config: Config
    """Of the box."""
    source: SourceConfig
    """Whose bundle."""
    data: tuple[Path, ...] = ()
    """Normal sound; empty: what `learn` learned from."""
    how: How = How()  # noqa: RUF009 - frozen
    """How much is spent on it."""


def retrain(order: Order, say: Say) -> Bundle:
    """Return the bundle of the source's labels, made now or found whole, and tell what it is worth.

    Raises:
        StoreError: The store cannot be read, or the disk refuses.
        RecordError: The normal sound is not there, or too little for a limit.
        TrainingError: No label serves, or the sound does not allow it.
        CalibrationError: No honest limit can be fitted; the training is kept.
    """
    config, source_id = order.config, order.source.id
    with (
        LearnFolder(config.state_dir / RETRAINED / source_id) as work,
        closing(StoreReader(config.state_dir)) as reader,
    ):
        said = said_of_source(reader.store, source_id)
        for line in lines_of_said(said):
            say(line)
        deal = dealt(said.events)
        files = _normal_files(order)
        key = key_of_labels(files, deal, said)
        gathered = gathered_at(work.place, key)
        if gathered is None:
            gathered = gather_labelled(work, reader, source_id, files, said, deal)
        for line in lines_of_gathered(gathered, deal):
            say(line)
        if not gathered.used:
            raise TrainingError(f"{source_id}: {why_nothing_is_learned(said, deal, gathered)}")
        refuse_too_little(gathered.normal.calibrate_s)
        goes_on = work.begin_learning(f"{key} {order.how.key}")
        if work.bundle.exists():
            say("these labels were learned before; nothing is made anew")
        lesson = _lesson(order, work, goes_on, gathered, labels_text(said, deal, gathered))
        bundle, calibration = teach(lesson, say)
        budget = config.alarm_for(order.source).false_alarms_per_week
        found = _found(order, work, gathered, deal, bundle)
        for line in (*lines_of_found(found), *lines_of_limit(gathered, calibration, budget)):
            say(line)
        return bundle


def labels_text(said: Said, deal: Deal, gathered: Gathered) -> str:
    """Return labels.json: what the bundle has learned from, and what is left to judge it by."""
    served = {piece.event_id for piece in gathered.held}
    tree = {
        "schema": 1,
        "used": list(gathered.used),
        "held_out": [event.event_id for event in deal.held_out if event.event_id in served],
        "unseen_kinds": list(deal.unseen_kinds),
        "recorded": recorded_spans(gathered.normal.folder),
        "who_disagreed": [_disagreement(one) for one in (*said.disagreed, *said.kind_disagreed)],
    }
    return json.dumps(tree, indent=1, ensure_ascii=False) + "\n"


def _disagreement(one: Disagreement) -> dict[str, object]:
    said = [
        {
            "who": label.who,
            "rating": label.rating,
            "fault_code": label.fault_code,
            "at": rfc3339_from_utc_s(label.at_utc_s),
        }
        for label in one.said
    ]
    return {"event_id": one.event_id, "said": said}


def _normal_files(order: Order) -> list[GivenFile]:
    if order.data:
        return given_files(list(order.data))
    learned = order.config.state_dir / "learn" / order.source.id / MATERIAL
    if not learned.is_dir():
        raise RecordError(
            f"{learned}: nothing was learned on this box for {order.source.id}, so its normal sound is not "
            "known; give the sound that its bundle was learned from with --data"
        )
    return given_files([learned])


def _lesson(order: Order, work: LearnFolder, goes_on: bool, gathered: Gathered, labels: str) -> Lesson:  # noqa: FBT001 - Lesson names it
    return Lesson(
        material=gathered.normal.folder,
        learn_s=gathered.normal.train_s,
        out=work.bundle,
        goes_on=goes_on,
        epochs=order.how.epochs,
        threads=order.how.threads,
        widths=order.how.widths,
        anomalies=gathered.anomalies,
        files={LABELS: labels},
        run=RUN,
    )


def _found(order: Order, work: LearnFolder, gathered: Gathered, deal: Deal, bundle: Bundle) -> list[Found]:
    calibrate = [one.path for one in given_files([gathered.normal.folder]) if one.role == "calibrate"]
    judges = Judges(bundle, calibrate, order.config, order.source)
    return found_in(gathered.held, folder_of_held(work.place), deal.unseen_kinds, judges)
