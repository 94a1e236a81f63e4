"""What the page shows of one source that is learned, from its documents: before any markup."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from monitor.learning.documents import CheckNow, FoundStretch, Progress, RecordingNow, WorkNow
from monitor.learning.judging import seen_of
from monitor.learning.plan import Plan, Step, StretchJudgement
from monitor.recording.spans import began
from monitor.replay.gate.access import Role, Visit
from monitor.replay.kept.learning import Learning
from monitor.replay.pages.learn_words import ELSEWHERE, STEPS, advice_in, promise_in, why_odd
from monitor.replay.pages.refused import said_in
from monitor.replay.pages.words import Tongue, clock, day
from monitor.worded import told_from

ORDER = (Step.CHECK, Step.RECORD, Step.LOOK, Step.LISTEN, Step.LEARN, Step.DONE)
SAME_PLACE = {Step.PACK: Step.LEARN, Step.PACKED: Step.DONE}

OF_THE_PLACE = frozenset({"rumble", "narrow", "muffled"})
"""Codes of advice that the check alone gives; whatever else it found the recording looks at anew."""
SPOKEN = frozenset({"speech"})
"""What the check has found holds until the recording has looked for it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Which version of its bundle a source has."""

    candidate: str | None = None
    """What a promotion would make live, wherever it comes from; None: there is none."""
    live: str | None = None
    """What judges it; None: no version of its library does."""


@dataclass(frozen=True, slots=True)
class StepShown:
    """One step of the way."""

    name: str
    """In words."""
    state: str
    """`done`, `now`, `stuck` or `ahead`."""


NOWHERE = Standing()


@dataclass(frozen=True, slots=True)
class StretchShown:
    """One odd stretch."""

    number: int
    """Its place in the list."""
    stretch_id: str
    """As commands name it."""
    title: str
    """Of which recording, from when to when."""
    why: str
    """What is odd about it."""
    seconds: str
    """How long it is."""
    is_kept: bool
    """Somebody found it to be normal."""
    judged: str
    """Who said so, or that it is set aside, and when; or that nobody has said anything."""
    seen: str
    """What a judgement of this reader says that it has seen."""


@dataclass(frozen=True, slots=True)
class LearnShown:
    """One source as the page shows it; texts are in the reader's language."""

    source_id: str
    """Its id."""
    style: str
    """`now`, `stuck`, `ask`, `good` or `none`."""
    headline: str
    """Where it stands, in a sentence."""
    share: float | None
    """How far the present step is, 0 to 1; None: it has no measure."""
    why: str
    """Why nothing goes on; empty: it does, or nothing is wanted."""
    started: str
    """Who started it and when; empty: nobody."""
    steps: tuple[StepShown, ...]
    """The way."""
    check: CheckNow | None
    """The last check, when it was over."""
    recording: RecordingNow | None
    """The last recording."""
    is_recording: bool
    """It is being recorded, so that the levels are those of now."""
    advice: tuple[str, ...]
    """What is wrong with the sound, of the latest look at it."""
    stretches: tuple[StretchShown, ...]
    """What is odd."""
    promise: tuple[str, ...]
    """What the limit promises; empty: nothing was learned."""
    version: str | None
    """What was learned last."""
    judges: bool
    """It was promoted, and judges."""
    folder: str
    """Where a bundle that waits for its signature lies."""
    package_bytes: int | None
    """The package that can be fetched."""
    actions: tuple[tuple[str, str], ...]
    """What this reader may do now: the verb and its text, the likeliest first."""
    may_start: bool
    """Whether this reader may begin."""
    may_judge: bool
    """Whether this reader may keep stretches or set them aside."""
    may_hear: bool
    """Whether this reader may hear what is odd."""
    has_sound: bool
    """Something was recorded."""


def learn_shown(found: Learning, tongue: Tongue, visit: Visit, standing: Standing = NOWHERE) -> LearnShown:
    """Return what is shown to a reader."""
    waiting, learned = standing.candidate, None if found.outcome is None else found.outcome.version
    judges = learned is not None and learned == standing.live
    plan, progress = found.plan, found.progress
    if progress is not None and plan is not None and progress.step is not plan.step:
        progress = progress.model_copy(update={"work": None, "waits": ""})  # of the step before
    check = None if progress is None or progress.check is None else progress.check
    may_judge = visit.may(Role.TECHNICIAN) and plan is not None and not plan.is_active
    return LearnShown(
        source_id=found.source_id,
        style="good" if plan is None and waiting is not None else _style(plan),
        headline=_headline(found, plan, progress, tongue, standing),
        share=_share(plan, progress),
        why="" if plan is None else _why(plan, progress, tongue),
        started="" if plan is None else _started(plan, tongue),
        steps=_steps(plan, tongue, has_candidate=waiting is not None),
        check=check if check is not None and check.peak_dbfs is not None else None,
        recording=None if progress is None else progress.recording,
        is_recording=plan is not None and plan.is_active and _is_recorded(plan, progress),
        advice=tuple(_advice(found, plan, progress, tongue)),
        stretches=_stretches(found, tongue),
        promise=() if found.outcome is None else tuple(promise_in(tongue, found.outcome)),
        version=learned,
        judges=judges,
        folder="" if found.outcome is None else found.outcome.folder,
        package_bytes=found.package_bytes,
        actions=_actions(found, plan, tongue, visit),
        may_start=visit.may(Role.ADMIN) and (plan is None or not (plan.is_active or plan.paused)),
        may_judge=may_judge and found.found is not None,
        may_hear=visit.may(Role.TECHNICIAN),
        has_sound=found.has_sound,
    )


def _is_recorded(plan: Plan, progress: Progress | None) -> bool:
    return plan.step is Step.RECORD and progress is not None and progress.recording is not None


def _style(plan: Plan | None) -> str:
    if plan is None:
        return "none"
    if plan.trouble is not None:
        return "stuck"
    if plan.paused or plan.step is Step.LISTEN or plan.step is Step.PACKED:
        return "ask"
    return "good" if plan.step is Step.DONE else "now"


def _steps(plan: Plan | None, tongue: Tongue, *, has_candidate: bool) -> tuple[StepShown, ...]:
    names = dict(STEPS)
    if plan is not None and plan.step in SAME_PLACE:
        names |= {SAME_PLACE[step]: name for step, name in ELSEWHERE.items()}
    at = -1 if plan is None else ORDER.index(SAME_PLACE.get(plan.step, plan.step))
    here = "now" if plan is None or plan.trouble is None else "stuck"
    is_over = plan is not None and plan.step is Step.DONE
    states = [
        "done" if place < at or is_over else here if place == at else "ahead" for place in range(len(ORDER))
    ]
    if has_candidate and states[-1] == "ahead" and names[ORDER[-1]] == STEPS[Step.DONE]:
        states[-1] = "done"  # somebody has brought it in
    return tuple(StepShown(tongue(names[step]), state) for step, state in zip(ORDER, states, strict=True))


def _why(plan: Plan, progress: Progress | None, tongue: Tongue) -> str:
    """Return why a plan cannot go on or waits, in the reader's language; empty: it does neither."""
    if plan.trouble is not None:
        return said_in(tongue, told_from(plan.trouble_said, plan.trouble))
    return "" if progress is None else said_in(tongue, told_from(progress.waits_said, progress.waits))


def _headline(
    found: Learning, plan: Plan | None, progress: Progress | None, tongue: Tongue, standing: Standing
) -> str:
    learned = None if found.outcome is None else found.outcome.version
    if plan is not None and plan.step is Step.DONE and learned is not None and learned == standing.live:
        return tongue("what was learned judges now")
    if plan is None and standing.candidate is not None:
        return tongue("there is a candidate")
    if plan is None:
        return (
            tongue("Something was recorded, and nothing goes on.")
            if found.has_sound
            else tongue("Nothing was recorded of this source yet.")
        )
    if plan.discarded:
        return tongue("What was recorded is being removed.")
    said = _doing(found, plan, progress, tongue)
    if plan.trouble is not None:
        return tongue("Stopped: {said}", said=said)
    return tongue("Paused: {said}", said=said) if plan.paused else said


def _doing(found: Learning, plan: Plan, progress: Progress | None, tongue: Tongue) -> str:
    if plan.step is Step.CHECK:
        heard = None if progress is None else progress.check
        if heard is None or heard.peak_dbfs is not None:
            return tongue("the microphone is checked")
        return tongue(
            "the microphone is checked, {heard} of {wanted}",
            heard=tongue.duration(heard.heard_s),
            wanted=tongue.duration(heard.wanted_s),
        )
    if plan.step is Step.RECORD:
        done_s = 0.0 if progress is None or progress.recording is None else progress.recording.done_s
        return tongue(
            "{done} of {wanted} are recorded",
            done=tongue.duration(done_s),
            wanted=tongue.duration(plan.hours * 3600),
        )
    return _after_recording(found, plan, None if progress is None else progress.work, tongue)


def _after_recording(found: Learning, plan: Plan, work: WorkNow | None, tongue: Tongue) -> str:
    if plan.step is Step.LISTEN:
        count = 0 if found.found is None else len(found.found.stretches)
        if count == 0:
            return tongue("nobody can say that all of it is the machine: read what was found, then learn")
        return tongue("odd stretches to hear before it learns: {count}", count=count)
    if plan.step in {Step.LOOK, Step.LEARN} and work is not None:
        left = tongue("about {left} left", left=tongue.duration(_rounded(work.left_s))) if work.left_s else ""
        made = _made(plan.step, work, tongue)
        return f"{made}, {left}" if left else made
    plain = {
        Step.LOOK: tongue("the recording is looked through"),
        Step.LEARN: tongue("it learns"),
        Step.PACK: tongue("the sound is packed"),
        Step.PACKED: tongue("the package can be fetched"),
        Step.DONE: tongue("there is a candidate"),
    }
    if plan.step is Step.DONE and found.outcome is not None and found.outcome.version is None:
        return tongue("there is a bundle that waits for its signature")
    return plain[plan.step]


def _made(step: Step, work: WorkNow, tongue: Tongue) -> str:
    if step is Step.LEARN:
        return tongue("pass {done} of at most {of}", done=work.done, of=work.of)
    done, wanted = tongue.duration(work.done), tongue.duration(work.of)
    return tongue("{done} of {wanted} are looked through", done=done, wanted=wanted)


def _rounded(seconds: float | None) -> float | None:
    """Return a time that is left as exactly as anybody knows it."""
    if seconds is None:
        return None
    return max(10.0, round(seconds / 10.0) * 10.0) if seconds < 120.0 else round(seconds / 60.0) * 60.0


def _share(plan: Plan | None, progress: Progress | None) -> float | None:
    if plan is None or progress is None:
        return None
    if plan.step is Step.RECORD and progress.recording is not None:
        return min(1.0, progress.recording.done_s / max(plan.hours * 3600, 1e-9))
    if plan.step is Step.CHECK and progress.check is not None:
        return min(1.0, progress.check.heard_s / max(progress.check.wanted_s, 1e-9))
    return None if progress.work is None else progress.work.done / max(progress.work.of, 1)


def _advice(found: Learning, plan: Plan | None, progress: Progress | None, tongue: Tongue) -> list[str]:
    """Return what is wrong by the latest who looked."""
    if plan is not None and plan.step is Step.CHECK:
        return [] if progress is None or progress.check is None else advice_in(tongue, progress.check.advice)
    if found.found is not None and (plan is None or plan.step is not Step.RECORD):
        return advice_in(tongue, found.found.advice)
    if progress is None or progress.recording is None:
        return []
    heard = () if progress.check is None else progress.check.advice
    awaited = SPOKEN if progress.recording.speech_share is None else frozenset[str]()
    place = [one for one in heard if one.code in OF_THE_PLACE | awaited]
    return advice_in(tongue, (*progress.recording.advice, *place))


def _stretches(found: Learning, tongue: Tongue) -> tuple[StretchShown, ...]:
    if found.found is None:
        return ()
    plan = found.plan
    kept = frozenset(() if plan is None else plan.kept)
    said = {one.stretch: one for one in (() if plan is None else plan.judged)}
    return tuple(
        StretchShown(
            number=number,
            stretch_id=one.id,
            title=_place(one, tongue),
            why=why_odd(tongue, one),
            seconds=tongue.duration(one.end_s - one.start_s),
            is_kept=one.id in kept,
            judged=_judged(said.get(one.id), tongue),
            seen=seen_of(said.get(one.id)),
        )
        for number, one in enumerate(found.found.stretches)
    )


def _judged(said: StretchJudgement | None, tongue: Tongue) -> str:
    if said is None:
        return tongue("nobody has judged it yet")
    at = f"{day(said.at_utc_s)} {clock(said.at_utc_s)}"
    return tongue("judged by {who}, {at}", who=said.by, at=at)


def _place(stretch: FoundStretch, tongue: Tongue) -> str:
    """Return when a stretch was heard; where in which file, where its name does not say when it began."""
    began_utc_s = began(Path(stretch.file))
    if began_utc_s is None:
        return tongue(
            "{file} from {start} to {end}",
            file=stretch.file.rpartition("/")[2],
            start=tongue.duration(stretch.start_s),
            end=tongue.duration(stretch.end_s),
        )
    start_utc_s = began_utc_s + stretch.start_s
    return tongue(
        "{day}, {start} to {end}",
        day=day(start_utc_s),
        start=clock(start_utc_s),
        end=clock(began_utc_s + stretch.end_s),
    )


def _started(plan: Plan, tongue: Tongue) -> str:
    at = f"{day(plan.started_utc_s)} {clock(plan.started_utc_s)}"
    return tongue("Started by {who}, {at}", who=plan.by, at=at)


def _actions(found: Learning, plan: Plan | None, tongue: Tongue, visit: Visit) -> tuple[tuple[str, str], ...]:
    if not visit.may(Role.TECHNICIAN):
        return ()
    if plan is not None and plan.discarded:
        is_stuck = plan.trouble is not None and visit.may(Role.ADMIN)
        return (("discard", tongue("Remove the sound")),) if is_stuck else ()
    offered: list[tuple[str, str]] = []
    if plan is not None:
        offered += _actions_of_plan(plan, tongue)
    if visit.may(Role.ADMIN):
        if plan is not None and plan.step not in {Step.DONE, Step.PACKED}:
            offered.append(("cancel", tongue("Cancel, keep the sound")))
        if found.has_sound:
            offered.append(("discard", tongue("Remove the sound")))
    return tuple(offered)


def _actions_of_plan(plan: Plan, tongue: Tongue) -> list[tuple[str, str]]:
    if plan.trouble is not None:
        again = [("resume", tongue("Try again"))]
        return [*again, ("go_on", tongue("Record all the same"))] if plan.step is Step.CHECK else again
    if plan.paused:
        return [("resume", tongue("Go on"))]
    if plan.step is Step.LISTEN:
        return [("go_on", tongue("Learn"))]
    if plan.step in {Step.DONE, Step.PACKED}:
        return [("go_on", tongue("Learn again"))]
    return [("pause", tongue("Pause"))]
