"""What the Now page says of each source, from what the daemon says: the worst news decides its looks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

from monitor.control.documents import AlarmNow, BoxNow, Now, SourceNow
from monitor.control.documents import Trend as TrendDocument
from monitor.drift.judgement import DriftState
from monitor.keeping_up import percent
from monitor.messages import DEAF_QUALITIES, AlarmState, CaptureState, Quality, SignalState
from monitor.publish.fields import ms_from_rfc3339
from monitor.replay.gate.access import Role, Visit
from monitor.replay.pages.refused import said_in
from monitor.replay.pages.words import (
    MACHINE_OFF,
    OFF_CAUSES,
    STATES,
    TOO_QUIET,
    UNLEARNED,
    Tongue,
    clock,
    day,
    marked,
)
from monitor.trends import STEP_S, STEPS
from monitor.worded import told_from

CAPTURES = {
    CaptureState.ALARMED: marked("The sound has stopped; it is about to be started again."),
    CaptureState.RECOVERING: marked("Being started again; no sound yet."),
    CaptureState.FAILED: marked("No sound, and starting it again did not help."),
}
"""Why a source is deaf, where its capture knows."""
INPUTS = {
    Quality.SILENT: marked("The microphone hears nothing at all: is it covered, muted or unplugged?"),
    Quality.FLAT: marked("The signal stands still: a cut cable or a stuck converter."),
    Quality.ABSENT: marked("No sound arrives: the device is away."),
    Quality.GAP: marked("Samples are missing; what is heard cannot be judged."),
    Quality.CLIPPED: marked("The input is overdriven: turn the gain down."),
    Quality.DROPPED: marked("The box cannot keep up: this sound was not judged."),
}
"""Why a source cannot be judged, where its sound tells."""
NORMALS = {
    DriftState.STABLE: marked("as it was"),
    DriftState.DRIFTING: marked("has moved"),
    DriftState.TOO_LITTLE: marked("too few days yet"),
}
"""What is known of normal sound."""
TREND_S = STEPS * STEP_S
"""So much the trend of a source shows."""
AWAY = frozenset({"away", "stalled"})
"""How a broker is that takes nothing."""
ASIDE = frozenset({AlarmState.SHELVED, AlarmState.OUT_OF_SERVICE, AlarmState.SUPPRESSED})


@dataclass(frozen=True, slots=True)
class Card:
    """One source as the page shows it; texts are in the reader's language."""

    source_id: str
    """Its id, as in the configuration."""
    style: str
    """`deaf`, `alarm`, `warn`, `aside` or `good`: the worst of all that is known."""
    deaf: bool
    """Nothing is heard that could be judged, and nobody has ended it on purpose."""
    state: str
    """The alarm's state in words; that of a deaf source is what it was before."""
    state_style: str
    """How that is shown."""
    why: str
    """A sentence on what is not well; empty: all is."""
    value: float | None
    """Last score; None: not judged, and nothing old is shown in its place."""
    limit: float
    """Where the alarm is raised: 1.0 unless an operator has set another."""
    peak: float | None
    """Of the open event."""
    event_id: str | None
    """The open event."""
    level_dbfs: float | None
    """Of the last window; None while nothing arrives."""
    quality: str
    """Of the input, in words."""
    device: str
    """What is listened to."""
    backend: str
    """What computes."""
    fallback: str
    """Why nothing better does; empty: this was the choice."""
    lost_samples: int
    """Since the start."""
    keeps_up: bool
    """No window was given up lately."""
    dropped: str
    """Which share was, in the last minute, as `43 %`; empty: none."""
    normal: str
    """What is known of its normal sound; empty: nothing yet."""
    normal_link: str
    """What its page is called."""
    normal_moved: bool
    """Whether it has moved."""
    limit_age: str
    """That the limit is old; empty: it is not."""
    trend: Mapping[str, object]
    """`limit`; `values`: highest score of each step; `judged`: false where windows ended unjudged."""
    trend_since: str
    """From when on the trend is known, where that is less than an hour; empty: all of it is."""
    trend_words: str
    """The same for whoever cannot see it."""
    actions: tuple[tuple[str, str], ...]
    """What this reader may do: the action of a command, and its text."""
    shelve_max_s: float
    """For how long the alarm may be shelved at most."""


def cards_from_now(
    now: Now,
    tongue: Tongue,
    visit: Visit,
    shelve_max_s: Callable[[str], float],
    candidates: Collection[str] = (),
) -> list[Card]:
    """Return a card for each source, in the order of the configuration.

    `shelve_max_s` says of a source for how long its alarm may be shelved; `candidates`: who has one.
    """
    since = _trend_since(now, tongue)
    cards = []
    for source in now.sources:
        card = _card(source, tongue, visit, shelve_max_s(source.source))
        why = " ".join(filter(None, (card.why, _why_unlearned(source, tongue, candidates))))
        cards.append(replace(card, why=why, trend_since=since))
    return cards


def _trend_since(now: Now, tongue: Tongue) -> str:
    """Return from when on trends are known: they end with the daemon that has heard them."""
    started_utc_s = ms_from_rfc3339(now.box.started) / 1000
    if not 0.0 <= ms_from_rfc3339(now.time) / 1000 - started_utc_s < TREND_S:
        return ""
    return tongue("Known since {time}, when the daemon was started.", time=clock(started_utc_s))


def _card(source: SourceNow, tongue: Tongue, visit: Visit, shelve_max_s: float) -> Card:
    alarm = source.alarm
    deaf = _is_deaf(source)
    state_text, state_style = STATES[alarm.state]
    if alarm.state is AlarmState.SUPPRESSED and source.bundle is None:
        state_text = UNLEARNED
    elif alarm.state is AlarmState.SUPPRESSED and source.off is not None:
        state_text = MACHINE_OFF
    style = "deaf" if deaf else _style(source, state_style)
    return Card(
        source_id=source.source,
        style=style,
        deaf=deaf,
        state=tongue("before: {state}", state=tongue(state_text)) if deaf else tongue(state_text),
        state_style="" if deaf else state_style,
        why=_why(source, tongue, deaf=deaf),
        value=None if deaf else source.value,
        limit=alarm.limit,
        peak=alarm.peak,
        event_id=alarm.event_id,
        level_dbfs=None if deaf and source.quality is Quality.ABSENT else source.level_dbfs,
        quality=_quality(source, tongue),
        device=source.device,
        backend=source.backend or tongue("no bundle yet"),
        fallback=source.fallback,
        lost_samples=source.lost_samples,
        keeps_up=source.keeps_up,
        dropped=percent(source.dropped_share) if source.dropped_share else "",
        normal=_normal(source, tongue),
        normal_link=tongue("a limit is proposed") if _is_proposed(source) else tongue("days"),
        normal_moved=source.drift is not None and source.drift.state is DriftState.DRIFTING,
        limit_age=_limit_age(source, tongue),
        trend=_drawn(source.trend, alarm.limit),
        trend_since="",
        trend_words=_trend_words(source.trend, alarm.limit, tongue),
        actions=tuple((action, tongue(text)) for action, text in actions_for(alarm, visit)),
        shelve_max_s=shelve_max_s,
    )


def _is_proposed(source: SourceNow) -> bool:
    return source.drift is not None and source.drift.proposal is not None


def news_of(box: BoxNow, tongue: Tongue) -> list[str]:
    """Return what is wrong with the box as a whole that whoever acts here must know, a sentence each."""
    news = []
    if box.broker in AWAY:
        news.append(
            tongue(
                "The broker cannot be reached: what is heard and done here is stored, and the plant's "
                "systems are told when it is back."
            )
        )
    if box.store_error:
        why = told_from(box.said.get("store_error"), box.store_error)
        news.append(tongue("Alarms cannot be stored: {reason}", reason=said_in(tongue, why)))
    if box.clips_error:
        why = told_from(box.said.get("clips_error"), box.clips_error)
        news.append(tongue("No sound is stored: {reason}", reason=said_in(tongue, why)))
    return news


def _normal(source: SourceNow, tongue: Tongue) -> str:
    return "" if source.drift is None else tongue(NORMALS[source.drift.state])


def _limit_age(source: SourceNow, tongue: Tongue) -> str:
    drift = source.drift
    if drift is None or drift.limit_age_days is None or not drift.limit_old:
        return ""
    return tongue("the limit is {days} days old", days=tongue.number(drift.limit_age_days))


def _is_deaf(source: SourceNow) -> bool:
    if source.capture is CaptureState.ENDED:
        return False
    return source.capture is not CaptureState.HEALTHY or source.quality in DEAF_QUALITIES


def _style(source: SourceNow, state_style: str) -> str:
    if state_style in {"alarm", "seen"}:
        return "alarm"
    if source.alarm.state in ASIDE:
        return "aside"
    is_well = (
        source.quality in {Quality.OK, Quality.OFF, None} and source.keeps_up and not source.alarm.warning
    )
    is_well = is_well and source.off_signal is not SignalState.MISSING and not source.alarm.uncertain
    return "good" if is_well and state_style == "good" else "warn"


def _why(source: SourceNow, tongue: Tongue, *, deaf: bool) -> str:
    """Return what is not well, the cause that a person can do something about first."""
    if source.capture is CaptureState.ENDED:
        return tongue("The file has been read to its end.")
    if deaf and source.capture in CAPTURES:
        said = tongue(CAPTURES[source.capture])
        reason = said_in(tongue, told_from(source.reason_said, source.reason))
        return f"{said} ({reason})" if reason else said
    if source.quality in INPUTS:
        return tongue(INPUTS[source.quality])
    found = _why_off(source, tongue), _why_aside(source.alarm, tongue)
    return " ".join(filter(None, found))


def _why_unlearned(source: SourceNow, tongue: Tongue, candidates: Collection[str]) -> str:
    if source.bundle is not None:
        return ""
    if source.source in candidates:
        return tongue("No bundle of it is live yet: a candidate waits, look at it and let it judge.")
    return tongue(
        "No bundle of it is live yet: under Learn record its normal sound or bring a bundle in, then promote."
    )


def _quality(source: SourceNow, tongue: Tongue) -> str:
    if source.quality is Quality.OFF and source.off is None:
        return tongue(TOO_QUIET)
    return tongue.quality(None if source.quality is None else source.quality.value)


def _why_off(source: SourceNow, tongue: Tongue) -> str:
    if source.off is not None:
        since_utc_s = ms_from_rfc3339(source.off.since) / 1000
        return tongue(
            "The machine has been off since {time}: {why}.",
            time=f"{day(since_utc_s)} {clock(since_utc_s)}",
            why=", ".join(tongue(OFF_CAUSES[cause]) for cause in source.off.causes),
        )
    if source.off_signal is SignalState.MISSING:
        return tongue("The plant's signal whether it runs is missing; it counts as running.")
    if source.quality is Quality.OFF:
        return tongue("The machine is too quiet to be judged, and does not count as off.")
    if source.alarm.uncertain and source.keeps_up and source.bundle is not None:
        return tongue("Too little of its sound was judged lately: whether all is well is uncertain.")
    return ""


def _why_aside(alarm: AlarmNow, tongue: Tongue) -> str:
    if alarm.shelved_until is not None:
        if alarm.shelved_one_shot:
            return tongue("Shelved until the sound is back to normal.")
        return tongue("Shelved until {time}.", time=clock(ms_from_rfc3339(alarm.shelved_until) / 1000))
    if alarm.warning and not alarm.active:
        return tongue("Above the warning level, below the limit.")
    return ""


def actions_for(alarm: AlarmNow, visit: Visit) -> tuple[tuple[str, str], ...]:
    """Return what a visitor may do to an alarm as it is: the action of a command, and its text.

    What was set aside, by hand or by design, can be acknowledged all the same.
    """
    state = alarm.state
    offered: list[tuple[str, str, Role]] = []
    if not alarm.acknowledged:
        offered.append(("acknowledge", marked("Acknowledge"), Role.TECHNICIAN))
    if state is AlarmState.SHELVED:
        offered.append(("unshelve", marked("Unshelve"), Role.TECHNICIAN))
    elif state is not AlarmState.OUT_OF_SERVICE:
        offered.append(("shelve", marked("Shelve"), Role.TECHNICIAN))
    if state is AlarmState.OUT_OF_SERVICE:
        offered.append(("in_service", marked("Put back in service"), Role.ADMIN))
    else:
        offered.append(("out_of_service", marked("Take out of service"), Role.ADMIN))
    return tuple((action, text) for action, text, role in offered if visit.may(role))


def _drawn(trend: TrendDocument | None, limit: float) -> Mapping[str, object]:
    if trend is None:
        return {"limit": limit, "values": [], "judged": []}
    judged = [None if quality is None else quality is Quality.OK for quality in trend.quality]
    return {"limit": limit, "values": list(trend.value), "judged": judged}


def _trend_words(trend: TrendDocument | None, limit: float, tongue: Tongue) -> str:
    known = [] if trend is None else [value for value in trend.value if value is not None]
    if not known:
        return tongue("Score in the last hour: nothing was judged")
    return tongue(
        "Score in the last hour: highest {highest}, above the limit {percent} % of the time",
        highest=tongue.number(max(known), 2),
        percent=round(100 * sum(value >= limit for value in known) / len(known)),
    )
