"""What the page says of learning: its steps, what is wrong with a sound, and what a limit promises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from monitor.learning.documents import Advice, FoundStretch, Outcome
from monitor.learning.plan import Step
from monitor.replay.pages.words import Tongue, marked

STEPS: Mapping[Step, str] = {
    Step.CHECK: marked("Check the microphone"),
    Step.RECORD: marked("Record normal sound"),
    Step.LOOK: marked("Look through it"),
    Step.LISTEN: marked("Hear what is odd"),
    Step.LEARN: marked("Learn"),
    Step.DONE: marked("Candidate"),
}
"""In the order of the page."""
ELSEWHERE: Mapping[Step, str] = {
    Step.PACK: marked("Pack for another machine"),
    Step.PACKED: marked("Fetch the package"),
}
"""In place of the last two, where nothing is learned on this box."""
ADVICE: Mapping[str, str] = {
    "nothing": marked("Nothing was heard: is the device there?"),
    "almost-silent": marked("Almost silent: is this the right device, and is it switched on?"),
    "too-quiet": marked("Too quiet: raise the gain, or go nearer to the machine."),
    "steady": marked("The level does not vary at all: is the machine running?"),
    "clipped": marked("Overdriven: lower the gain; the peaks of start-up must fit too."),
    "gap": marked("Samples were lost: look at the cable, and at what else the box has to do."),
    "flat": marked("The signal stands still in part: a cable or the converter."),
    "silent": marked("Silent in part: was something switched off or muted?"),
    "speech": marked("Somebody speaks in much of it, and would be learned as the machine."),
    "alarm": marked(
        "The live bundle was in alarm for much of the recording, so that its alarms tell nothing of single "
        "stretches: go to the machine, and learn only if it runs as it should."
    ),
    "variety": marked(
        "All of it sounds alike: let the machine run in its other ways too, or they will alarm."
    ),
    "hum": marked("A line at the mains' frequency: the machine's own, or hum; try a shielded cable."),
    "offset": marked("The samples have a constant offset: harmless if it stays."),
    "rumble": marked("Nearly all of it is below 100 Hz: wind, or a mount that shakes."),
    "narrow": marked("The device gives too few samples a second: set sample_rate_hz, or take another."),
    "muffled": marked("Hardly anything above 4 kHz: a cover, a filter, or too far away."),
}
"""What is wrong, by its code."""
WIDE = 10.0
"""An interval that reaches so many times the budget is called wide (monitor.recording.promise)."""


def advice_in(tongue: Tongue, advice: Sequence[Advice]) -> list[str]:
    """Return what is wrong, in the reader's language where it has words for it."""
    return [tongue(ADVICE[one.code]) if one.code in ADVICE else one.text for one in advice]


def why_odd(tongue: Tongue, stretch: FoundStretch) -> str:
    """Return in words what is odd about a stretch."""
    if stretch.event is not None:
        return tongue("the live bundle was in alarm")
    facts = {
        "db": tongue.number(abs(stretch.apart_db)),
        "low": tongue.hertz(stretch.low_hz),
        "high": tongue.hertz(stretch.high_hz),
    }
    if stretch.apart_db > 0:
        return tongue("{db} dB louder than usual at {low} to {high}", **facts)
    return tongue("{db} dB softer than usual at {low} to {high}", **facts)


def promise_in(tongue: Tongue, outcome: Outcome) -> list[str]:
    """Return what the limit promises, as sentences."""
    promised = tongue(
        "The limit is set for {budget} false alarms a week; with nine in ten chances it will be between "
        "{fewest} and {most}, from {heard} that the model never learned from.",
        budget=tongue.number(outcome.per_week, 0 if outcome.per_week == int(outcome.per_week) else 1),
        fewest=tongue.number(outcome.fewest, 0 if outcome.fewest < 0.05 else 1),
        most=tongue.number(outcome.most, 0 if outcome.most >= 10 else 1),
        heard=tongue.duration(outcome.exposure_h * 3600),
    )
    if outcome.most <= WIDE * outcome.per_week:
        return [promised]
    return [
        promised,
        tongue("That is wide, for little sound set the limit: record for longer, and learn again."),
    ]
