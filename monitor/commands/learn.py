"""`wheeltapper learn SOURCE`: from a microphone to a calibrated bundle, in one command, kills included."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
from contextlib import closing
from pathlib import Path
from typing import Any

from engines.bundle import Bundle
from monitor.calibration import Calibration
from monitor.commands.hearing import whole_number
from monitor.commands.learned_bundle import put_in_place
from monitor.commands.record import choose_source, hours, say_if_protected, stop_asked
from monitor.commands.record import run as record
from monitor.config import Config, SourceConfig, WindowConfig
from monitor.errors import ExtraMissingError, RecordError
from monitor.listening import Ear, open_ear
from monitor.recording.given import GivenFile, given_files
from monitor.recording.learn_folder import LearnFolder
from monitor.recording.material import ODD, ODD_INDEX, Material, key_of_files, make_material, material_at
from monitor.recording.microphone import CHECK_S, check_microphone
from monitor.recording.odd import odd_in_files
from monitor.recording.packed import pack
from monitor.recording.promise import promise_of
from monitor.recording.quality_meter import measures_of_files
from monitor.recording.sound_report import lines_of_measures
from monitor.sources import open_sources

TEACHING = "training.learn.teaching"
ENOUGH = 0.95
"""A recording with gaps has less than it was to have; so much of it is enough to go on."""
MOST_ODD = 0.2
"""Above it nobody can say which part is the normal one."""
LEAST_CALIBRATE_S = 330.0
"""300 windows, the least that a limit is fitted to, and a little more."""
TOLD = 10
"""So many odd stretches are told; odd.csv has all."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("source", metavar="SOURCE", help="id of a source of the configuration")
    parser.add_argument("--config", type=Path, help="default: ./config.yaml")
    sound = parser.add_mutually_exclusive_group(required=True)
    sound.add_argument("--hours", type=hours, metavar="H", help="record so much normal sound, kills included")
    sound.add_argument(
        "--data", type=Path, nargs="+", metavar="PATH",
        help="learn from normal sound recorded before: folders, index.csv or sound files",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, metavar="DIR",
        help="put the bundle there, in place of making it the source's candidate",
    )  # fmt: skip
    parser.add_argument(
        "--export", type=Path, metavar="FILE.tar",
        help="pack the sound for a machine with torch, and say what to run there, in place of learning here",
    )  # fmt: skip
    parser.add_argument(
        "--keep-odd", action="store_true",
        help="learn from stretches that are unlike the rest too: they were listened to, and are normal",
    )  # fmt: skip
    parser.add_argument("--anyway", action="store_true", help="record even if the microphone seems useless")
    parser.add_argument("--epochs", type=whole_number, help="passes; default: as the hours need")
    parser.add_argument("--threads", type=whole_number, help="CPU threads; default: one for each core")
    parser.add_argument("--widths", help="channels of each stage, as for `wheeltapper train`")


def run(arguments: argparse.Namespace) -> int:
    """Go through the steps, each from where it stands; 1 where the recording is not complete yet."""
    config, chosen = choose_source(arguments.source, arguments.config)
    if arguments.export is None:
        _require_torch(arguments)
    ear = open_ear(None, WindowConfig(), config.input_quality)
    with LearnFolder(config.state_dir / "learn" / chosen.id) as work:
        if arguments.data is None and not _recorded(arguments, config, chosen, ear, work):
            return 1
        files = given_files(arguments.data or [work.recordings])
        _refuse_too_little(sum(file.seconds for file in files if file.role == "calibrate"))
        material = _material(arguments, chosen.id, files, ear, work)
        _refuse_too_odd(arguments, material)
        _refuse_too_little(material.calibrate_s)
        if arguments.export is not None:
            _export(arguments.export, material, chosen)
            return 0
        bundle, calibration = _learned(arguments, material, work)
        _report(config, chosen, material, calibration)
        for line in put_in_place(bundle, config, chosen, arguments.out):
            _say(line)
    return 0


def _require_torch(arguments: argparse.Namespace) -> None:
    if importlib.util.find_spec("torch") is None:
        sound = f"--hours {arguments.hours:g}" if arguments.data is None else "--data ..."
        raise ExtraMissingError(
            "torch is missing, without which nothing is learned here: pip install 'wheeltapper[train]', or "
            f"record here and learn elsewhere: wheeltapper learn {arguments.source} {sound} --export "
            f"{arguments.source}.tar"
        )


def _recorded(
    arguments: argparse.Namespace, config: Config, chosen: SourceConfig, ear: Ear, work: LearnFolder
) -> bool:
    """Check the microphone at the very first, record what is missing, and return whether all is there."""
    had_s = _recorded_s(work)
    if had_s < ENOUGH * arguments.hours * 3600:
        if not had_s:
            _check(arguments, config, chosen, ear)
        words = {"source": chosen.id, "config": arguments.config, "hours": arguments.hours, "minutes": None}
        more = {"out": work.recordings, "file_minutes": 1.0, "role": None, "json": None}
        record(argparse.Namespace(**words, **more))
        had_s = _recorded_s(work)
    if had_s >= ENOUGH * arguments.hours * 3600:
        return True
    _say(
        f"{had_s / 3600:.2f} h of {arguments.hours:g} h are recorded; the same command goes on. To learn "
        f"from what there is: wheeltapper learn {chosen.id} --data {work.recordings}"
    )
    return False


def _recorded_s(work: LearnFolder) -> float:
    if not (work.recordings / "index.csv").is_file():
        return 0.0
    return sum(file.seconds for file in given_files([work.recordings]))


def _check(arguments: argparse.Namespace, config: Config, chosen: SourceConfig, ear: Ear) -> None:
    """Listen for a while before hours are spent.

    Raises:
        RecordError: Nothing of use would be recorded, and --anyway was not said.
    """
    say_if_protected(config, chosen)
    _say(f"checking {chosen.id} for {CHECK_S:g} s; the machine should run as it usually does")
    (source,) = open_sources([chosen])
    with closing(source), stop_asked() as stopped:
        report = check_microphone(source, ear, stopped=stopped)
    for line in report.lines():
        _say(line)
    if report.forbids and not arguments.anyway:
        reasons = "; ".join(verdict.text for verdict in report.forbids)
        raise RecordError(f"{chosen.id}: {reasons}. Mend it and run the same command, or add --anyway")


def _material(
    arguments: argparse.Namespace, source_id: str, files: list[GivenFile], ear: Ear, work: LearnFolder
) -> Material:
    """Return what is learned from, and tell what was found in the sound; made before: return that."""
    key = key_of_files(files, "keep odd" if arguments.keep_odd else "set odd aside")
    if (found := material_at(work.material, key)) is not None:
        return found
    total_s = sum(file.seconds for file in files)
    _say(f"looking through {total_s / 3600:.2f} h in {len(files)} files")
    paths = [file.path for file in files]
    for line in lines_of_measures(measures_of_files(paths, ear)):
        _say(line)
    odd = odd_in_files(paths, ear)
    if not odd.looked:
        _say("too little sound to look for odd stretches")
    for one in odd.stretches[:TOLD]:
        _say(f"odd        {one.file.name} from {one.start_s:.0f} to {one.end_s:.0f} s: {one.reason}")
    if len(odd.stretches) > TOLD:
        _say(f"odd        {len(odd.stretches)} stretches in all")
    stretches = () if arguments.keep_odd else odd.stretches
    made = make_material(work.material, files, stretches, source_id=source_id, key=key)
    if stretches:
        _say(
            f"set aside  {made.odd_s / 60:.1f} min; listen to them: {made.folder / ODD}, listed in "
            f"{ODD_INDEX}. If all of them are normal: the same command with --keep-odd. If not, look at the "
            "machine"
        )
    return made


def _refuse_too_odd(arguments: argparse.Namespace, material: Material) -> None:
    odd = material.odd_s / (material.train_s + material.calibrate_s + material.odd_s)
    if odd > MOST_ODD and not arguments.keep_odd:
        raise RecordError(
            f"{odd:.0%} of the sound is unlike the rest, too much to set "
            f"aside: listen to {material.folder / ODD}; if all of it is normal, add --keep-odd, else "
            "record while the machine surely runs normally"
        )


def _refuse_too_little(calibrate_s: float) -> None:
    if calibrate_s < LEAST_CALIBRATE_S:
        raise RecordError(
            f"{calibrate_s / 60:.1f} min of sound for the alarm limit are too little, "
            f"{LEAST_CALIBRATE_S / 60:.1f} are needed: 20 min in all at the least, and hours for a limit to "
            "trust: --hours with a larger number goes on with the recording"
        )


def _export(to: Path, material: Material, chosen: SourceConfig) -> None:
    commands = pack(material, to, source_id=chosen.id)
    _say(f"packed     {to} ({to.stat().st_size / 1e6:.0f} MB). Where torch is installed, run:")
    for command in commands:
        _say(f"    {command}")
    _say(f"then bring the folder here: wheeltapper bundle install {chosen.id} {chosen.id}-bundle")


def _learned(
    arguments: argparse.Namespace, material: Material, work: LearnFolder
) -> tuple[Bundle, Calibration]:
    """Return the bundle of this material with its limit, made now or found whole."""
    teaching: Any = importlib.import_module(TEACHING)
    goes_on = work.begin_learning(f"{material.key} {arguments.epochs} {arguments.widths}")
    if work.bundle.exists():
        _say("this sound was learned before; nothing is made anew")
    lesson = teaching.Lesson(
        material=material.folder,
        learn_s=material.train_s,
        out=work.bundle,
        goes_on=goes_on,
        epochs=arguments.epochs,
        threads=arguments.threads,
        widths=arguments.widths,
    )
    bundle, calibration = teaching.teach(lesson, _say)
    return bundle, calibration


def _report(config: Config, chosen: SourceConfig, material: Material, calibration: Calibration) -> None:
    budget = (chosen.alarm or config.alarm).false_alarms_per_week
    _say(
        f"learned    from {material.train_s / 60:.1f} min; the limit from {material.calibrate_s / 60:.1f} "
        f"min, {material.odd_s / 60:.1f} min set aside before and {calibration.set_aside_windows} windows "
        "after"
    )
    for sentence in promise_of(calibration, budget):
        _say(f"promise    {sentence}")


def _say(line: str) -> None:
    print(line, flush=True)
