"""The child process that looks through, learns and packs: at the lowest priority, never outliving its owner.

    python -m monitor.learning.pupil DAEMON_PID     reads a Job as one line of JSON, writes News as such lines

It may be killed at any moment: what it finished is found again, and a training loses one pass at most.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from engines.errors import CodedError
from monitor.bundles.roles import By
from monitor.calibration import Calibration
from monitor.config import Config, WindowConfig
from monitor.learning.alarms import alarms_in
from monitor.learning.candidate import candidate_of
from monitor.learning.documents import LOG, OUTCOME, PACKAGE, Outcome
from monitor.learning.plan import ROOM_BYTES, Step, learn_place
from monitor.learning.steps import (
    How,
    learn,
    look_through,
    material_of,
    refuse_too_little,
    refuse_too_odd,
)
from monitor.listening import open_ear
from monitor.operators import Origin
from monitor.recording.given import given_files
from monitor.recording.learn_folder import LearnFolder
from monitor.recording.material import Material
from monitor.recording.packed import pack
from monitor.sources.tied import die_with_parent
from monitor.store.files import write_whole
from monitor.worded import worded, wording_of

BUDGET = "training.learn.budget"
LOG_BYTES = 1_000_000
"""A log that is longer is begun anew."""
NO_MEMORY = "allocate memory"
"""What torch says in place of a MemoryError."""
OOM_SCORE = "1000"
"""Where memory runs out, the kernel takes this process before all others."""


class Job(BaseModel):
    """What is to be done."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    config: Config = Field(description="With the one source that is learned.")
    step: Step = Field(description="One of WORKING.")
    kept: tuple[str, ...] = Field(description="Odd stretches that are normal.")
    by: str = Field(description="In whose name.")
    command_id: str = Field(description="What a candidate's installation is on record as.")


class News(BaseModel):
    """What the owner is told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    done: int | None = Field(default=None, description="Seconds of sound heard so far.")
    of: int | None = Field(default=None, description="Of so many; passes, where something is learned.")
    finished: bool = Field(default=False, description="The job is done; nothing more comes.")
    refused: dict[str, Any] | None = Field(
        default=None, description="Why it cannot be done, with the remedy, as `Worded.tree`."
    )


def main(arguments: list[str]) -> int:
    """Do one job; 0, or 2 when it is refused."""
    die_with_parent(int(arguments[0]))
    job = Job.model_validate_json(sys.stdin.readline())
    settings = job.config.learn
    os.nice(max(0, settings.nice - os.getpriority(os.PRIO_PROCESS, 0)))
    resource.setrlimit(resource.RLIMIT_DATA, (settings.max_memory_bytes, settings.max_memory_bytes))
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(OOM_SCORE, encoding="ascii")
    place = learn_place(job.config.state_dir, job.config.sources[0].id)
    try:
        with LearnFolder(place) as work, _log(place) as say:
            _do(job, work, say)
        _tell(News(finished=True))
    except CodedError as error:
        _tell(News(refused=wording_of(error).tree))
        return 2
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and NO_MEMORY not in str(error):
            raise
        _tell(
            News(
                refused=worded(
                    "learning-needs-memory",
                    "the training needs more than learn.max_memory_bytes, {most}: raise it, or learn "
                    "elsewhere (learn.where)",
                    most=settings.max_memory_bytes,
                ).tree
            )
        )
        return 2
    return 0


def _do(job: Job, work: LearnFolder, say: Callable[[str], None]) -> None:
    """Do it from where it stands.

    Raises:
        CodedError: It cannot be done.
    """
    source = job.config.sources[0]
    files = given_files([work.recordings])
    refuse_too_little(sum(file.seconds for file in files if file.role == "calibrate"))
    total_s, heard_s = sum(file.seconds for file in files), 0.0

    def heard_more(seconds: float) -> None:
        nonlocal heard_s
        heard_s += seconds
        if job.step is Step.LOOK:
            _tell(News(done=min(round(heard_s), round(total_s)), of=round(total_s)))

    ear = open_ear(None, WindowConfig(), job.config.input_quality)
    alarms = alarms_in(files, job.config.state_dir, source.id)
    found = look_through(files, ear, work, say=say, told=heard_more, alarms=alarms)
    if job.step is Step.LOOK:
        return
    material = material_of(files, found, job.kept, work, source.id)
    refuse_too_odd(material, worded("keep-it", "keep it"))
    refuse_too_little(material.calibrate_s)
    if job.step is Step.PACK:
        spare_bytes = job.config.store.min_free_bytes + ROOM_BYTES
        pack(material, work.place / PACKAGE, source_id=source.id, spare_bytes=spare_bytes)
    else:
        _learn(job, material, work, say)


def _learn(job: Job, material: Material, work: LearnFolder, say: Callable[[str], None]) -> None:
    settings, source = job.config.learn, job.config.sources[0]
    threads = settings.threads or max(1, (os.cpu_count() or 1) - 1)
    budget: Any = importlib.import_module(BUDGET)
    _tell(News(done=0, of=settings.epochs or budget.epochs_for(material.train_s)))
    how = How(settings.epochs, threads, settings.widths)
    bundle, calibration = learn(material, work, how, say)
    by = By(job.by, Origin.DAEMON.value, time.time(), job.command_id, "learned")
    version = candidate_of(bundle, job.config, source, by)
    outcome = _outcome(job, material, calibration, str(bundle.folder), version)
    write_whole(work.place / OUTCOME, outcome.model_dump_json().encode(), below=work.place)


def _outcome(
    job: Job, material: Material, calibration: Calibration, folder: str, version: str | None
) -> Outcome:
    source = job.config.sources[0]
    per_week = job.config.alarm_for(source).false_alarms_per_week
    fewest, most = calibration.false_alarms_interval(per_week)
    return Outcome(
        train_s=material.train_s,
        calibrate_s=material.calibrate_s,
        odd_s=material.odd_s,
        bundle=calibration.bundle_id,
        version=version,
        folder=folder,
        per_week=per_week,
        fewest=fewest,
        most=most,
        exposure_h=calibration.exposure_h,
    )


@contextlib.contextmanager
def _log(place: Path) -> Iterator[Callable[[str], None]]:
    """Give what writes a line into the log of this source, for people."""
    path = place / LOG
    too_long = path.exists() and path.stat().st_size > LOG_BYTES
    with path.open("w" if too_long else "a", encoding="utf-8") as log:

        def say(line: str) -> None:
            log.write(line + "\n")
            log.flush()

        yield say


def _tell(news: News) -> None:
    sys.stdout.write(news.model_dump_json() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
