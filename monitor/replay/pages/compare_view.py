"""The page of one source's candidate: how it compares, where to listen, and whether it is to judge."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from monitor.bundles.choice import is_managed
from monitor.bundles.library import Library as Versions
from monitor.bundles.roles import Change
from monitor.config import StoreConfig
from monitor.operators import Origin
from monitor.promotion.records import Comparison, Disagreement, Figure, Outcome, Pairs, Verdict
from monitor.promotion.sentences import OUTCOMES, RARE, said
from monitor.publish.fields import ms_from_rfc3339
from monitor.replay.api.routes import library_of
from monitor.replay.gate.access import Role, visit_of
from monitor.replay.kept.candidates import Candidate
from monitor.replay.pages.awaited import dispute_due, rules_of
from monitor.replay.pages.templating import page, tongue_for
from monitor.replay.pages.viewing import answering, daemon_now, unreviewed_events
from monitor.replay.pages.words import RATINGS, Tongue, clock, day, marked

STYLES: dict[Outcome, str] = {"better": "good", "not_better": "alarm", "too_early": "warn"}
"""How a verdict is shown."""
AGREED = {
    **RATINGS,
    "disagreed": marked("people do not agree"),
    "withdrawn": marked("taken back"),
}
"""What people's last words come to."""
WHOLE = 0.05
"""A figure that is nearer than this to a whole number is written as one."""


@dataclass(frozen=True, slots=True)
class Row:
    """One disagreement, in the reader's language."""

    told: Disagreement
    """As it is known."""
    label_id: str
    """What a label of it names: the live bundle's event, or the dispute."""
    rating: str
    """In words; empty: nobody has said anything."""
    due_utc_s: float | None
    """When its sound is to be there; None: it is, or none was kept."""


@dataclass(frozen=True, slots=True)
class Under:
    """Whether the daemon is comparing."""

    answers: bool
    """Whether it answers at all."""
    since_utc_s: float | None
    """Since when somebody waits for this source's candidate to be compared; None: nobody does."""


@dataclass(frozen=True, slots=True)
class Line:
    """One figure of both bundles."""

    what: str
    """In words."""
    live: str
    """Of the live bundle."""
    candidate: str
    """Of the candidate."""


async def compare(request: Request) -> Response:
    """Answer the page of one source."""
    source_id, told = request.path_params["source_id"], await daemon_now(request)
    sources = () if told is None else told.sources
    since = next((one.comparing_since for one in sources if one.source == source_id), None)
    since_utc_s = None if since is None else ms_from_rfc3339(since) / 1000
    return await run_in_threadpool(_compare, request, Under(told is not None, since_utc_s))


@answering
def _compare(request: Request, under: Under) -> Response:
    source_id, tongue = request.path_params["source_id"], tongue_for(request)
    settings = request.app.state.settings
    source = next((one for one in settings.sources if one.id == source_id), None)
    if source is None:
        title, text = tongue("Not found"), tongue("This box has no source of this name.")
        return page(request, "error.html", status=404, title=title, text=text)
    is_versioned = is_managed(source)
    library, visit = library_of(request), visit_of(request)
    shown = library.candidate(source_id)
    found = None if shown is None else shown.found
    verdict = None if found is None else found[1]
    return page(
        request,
        "compare.html",
        source_id=source_id,
        shown=shown,
        promoted="" if shown is None or shown.promoted is None else promoted_of(shown.promoted, tongue),
        went_back="" if shown is None or shown.went_back is None else went_back_of(shown.went_back, tongue),
        compared=None if found is None else found[0],
        outcome="" if verdict is None else _capital(tongue(OUTCOMES[verdict.outcome])),
        style="" if verdict is None else STYLES[verdict.outcome],
        reasons=[] if verdict is None else reasons_of(verdict, tongue),
        lines=[] if found is None else lines_of(found[0], tongue),
        rows=[] if shown is None else _rows(shown.disagreements, rules_of(settings, source_id), tongue),
        may_label=visit.may(Role.TECHNICIAN),
        may_promote=visit.may(Role.ADMIN),
        needs_reason=settings.bundles.promotion == "managed" and not _may_judge(shown, verdict),
        promotes_itself=settings.bundles.promotion == "managed",
        is_managed=is_versioned,
        under=under,
        versions=Versions(settings.state_dir, source_id).versions,
        may_compare=visit.may(Role.TECHNICIAN),
        may_go_live=shown is not None
        and shown.candidate is not None
        and (is_versioned or shown.live is None),
        may_go_back=is_versioned and shown is not None and shown.previous is not None,
        unreviewed=unreviewed_events(library),
    )


def promoted_of(change: Change, tongue: Tongue) -> str:
    """Return since when the live version judges, who promoted it and why, as a sentence."""
    by, at = change.by, f"{day(change.by.at_utc_s)} {clock(change.by.at_utc_s)}"
    if by.origin == Origin.DAEMON.value:
        return tongue(
            "It judges since {at}: the daemon itself found it better and promoted it "
            "(bundles.promotion: managed); wheeltapper bundle list says why.",
            at=at,
        )
    if by.note:
        return tongue(
            "It judges since {at}, promoted by {who}: {why}.", at=at, who=by.actor, why=by.note.rstrip(".")
        )
    return tongue("It judges since {at}, promoted by {who}.", at=at, who=by.actor)


def went_back_of(change: Change, tongue: Tongue) -> str:
    """Return which version judged until who went back, when and why, as a sentence."""
    return tongue(
        "{version} judged until {who} went back on {at}: {why}.",
        version=change.version_from,
        who=change.by.actor,
        at=f"{day(change.by.at_utc_s)} {clock(change.by.at_utc_s)}",
        why=(change.by.note or tongue("no reason was given")).rstrip("."),
    )


def _may_judge(shown: Candidate | None, verdict: Verdict | None) -> bool:
    """Whether nobody need say why: there is nothing to be better than, or it is."""
    is_first = shown is not None and shown.live is None
    return is_first or (verdict is not None and verdict.is_better)


def reasons_of(verdict: Verdict, tongue: Tongue) -> list[str]:
    """Return the grounds of a verdict, a sentence each, in the reader's language."""

    def write(figure: Figure) -> str:
        if isinstance(figure, str):
            return figure
        if 0.0 < abs(figure) < RARE:  # a chance of nearly none is not none
            return f"< {tongue.number(RARE, 3)}"
        is_whole = abs(figure - round(figure)) < WHOLE and (round(figure) != 0 or figure == 0.0)
        digits = 0 if figure >= 100.0 or is_whole else 1 if figure >= 1.0 else 2 if figure >= WHOLE else 3
        return tongue.number(figure, digits)

    return [f"{_capital(said(ground, write=write, of=tongue))}." for ground in verdict.grounds]


def lines_of(compared: Comparison, tongue: Tongue) -> list[Line]:
    """Return what was counted of both."""

    def line(what: str, pairs: Pairs) -> Line:
        return Line(what, tongue.number(pairs.live), tongue.number(pairs.candidate))

    heard = reduce(Pairs.joined, (probe.heard for probe in compared.probes), Pairs())
    anomalies = compared.anomalies
    return [
        line(
            tongue("False alarms in {hours} h", hours=tongue.number(compared.hours, 1)), compared.false_alarms
        ),
        line(tongue("Found of {count} labelled anomalies", count=anomalies.cases), anomalies),
        line(_heard_of(compared, heard, tongue), heard),
        line(tongue("Raised of {count} kept false alarms", count=compared.normals.cases), compared.normals),
    ]


def _heard_of(compared: Comparison, heard: Pairs, tongue: Tongue) -> str:
    """Return of how many foreign sounds the figures are, and how many they should be of."""
    if not compared.probes_waiting:
        return tongue("Heard of {count} foreign sounds mixed in", count=heard.cases)
    return tongue(
        "Heard of {count} foreign sounds mixed in; cut short: {tried} of {asked} were tried",
        count=heard.cases,
        tried=compared.probes_tried,
        asked=compared.probes_asked,
    )


def _rows(told: Sequence[Disagreement], rules: StoreConfig, tongue: Tongue) -> list[Row]:
    now_utc_s = time.time()
    return [
        Row(
            one,
            one.event_id or one.dispute_id,
            "" if one.rating is None else tongue(AGREED[one.rating]),
            dispute_due(one, told, rules, now_utc_s),
        )
        for one in told
    ]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


ROUTES: Sequence[BaseRoute] = (Route("/compare/{source_id}", compare),)
