"""What a command makes of a plan, what is refused, and that a plan survives whatever ends the daemon."""

from __future__ import annotations

import contextlib
import json
import shutil
from pathlib import Path

import pytest
from fixtures_disk import DiskOf, fill
from learn_rig import waiting_to_be_heard

from monitor.commands.learn_status import lines_of_status
from monitor.config import Config, load_config, parse_config
from monitor.errors import CommandError
from monitor.learning.documents import Progress, WorkNow, write_progress
from monitor.learning.plan import Plan, Step, learn_place, read_plan, write_plan
from monitor.learning.plan_book import PlanBook
from monitor.learning.pupil import Job
from monitor.operators import Origin
from monitor.publish.commands import Command

ROOT = Path(__file__).resolve().parents[2]


def configured(state_dir: Path, *, learn: str = "{}", store: str = "{}", source: str = "") -> Config:
    text = (
        f"state_dir: {state_dir}\nlearn: {learn}\nstore: {store}\n"
        f"sources: [{{id: pump, kind: simulated{source}}}]\n"
    )
    return parse_config(text, name="the test's configuration")


def book_of(config: Config) -> PlanBook:
    source = config.sources[0]
    return PlanBook(config, lambda _: config.store.for_source(source.audio, source.speech))


def obeyed(
    book: PlanBook, config: Config, learn: str, origin: Origin = Origin.PAGE, **more: float | str
) -> str:
    asked = {"id": "1", "action": "learn", "actor": "ada", "learn": learn, **more}
    command = Command.model_validate(asked)
    return book.obey(config.sources[0], origin, command, 1000.0)


def test_a_plan_is_there_again_after_a_restart_as_it_was_left(tmp_path: Path) -> None:
    config = configured(tmp_path)
    book = book_of(config)
    obeyed(book, config, "start", hours=2.0, unattended=True)
    obeyed(book, config, "pause")
    again = book_of(config)
    left = Plan(source="pump", step=Step.CHECK, hours=2.0, by="ada", started_utc_s=1000.0)
    assert [left.model_copy(update={"paused": True, "unattended": True})] == again.plans
    obeyed(again, config, "resume")
    assert again.plans[0].is_active


def test_from_afar_nothing_is_started_unless_the_box_is_set_up_so(tmp_path: Path) -> None:
    config = configured(tmp_path)
    for origin in (Origin.MQTT, Origin.SPARKPLUG):
        with pytest.raises(CommandError, match=r"learn\.by_mqtt: true"):
            obeyed(book_of(config), config, "start", origin, hours=1.0)
    assert read_plan(learn_place(tmp_path, "pump")) is None
    allowed = configured(tmp_path, learn="{by_mqtt: true}")
    obeyed(book_of(allowed), allowed, "start", Origin.MQTT, hours=1.0)
    assert read_plan(learn_place(tmp_path, "pump")) is not None


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({"learn": "{enabled: false}"}, "learn.enabled is false"),
        ({"store": "{audio: never}"}, "is never stored"),
        ({"source": ", audio: never"}, "is never stored"),
        ({"store": "{min_free_bytes: 900000000000000}"}, "ask for fewer hours"),
    ],
)
def test_what_may_not_be_recorded_is_refused_with_what_to_do(
    tmp_path: Path, config: dict[str, str], why: str
) -> None:
    parsed = configured(tmp_path, **config)
    with pytest.raises(CommandError, match=why):
        obeyed(book_of(parsed), parsed, "start", hours=1.0)
    assert not learn_place(tmp_path, "pump").exists()


def test_only_a_stretch_that_was_found_can_be_kept_and_only_when_nothing_goes_on(tmp_path: Path) -> None:
    stretch = waiting_to_be_heard(tmp_path).stretches[0].id
    config = configured(tmp_path)
    book = book_of(config)
    with pytest.raises(CommandError, match="the id of one that was found"):
        obeyed(book, config, "keep", stretch="other")
    obeyed(book, config, "keep", stretch=stretch)
    assert (stretch,) == book.plans[0].kept
    assert "learns, without 0 stretches" in obeyed(book, config, "go_on")
    assert Step.LEARN is book.plans[0].step
    with pytest.raises(CommandError, match="pause or wait"):
        obeyed(book, config, "set_aside", stretch=stretch)


def test_a_plan_survives_a_rollback_to_older_software_and_one_to_this(tmp_path: Path) -> None:
    config = configured(tmp_path)
    obeyed(book_of(config), config, "start", hours=2.0)
    path = learn_place(tmp_path, "pump") / "plan.json"
    known = {"form", "source", "step", "hours", "by", "started_utc_s", "paused", "unattended", "anyway"}
    known |= {"trouble", "discarded", "kept"}
    written = json.loads(path.read_text())
    assert known >= set(written), "of the version before, which refuses others"
    path.write_text(json.dumps({**written, "of_newer_software": 1}))
    assert [Step.CHECK] == [plan.step for plan in book_of(config).plans]


@pytest.mark.parametrize(("called", "seen", "refused"), [
    ("c-1", "nobody", True), ("c-1", "c-0", True), ("c-1", "c-1", False), ("nobody", "nobody", True),
])  # fmt: skip
def test_a_word_is_overruled_by_nobody_who_has_seen_another_one_whatever_its_command_is_called(
    tmp_path: Path, called: str, seen: str, *, refused: bool
) -> None:
    stretch = waiting_to_be_heard(tmp_path).stretches[0].id
    config = configured(tmp_path)
    book = book_of(config)
    obeyed(book, config, "keep", stretch=stretch, id=called, actor="anna")
    told = pytest.raises(CommandError, match="anna has judged it meanwhile: it is normal")
    with told if refused else contextlib.nullcontext():
        obeyed(book, config, "set_aside", stretch=stretch, seen=seen, actor="ben")
    assert ((stretch,) if refused else ()) == book.plans[0].kept


def test_so_little_that_no_limit_could_be_set_is_refused_at_once(tmp_path: Path) -> None:
    config = configured(tmp_path)
    with pytest.raises(CommandError, match=r"too little to set a limit by; 20 are the least, 0\.34 h"):
        obeyed(book_of(config), config, "start", hours=0.3)


def test_a_move_counts_only_for_a_plan_that_is_as_it_was_seen(tmp_path: Path) -> None:
    config = configured(tmp_path)
    book = book_of(config)
    obeyed(book, config, "start", hours=2.0)
    seen = book.plans[0]
    obeyed(book, config, "pause")
    assert not book.move(seen, step=Step.RECORD)
    assert Step.CHECK is book.plans[0].step
    assert book.move(book.plans[0], trouble="no space")
    assert "no space" == book_of(config).plans[0].trouble


def test_what_a_full_disk_refused_to_keep_of_a_plan_is_kept_once_there_is_room(disk_of: DiskOf) -> None:
    state_dir = disk_of(4 * 1024 * 1024) / "state"
    state_dir.mkdir()
    place = learn_place(state_dir, "pump")
    write_plan(place, Plan(source="pump", step=Step.RECORD, hours=9.0, by="ada", started_utc_s=0.0))
    book = book_of(configured(state_dir))
    fill(state_dir / "filler")
    book.move(book.plans[0], trouble="no space")
    on_disk = read_plan(place)
    assert on_disk is not None
    assert on_disk.trouble is None, "the disk was not full"
    book.write_what_is_left()
    (state_dir / "filler").unlink()
    book.write_what_is_left()
    assert book.plans[0] == read_plan(place), "the page says for ever that it goes on"


def test_nothing_goes_on_without_room_and_how_much_is_needed_is_said(tmp_path: Path) -> None:
    config = configured(tmp_path)
    book = book_of(config)
    obeyed(book, config, "start", hours=2.0)
    obeyed(book, config, "pause")
    floored = configured(tmp_path, store="{min_free_bytes: 900000000000000}")
    with pytest.raises(
        CommandError, match=r"learning needs 900000\.50 GB \(store\.min_free_bytes and 0\.5 GB\)"
    ):
        obeyed(book_of(floored), floored, "resume")
    assert book_of(floored).plans[0].paused, "it was resumed all the same"
    assert "goes on" in obeyed(book, config, "resume")


def test_cancel_keeps_the_sound_and_discard_lets_nothing_begin_before_it_is_gone(tmp_path: Path) -> None:
    waiting_to_be_heard(tmp_path)
    config = configured(tmp_path)
    book = book_of(config)
    obeyed(book, config, "cancel")
    assert [] == book.plans
    assert list(learn_place(tmp_path, "pump").glob("recordings/*.flac"))
    with pytest.raises(CommandError, match="nothing is being learned"):
        obeyed(book, config, "cancel")
    obeyed(book, config, "discard")
    for asked in ("start", "resume", "discard"):
        with pytest.raises(CommandError, match="is being removed"):
            obeyed(book_of(config), config, asked, hours=1.0) if asked == "start" else obeyed(
                book_of(config), config, asked
            )


def test_a_copy_of_a_folder_is_no_plan(tmp_path: Path) -> None:
    config = configured(tmp_path)
    obeyed(book_of(config), config, "start", hours=2.0)
    place = learn_place(tmp_path, "pump")
    shutil.copytree(place, place.with_name("pump.before"))
    obeyed(book_of(config), config, "pause")
    assert [True] == [plan.paused for plan in book_of(config).plans], "the copy is not"


def test_sound_that_could_not_be_removed_is_said_and_may_be_removed_again(tmp_path: Path) -> None:
    waiting_to_be_heard(tmp_path)
    config = configured(tmp_path)
    book = book_of(config)
    obeyed(book, config, "discard")
    assert book.move(book.plans[0], trouble="a.flac could not be removed")
    with pytest.raises(CommandError, match=r"is not: a\.flac could not"):
        obeyed(book_of(config), config, "start", hours=1.0)
    obeyed(book, config, "discard")
    assert (None, True) == (book.plans[0].trouble, book.plans[0].discarded)


def test_the_command_needs_to_say_what_and_its_keys_belong_to_no_other() -> None:
    for document in ({"action": "learn"}, {"action": "unshelve", "hours": 1.0}):
        with pytest.raises(ValueError, match="learn"):
            Command.model_validate({"id": "1", "actor": "ada", **document})


def test_a_job_carries_the_whole_configuration_to_the_child_process() -> None:
    config = load_config(ROOT / "config.yaml")
    job = Job(config=config, step=Step.LOOK, kept=("a@1.00",), by="ada", command_id="learn-1")
    assert job == Job.model_validate_json(job.model_dump_json())


def test_the_terminal_says_how_far_the_daemon_is(tmp_path: Path) -> None:
    waiting_to_be_heard(tmp_path)
    lines = lines_of_status(tmp_path, "pump")
    assert [
        "step       listen, waiting; started by ada",
        "odd        1 stretches, 0 kept: hear them on the page",
    ] == lines
    assert ["fan: nothing is being learned by the daemon"] == lines_of_status(tmp_path, "fan")


@pytest.mark.parametrize(
    ("step", "work", "told"),
    [
        (Step.LOOK, WorkNow(done=300, of=1200, left_s=180), "5 of 20 min looked through, about 3 min left"),
        (Step.LEARN, WorkNow(done=7, of=24), "7 of 24 passes"),
        (Step.LEARN, WorkNow(done=24, of=24), "all 24 passes; the limit is set now"),
    ],
)
def test_the_terminal_says_what_the_child_process_has_done(
    tmp_path: Path, step: Step, work: WorkNow, told: str
) -> None:
    waiting_to_be_heard(tmp_path)
    place = learn_place(tmp_path, "pump")
    write_plan(place, Plan(source="pump", step=step, hours=1.0, by="ada", started_utc_s=0.0))
    write_progress(place, Progress(step=step, at_utc_s=0.0, work=work))
    assert [
        f"step       {step.value}, going on; started by ada",
        f"done       {told}",
        "odd        1 stretches, 0 kept",
    ] == lines_of_status(tmp_path, "pump")
