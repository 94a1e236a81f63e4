"""What a retraining tells whoever started it: what was said, what was used, what it is worth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from monitor.calibration import Calibration
from monitor.recording.promise import promise_of
from monitor.store import Label
from training.anomalies import ANOMALY
from training.retrain.dealing import LEAST_EVENTS, Deal
from training.retrain.judging import NORMAL, Found
from training.retrain.material import Gathered
from training.retrain.said import UNNAMED, Disagreement, Said, SaidEvent

NO_KIND = "no fault code"
RATINGS = {"anomaly": "anomaly", "no_anomaly": "no anomaly", "unsure": "unsure"}


def lines_of_said(said: Said) -> list[str]:
    """Return what was said, and by whom where they disagree."""
    left_out = f"{said.unsure} unsure, {said.withdrawn} withdrawn, {len(said.disagreed)} disputed"
    normals = len(said.of("no_anomaly"))
    lines = [
        f"labels     {_kinds(said.of(ANOMALY), 'anomalies')}; {normals} no anomaly; left out: {left_out}"
    ]
    lines += [f"disputed   {_words(one)}; left out until they agree" for one in said.disagreed]
    lines += [f"kind?      {_words(one)}; an anomaly of no kind" for one in said.kind_disagreed]
    return lines


def lines_of_gathered(gathered: Gathered, deal: Deal) -> list[str]:
    """Return what is learned from, what is kept apart, and what does not serve."""
    used = set(gathered.used)
    learned = [event for event in deal.learned if event.event_id in used]
    anomalies = [event for event in learned if event.rating == ANOMALY]
    normals = f"{len(learned) - len(anomalies)} no anomaly, {gathered.normal_s:.0f} s"
    lines = [f"learned    {_kinds(anomalies, 'anomalies')}, {gathered.anomalous_s:.0f} s; {normals}"]
    unseen = [event for event in deal.held_out if event.rating == ANOMALY and event.kind in deal.unseen_kinds]
    apart = [event for event in deal.held_out if event not in unseen]
    lines.append(f"kept apart {_kinds(apart, 'events')} to judge by")
    if unseen:
        lines.append(
            f"unseen     {_kinds(unseen, 'anomalies')}: fewer than {LEAST_EVENTS} of a kind, to judge by"
        )
    if deal.of_learned_faults:
        lines.append(
            f"same fault {_kinds(deal.of_learned_faults, 'anomalies')}, kept apart and of a fault that is "
            "learned from: they prove nothing at a promotion, those of another day will"
        )
    if gathered.normal.odd_s:
        lines.append(
            f"taken out  {gathered.normal.odd_s:.0f} s of the recordings: labelled anomalies, or events to "
            "judge by, lie in it"
        )
    whys = Counter(one.why for one in gathered.left_out)
    return [*lines, *(f"left out   {count} clips: {why}" for why, count in whys.most_common())]


def why_nothing_is_learned(said: Said, deal: Deal, gathered: Gathered) -> str:
    """Return why no label serves and what to do, as a sentence."""
    if not said.events:
        return (
            "nobody has labelled an event so that it counts; label some on the page (docs/replay.md), then "
            "run the same command"
        )
    if not deal.learned:
        return (
            f"no kind has {LEAST_EVENTS} labelled events yet, of which one is kept to judge by; label more, "
            "or give those that are alike the same fault code"
        )
    whys = "; ".join(sorted({one.why for one in gathered.left_out}))
    return (
        f"of the {len(deal.learned)} labelled events to learn from no sound serves ({whys}); label newer ones"
    )


def lines_of_found(found: Sequence[Found]) -> list[str]:
    """Return what is found of events that were kept apart."""
    if not found:
        return ["judged     by no event: none was kept apart"]
    lines = []
    for one in found:
        live = "no bundle is live" if one.live is None else f"live {one.live}"
        good = " (fewer is better)" if one.group == NORMAL else ""
        lines.append(
            f"judged     {one.group}: {one.new} of {one.events} reach the limit{good}; {live}, louder than "
            f"all normal sound {one.level}, chance {one.chance:.1g}"
        )
    return [
        *lines,
        "           the live bundle had raised most of them, or nobody could have labelled them",
    ]


def lines_of_limit(gathered: Gathered, calibration: Calibration, budget_per_week: float) -> list[str]:
    """Return what the limit rests on, and what it promises."""
    minutes, aside = gathered.normal.calibrate_s / 60, calibration.set_aside_windows
    return [
        f"limit      from {minutes:.1f} min, {aside} windows of it set aside",
        *(f"promise    {sentence}" for sentence in promise_of(calibration, budget_per_week)),
    ]


def _kinds(events: Iterable[SaidEvent], what: str) -> str:
    counts = Counter(event.kind if event.rating == ANOMALY else "no anomaly" for event in events)
    if not counts:
        return f"0 {what}"
    named = ", ".join(
        f"{kind if kind != UNNAMED else NO_KIND} {count}" for kind, count in sorted(counts.items())
    )
    return f"{counts.total()} {what} ({named})"


def _words(one: Disagreement) -> str:
    return f"{one.event_id}: {', '.join(_word(label) for label in one.said)}"


def _word(label: Label) -> str:
    code = f" ({label.fault_code})" if label.fault_code else ""
    return f"{label.who} says {RATINGS.get(label.rating, label.rating)}{code}"
