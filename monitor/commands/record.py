"""`wheeltapper record SOURCE --minutes M --out DIR`: normal sound of a machine, to learn from."""

from __future__ import annotations

import argparse
import json
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from monitor.config import Config, SimulatedSource, SourceConfig, WindowConfig, load_config
from monitor.demo import TEXTS, demo_config
from monitor.errors import ConfigError, RecordError, StoreError
from monitor.listening import open_ear
from monitor.recording.folder import RecordFolder
from monitor.recording.recorder import MAX_FILE_MINUTES, MIN_FILE_MINUTES, Recorder, record
from monitor.recording.report import RecordReport
from monitor.sources import open_sources
from monitor.store.files import write_whole

DEFAULT_CONFIG = Path("config.yaml")
MAX_MINUTES = 7 * 24 * 60.0
SHORTEST_S = 3.0
"""Less than this is no file; a recording that lacks no more has all it was to have."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    quick = " or ".join(sorted(TEXTS))
    parser.add_argument(
        "source", metavar="SOURCE", help=f"id of a source of the configuration, or {quick} without one"
    )
    parser.add_argument("--config", type=Path, help=f"default: ./{DEFAULT_CONFIG}")
    length = parser.add_mutually_exclusive_group(required=True)
    length.add_argument(
        "--minutes", type=_minutes(0.0, MAX_MINUTES), help="how long to listen now, gaps included"
    )
    length.add_argument(
        "--hours", type=hours, metavar="H",
        help="how much the folder is to hold of this source in all: after a kill or a power cut the same "
        "command goes on",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, required=True, help="folder; one that has an index.csv is added to"
    )
    parser.add_argument(
        "--file-minutes",
        type=_minutes(MIN_FILE_MINUTES, MAX_FILE_MINUTES),
        default=1.0,
        help="length of a file (default: %(default)g)",
    )
    parser.add_argument(
        "--role", choices=("train", "calibrate"), help="of every file; default: the last 30 %% are calibrate"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report here too")


def run(arguments: argparse.Namespace) -> int:
    """Record and report; 0 when sound was written, 1 when there was none."""
    if arguments.json is not None and not arguments.json.parent.is_dir():
        raise RecordError(f"--json {arguments.json}: there is no folder {arguments.json.parent}; make it")
    config, chosen = choose_source(arguments.source, arguments.config)
    ear = open_ear(None, WindowConfig(), config.input_quality)
    kind = chosen.machine if isinstance(chosen, SimulatedSource) else chosen.kind
    (source,) = open_sources([chosen])
    with (
        closing(source),
        closing(
            RecordFolder(
                arguments.out,
                source_id=chosen.id,
                kind=kind,
                role=arguments.role,
                continues=arguments.hours is not None,
            )
        ) as folder,
        stop_asked() as stopped,
    ):
        wanted_s = _wanted_s(arguments, folder)
        if wanted_s < SHORTEST_S and arguments.hours is not None:
            _say(f"{arguments.out} has {folder.seconds_before / 3600:.2f} h of {chosen.id}: all of it")
            return 0
        _say_start(arguments, chosen, folder, wanted_s)
        say_if_protected(config, chosen)
        recorder = Recorder(chosen.id, ear, folder, limit_s=wanted_s, file_s=arguments.file_minutes * 60)
        try:
            ended = record(source, recorder, stopped=stopped, say=_say)
        except (RecordError, StoreError):
            _tell(recorder.report("a file could not be written"), arguments.json)
            raise
        report = recorder.report(ended)
        _say_total(arguments, folder, report)
    _tell(report, arguments.json)
    return 0 if report.files else 1


def _wanted_s(arguments: argparse.Namespace, folder: RecordFolder) -> float:
    """Return how long to listen now: `--hours` counts what is there already."""
    if arguments.hours is None:
        return float(arguments.minutes * 60)
    return max(0.0, float(arguments.hours * 3600 - folder.seconds_before))


def _say_total(arguments: argparse.Namespace, folder: RecordFolder, report: RecordReport) -> None:
    if arguments.hours is None:
        return
    total_s = folder.seconds_before + report.written_s
    _say(
        f"in all     {total_s / 3600:.2f} h of {arguments.hours:g} h; the same command goes on with the rest"
    )
    if folder.seconds_before:
        _say("           what follows was measured of this run alone")


def choose_source(name: str, path: Path | None) -> tuple[Config, SourceConfig]:
    """Return the source that is meant, ready for normal sound, and the configuration it stands in.

    `microphone` and `simulated` need no configuration. A simulated machine is recorded without its faults.

    Raises:
        ConfigError: The configuration does not fit or has no such source.
    """
    found = None
    if path is not None or name not in TEXTS:
        config = load_config(path or DEFAULT_CONFIG)
        found = next((source for source in config.sources if source.id == name), None)
    if found is None and name in TEXTS:
        config = demo_config(name)
        found = config.sources[0]
    if found is None:
        known = ", ".join(source.id for source in config.sources)
        raise ConfigError(
            f"{path or DEFAULT_CONFIG}: has no source {name!r}; it has {known}; "
            f"{' and '.join(sorted(TEXTS))} need no configuration"
        )
    if isinstance(found, SimulatedSource):
        found = found.model_copy(update={"faults": (), "repeat_every_s": None})
    return config, found


def _say_start(
    arguments: argparse.Namespace, chosen: SourceConfig, folder: RecordFolder, wanted_s: float
) -> None:
    if folder.listed_before or folder.adopted:
        _say(f"{arguments.out} has {folder.listed_before} files already; this recording is added to them")
        if chosen.kind in {"file", "simulated"}:
            _say(f"note: {chosen.id} begins anew each time: do not record the same sound twice")
    if folder.adopted:
        _say(f"{folder.adopted} whole files of an interrupted recording were not listed; they are now")
    if isinstance(chosen, SimulatedSource):
        _say("the simulated machine runs without faults")
    _say(f"recording {chosen.id} for {wanted_s / 60:g} min; Ctrl-C ends it and keeps what there is")


def say_if_protected(config: Config, chosen: SourceConfig) -> None:
    """Tell whoever records that rules for clips do not hold for recordings, where there are any."""
    rules = config.store.for_source(chosen.audio, chosen.speech)
    kept = {"store.audio": rules.audio, "store.speech": rules.speech}
    strict = [f"{key}: {value}" for key, value in kept.items() if value not in {"flagged", "keep"}]
    if strict:
        _say(
            f"NOTE: {' and '.join(strict)} is for clips alone; this recording takes all sound as it is, "
            "speech included: record with nobody at the machine, or everybody told (docs/privacy.md)"
        )


@contextmanager
def stop_asked() -> Iterator[Callable[[], bool]]:
    """Give a function that says whether SIGINT or SIGTERM has come."""
    stop = threading.Event()
    numbers = (signal.SIGINT, signal.SIGTERM)
    before: dict[int, Any] = {n: signal.signal(n, lambda *_: stop.set()) for n in numbers}
    try:
        yield stop.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _tell(report: RecordReport, path: Path | None) -> None:
    for line in report.lines():
        _say(line)
    if path is not None:
        text = json.dumps(report.tree(), indent=1) + "\n"
        write_whole(path, text.encode(), below=path.parent)


def _say(line: str) -> None:
    print(line, flush=True)


def hours(text: str) -> float:
    """Return hours from text.

    Raises:
        ArgumentTypeError: They are more than a week, or none.
    """
    value = float(text)
    if not 0.0 < value <= MAX_MINUTES / 60:
        raise argparse.ArgumentTypeError(f"{text} hours are not between 0 and {MAX_MINUTES / 60:g}")
    return value


def _minutes(low: float, high: float) -> Callable[[str], float]:
    def minutes(text: str) -> float:
        value = float(text)
        if not (low <= value <= high and value > 0):
            raise argparse.ArgumentTypeError(f"{text} minutes are not between {low:g} and {high:g}")
        return value

    return minutes
