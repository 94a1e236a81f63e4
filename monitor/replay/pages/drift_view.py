"""The page of one source's normal sound: its days as a picture, and the limit that is proposed."""

from __future__ import annotations

import time
from collections.abc import Sequence

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from monitor.bundles.choice import is_managed
from monitor.control.documents import Now
from monitor.drift.declining import again_utc_s
from monitor.drift.proposal import Proposal, Total, goes_too_far
from monitor.drift.words import TOLD_FROM_DB
from monitor.replay.api.routes import library_of
from monitor.replay.gate.access import Role, visit_of
from monitor.replay.kept.normal import Normal
from monitor.replay.pages.drift_picture import date_of, picture_of
from monitor.replay.pages.templating import page, tongue_for
from monitor.replay.pages.viewing import answering, daemon_now, unreviewed_events
from monitor.replay.pages.words import RATINGS, Tongue, clock, day, marked
from monitor.store import AuditEntry
from monitor.store.declined import Declined

BEFORE = "before"
"""What command `recalibrate` has in place of a proposal, to take the last one back."""
NO_REASON = "\N{EN DASH}"
NOT_LABELLED = marked("not labelled: left out")
SAID = {**RATINGS, "disagreed": marked("people do not agree")}


async def drift(request: Request) -> Response:
    """Answer the page of one source."""
    return await run_in_threadpool(_drift, request, await daemon_now(request))


@answering
def _drift(request: Request, now: Now | None) -> Response:
    source_id, tongue = request.path_params["source_id"], tongue_for(request)
    settings = request.app.state.settings
    source = next((one for one in settings.sources if one.id == source_id), None)
    if source is None:
        title, text = tongue("Not found"), tongue("This box has no source of this name.")
        return page(request, "error.html", status=404, title=title, text=text)
    library = library_of(request)
    normal = library.normal(source_id)
    proposal = None if _is_over(normal.proposal, now) else normal.proposal
    visit = visit_of(request)
    may_accept = visit.may(Role.ADMIN)
    return page(
        request,
        "drift.html",
        source_id=source_id,
        picture=picture_of(normal.days, proposal, tongue),
        proposal=proposal,
        said=[] if proposal is None else said_of(proposal, tongue),
        events=[
            (one.event_id, tongue(NOT_LABELLED if one.rating is None else SAID[one.rating]))
            for one in normal.events
        ],
        needs_reason=proposal is not None and goes_too_far(proposal, settings.drift.max_total),
        may_accept=may_accept,
        may_decline=visit.may(Role.TECHNICIAN),
        declined=declined_of(normal.declined, tongue),
        declined_until=_declined_until(normal),
        changed=changed_of(normal.changed, tongue),
        is_managed=is_managed(source),
        may_take_back=may_accept and not is_managed(source) and _is_step(normal.changed),
        silent=now is None,
        unreviewed=unreviewed_events(library),
    )


def declined_of(declined: Declined | None, tongue: Tongue) -> str:
    """Return who last declined a limit, and why, as a sentence; empty: nobody has."""
    if declined is None:
        return ""
    return tongue(
        "Declined by {who} on {at} (a limit at {factor} of the one at that time): {why}",
        factor=tongue.number(declined.factor, 2),
        who=declined.who,
        at=f"{day(declined.at_utc_s)} {clock(declined.at_utc_s)}",
        why=declined.why,
    )


def _declined_until(normal: Normal) -> str:
    """Return from when on the same is proposed again; empty: it may be now, or nothing was declined."""
    declined = normal.declined
    if declined is None or declined.basis != normal.basis or again_utc_s(declined) <= time.time():
        return ""
    return day(again_utc_s(declined))


def _is_over(proposal: Proposal | None, now: Now | None) -> bool:
    """Whether the daemon, which knows what judges, has another proposal by now, or none."""
    if proposal is None or now is None:
        return False
    told = next((one.drift for one in now.sources if one.source == proposal.source_id), None)
    return told is not None and told.proposal != proposal.id


def _is_step(changed: AuditEntry | None) -> bool:
    return changed is not None and changed.arguments.get("proposal") != BEFORE


def changed_of(changed: AuditEntry | None, tongue: Tongue) -> str:
    """Return who last accepted a limit or took one back, and why, as a sentence; empty: nobody has."""
    if changed is None:
        return ""
    facts = {
        "who": changed.actor or "?",
        "at": f"{day(changed.at_utc_s)} {clock(changed.at_utc_s)}",
        "why": changed.arguments.get("despite") or changed.arguments.get("note") or NO_REASON,
    }
    if _is_step(changed):
        return tongue("{who} accepted another limit on {at}: {why}", **facts)
    return tongue("{who} took the last limit back on {at}: {why}", **facts)


def said_of(proposal: Proposal, tongue: Tongue) -> list[str]:
    """Return what a proposal says, a sentence each, in the reader's language."""
    at, after, judgement = proposal.at_present, proposal.promised, proposal.judgement
    sentences = [
        tongue(
            "At the present limit {expected} false alarms a week are to be expected in place of {budget} "
            "({low} to {high}).",
            expected=_few(at.a_week, tongue),
            budget=_few(proposal.budget, tongue),
            low=_few(at.low, tongue),
            high=_few(at.high, tongue),
        ),
        tongue(
            "The proposed limit is {factor} of the present one; with it {budget} is to be expected "
            "({low} to {high}).",
            factor=tongue.number(proposal.limit, 2),
            budget=_few(after.a_week, tongue),
            low=_few(after.low, tongue),
            high=_few(after.high, tongue),
        ),
        tongue(
            "It rests on {hours} h of normal sound from {first} to {last}.",
            hours=tongue.number(proposal.hours),
            first=date_of(proposal.first_utc_s),
            last=date_of(proposal.end_utc_s - 1.0),
        ),
        _total(proposal.total, tongue),
    ]
    if judgement.now is not None and judgement.then is not None:
        median = tongue(
            "The median of normal scores was {then} (from {first} on) and is {now} (from {last} on).",
            then=tongue.number(proposal.scale * judgement.then.median, 2),
            now=tongue.number(proposal.scale * judgement.now.median, 2),
            first=date_of(judgement.then.first_utc_s),
            last=date_of(judgement.now.first_utc_s),
        )
        sentences.insert(0, median)
    if judgement.level_change_db is not None and abs(judgement.level_change_db) >= TOLD_FROM_DB:
        change = tongue.number(judgement.level_change_db, 1)
        sentences.append(tongue("Level of normal sound: {db} dB more than at first.", db=change))
    bands = [
        tongue(
            "{low} to {high}: {db} dB more than at first.",
            low=tongue.hertz(band.low_hz),
            high=tongue.hertz(band.high_hz),
            db=tongue.number(band.change_db, 1),
        )
        for band in judgement.bands
    ]
    return [*sentences, *bands]


def _total(total: Total, tongue: Tongue) -> str:
    """Return how far the limit would have come since one was learned."""
    return tongue(
        "Since the limit that was learned on {first}, accepted before this one: {steps}. In units of that "
        "limit the present one is {present}, the proposed one {proposed}; the learned one would raise "
        "{expected} false alarms a week now.",
        first=day(total.first_utc_s),
        steps=tongue.number(total.steps),
        present=tongue.number(total.present, 2),
        proposed=tongue.number(total.proposed, 2),
        expected=_few(total.at_first.a_week, tongue),
    )


def _few(number: float, tongue: Tongue) -> str:
    """Return a number of alarms with two digits that count."""
    return tongue.number(number, 0 if number >= 10.0 else 1 if number >= 1.0 else 2)


ROUTES: Sequence[BaseRoute] = (Route("/drift/{source_id}", drift),)
