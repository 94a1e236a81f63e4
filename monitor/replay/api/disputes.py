"""The part of the API that is about candidates: where they and the live bundle disagreed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from monitor.publish.fields import Time, rfc3339_from_utc_s
from monitor.replay.api.endpoint import Endpoint
from monitor.replay.api.learning import source_asked
from monitor.replay.api.queries import Query, Text
from monitor.replay.kept.axes import Part
from monitor.replay.kept.disputes import DisputePage, ListedDispute
from monitor.replay.kept.event_query import PAGE_MAX
from monitor.replay.kept.library import Library

CURSOR = r"^d\.[0-9]{1,18}$"


class DisputesQuery(Query):
    """A page of a list of disputes."""

    candidate: Text | None = Field(default=None, description="Of this version alone.")
    cursor: str | None = Field(default=None, pattern=CURSOR, description="From the page before.")
    limit: int = Field(default=50, ge=1, le=PAGE_MAX, description="Disputes of a page.")

    @property
    def before(self) -> int | None:
        """Below which number the page begins; None: it is the first."""
        return None if self.cursor is None else int(self.cursor.removeprefix("d."))


class DisputeDocument(Part):
    """A stretch of sound at which one of the two alarmed and the other did not."""

    dispute_id: str = Field(description="What a label names where there is no event.")
    live_bundle: str = Field(description="The bundle that judged.")
    candidate: str = Field(description="The version that was asked beside it.")
    alarmed: Literal["live", "candidate"] = Field(description="Which of the two did.")
    start: Time = Field(description="When its first window at or above the limit began.")
    duration_s: float = Field(ge=0, description="Until they agreed again, or so far.")
    live_peak: float | None = Field(description="Highest value of the live bundle; null: not judged.")
    candidate_peak: float | None = Field(description="Highest value of the candidate; null: not judged.")
    rating: str | None = Field(
        description="What people's last words come to: `anomaly`, `no_anomaly`, `unsure`, `disagreed`, "
        "`withdrawn`; null: nobody has said any."
    )
    event_id: str | None = Field(description="The live bundle's event, which is labelled; null: none.")
    clip_id: str | None = Field(description="Its sound; null: none is kept.")
    cursor: str = Field(description="The disputes that follow it stand on the page after this.")


class DisputesDocument(Part):
    """A page of a list of disputes."""

    disputes: tuple[DisputeDocument, ...] = Field(description="Those that are kept, the newest first.")
    next_cursor: str | None = Field(description="Of the page that follows; null: there is none.")
    total: int = Field(ge=0, description="Disputes that fit, on all pages.")


def _disputes(request: Request, query: DisputesQuery) -> Response:
    library: Library = request.app.state.library
    page = library.disputes(
        source_asked(request), candidate=query.candidate, before=query.before, limit=query.limit
    )
    return Response(_document(page).model_dump_json(), media_type="application/json")


def _document(page: DisputePage) -> DisputesDocument:
    disputes = tuple(_dispute(one) for one in page.disputes)
    return DisputesDocument(
        disputes=disputes,
        next_cursor=disputes[-1].cursor if page.has_more else None,
        total=page.total,
    )


def _dispute(one: ListedDispute) -> DisputeDocument:
    told, run = one.told, one.stored.run
    return DisputeDocument(
        dispute_id=told.dispute_id,
        live_bundle=run.live_bundle_id,
        candidate=run.candidate,
        alarmed=told.alarmed,
        start=rfc3339_from_utc_s(told.start_utc_s),
        duration_s=told.end_utc_s - told.start_utc_s,
        live_peak=told.live_peak,
        candidate_peak=told.candidate_peak,
        rating=told.rating,
        event_id=told.event_id,
        clip_id=told.clip_id,
        cursor=f"d.{one.stored.n}",
    )


DISPUTES: Sequence[Endpoint] = (
    Endpoint(
        "/sources/{source_id}/disputes",
        "disputes",
        "A page of the stretches at which a candidate and the live bundle disagreed.",
        _disputes,
        query=DisputesQuery,
        document=DisputesDocument,
        statuses=(404,),
    ),
)
