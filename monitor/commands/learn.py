"""`wheeltapper learn SOURCE`: from a microphone to a calibrated bundle, in one command, kills included."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from monitor.calibration import Calibration
from monitor.commands.hearing import whole_number
from monitor.commands.learn_status import lines_of_status
from monitor.commands.learned_bundle import put_in_place
from monitor.commands.record import choose_source, hours, say_if_protected, stop_asked
from monitor.commands.record import run as record
from monitor.config import Config, SourceConfig, WindowConfig
from monitor.errors import ExtraMissingError, RecordError
from monitor.learning.alarms import alarms_in
from monitor.learning.documents import read_found
from monitor.learning.orders import why_too_few
from monitor.learning.place_of_training import can_learn_here
from monitor.learning.plan import read_plan
from monitor.learning.steps import (
    How,
    learn,
    look_through,
    material_of,
    refuse_too_little,
    refuse_too_odd,
    stretch_of,
)
from monitor.listening import Ear, open_ear
from monitor.recording.given import GivenFile, given_files
from monitor.recording.learn_folder import LearnFolder
from monitor.recording.material import ODD, ODD_INDEX, Material
from monitor.recording.microphone import CHECK_S, check_microphone
from monitor.recording.packed import pack
from monitor.recording.promise import promise_of
from monitor.sources import open_sources

ENOUGH = 0.95
"""A recording with gaps has less than it was to have; so much of it is enough to go on."""
TELL_EVERY_S = 15.0
"""How far the look through is is told so often."""
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
    sound.add_argument(
        "--status", action="store_true", help="say how far the daemon is with what the page has asked of it"
    )
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
    if arguments.status:
        for line in lines_of_status(config.state_dir, chosen.id):
            _say(line)
        return 0
    if arguments.export is None:
        _require_torch(arguments)
    ear = open_ear(None, WindowConfig(), config.input_quality)
    with LearnFolder(config.state_dir / "learn" / chosen.id) as work:
        if arguments.data is None and not _recorded(arguments, config, chosen, ear, work):
            return 1
        files = given_files(arguments.data or [work.recordings])
        refuse_too_little(sum(file.seconds for file in files if file.role == "calibrate"))
        material = _material(arguments, config.state_dir, chosen.id, files, ear, work)
        refuse_too_odd(material, "add --keep-odd")
        refuse_too_little(material.calibrate_s)
        if arguments.export is not None:
            _export(arguments.export, material, chosen)
            return 0
        how = How(arguments.epochs, arguments.threads, arguments.widths)
        bundle, calibration = learn(material, work, how, _say)
        _report(config, chosen, material, calibration)
        for line in put_in_place(bundle, config, chosen, arguments.out):
            _say(line)
    return 0


def _require_torch(arguments: argparse.Namespace) -> None:
    if not can_learn_here():
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
        if (why := why_too_few(arguments.hours)) is not None:
            raise RecordError(f"--hours {why}")
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
    arguments: argparse.Namespace,
    state_dir: Path,
    source_id: str,
    files: list[GivenFile],
    ear: Ear,
    work: LearnFolder,
) -> Material:
    """Return what is learned from, and tell what was found in the sound, unless that was told before."""
    before = read_found(work.place)
    alarms = alarms_in(files, state_dir, source_id)
    told = _telling(sum(file.seconds for file in files))
    found = look_through(files, ear, work, say=_say, told=told, alarms=alarms)
    kept = {one.id for one in found.stretches} if arguments.keep_odd else _kept_before(work)
    made = material_of(files, found, kept, work, source_id)
    if before is not None and before.key == found.key:
        return made
    for line in found.lines:
        _say(line)
    if not found.looked:
        _say("too little sound to look for odd stretches")
    for one in found.stretches[:TOLD]:
        file = Path(one.file).name
        _say(f"odd        {file} from {one.start_s:.0f} to {one.end_s:.0f} s: {stretch_of(one).reason}")
    if len(found.stretches) > TOLD:
        _say(f"odd        {len(found.stretches)} stretches in all")
    if made.odd_s:
        _say(
            f"set aside  {made.odd_s / 60:.1f} min; listen to them: {made.folder / ODD}, listed in "
            f"{ODD_INDEX}. If all of them are normal: the same command with --keep-odd. If not, look at the "
            "machine"
        )
    return made


def _telling(total_s: float) -> Callable[[float], None]:
    """Return what tells now and then how far the look through so much sound is."""
    heard_s, next_s = 0.0, time.monotonic() + TELL_EVERY_S

    def told(seconds: float) -> None:
        nonlocal heard_s, next_s
        heard_s += seconds
        if time.monotonic() >= next_s:
            next_s = time.monotonic() + TELL_EVERY_S
            _say(f"looked     through {heard_s / 60:.0f} of {total_s / 60:.0f} min")

    return told


def _kept_before(work: LearnFolder) -> tuple[str, ...]:
    """Return the odd stretches that somebody found to be normal on the page."""
    plan = read_plan(work.place)
    return () if plan is None else plan.kept


def _export(to: Path, material: Material, chosen: SourceConfig) -> None:
    commands = pack(material, to, source_id=chosen.id)
    _say(f"packed     {to} ({to.stat().st_size / 1e6:.0f} MB). Where torch is installed, run:")
    for command in commands:
        _say(f"    {command}")
    _say(f"then bring the folder here: wheeltapper bundle install {chosen.id} {chosen.id}-bundle")


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
