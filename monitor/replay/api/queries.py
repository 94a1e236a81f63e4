"""What may stand behind the question mark of an address: known names, checked values, nothing else."""

from __future__ import annotations

import re
from typing import Annotated, TypeVar

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from starlette.datastructures import QueryParams

from monitor.band_pass import Band
from monitor.errors import QueryError
from monitor.explanation import SoundKind
from monitor.messages import AlarmState
from monitor.replay.kept.audio import AudioFormat
from monitor.replay.kept.event_query import CURSOR, PAGE_MAX, EventFilter, Labelled, Order
from monitor.replay.kept.export import Judgement
from monitor.worded import DETAIL, worded

Text = Annotated[str, Field(min_length=1, max_length=200)]


def _written_out(given: object) -> object:
    """Refuse times that are only a number: of which epoch, in which unit?"""
    if not isinstance(given, str) or RFC_3339.fullmatch(given) is None:
        raise ValueError("give date, time and zone as RFC 3339, such as 2026-01-31T12:00:00Z")
    return given


RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.IGNORECASE)
Moment = Annotated[AwareDatetime, BeforeValidator(_written_out)]
Hertz = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]


class Query(BaseModel):
    """Nothing but what is named; a query without parameters takes none."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class LanguageQuery(Query):
    """In which language sentences are."""

    language: str = Field(
        default="en",
        pattern="^[a-z]{2}$",
        description="Of sentences; one that is not known leaves them null.",
    )


class FilterQuery(Query):
    """Which events are meant; what is not given does not narrow."""

    source: Text | None = Field(default=None, description="Events of this source.")
    state: AlarmState | None = Field(default=None, description="Whose alarm is in this state.")
    label: Labelled | None = Field(default=None, description="Of which this was said last.")
    fault_code: Text | None = Field(default=None, description="Whose last label names this fault.")
    kind: SoundKind | None = Field(default=None, description="That sounded like this most.")
    from_: Moment | None = Field(default=None, alias="from", description="That began then or later.")
    to: Moment | None = Field(default=None, description="That began before then.")

    @property
    def wanted(self) -> EventFilter:
        """The same as the library takes it."""
        return EventFilter(
            source_id=self.source,
            state=self.state,
            labelled=self.label,
            fault_code=self.fault_code,
            kind=self.kind,
            from_utc_s=None if self.from_ is None else self.from_.timestamp(),
            to_utc_s=None if self.to is None else self.to.timestamp(),
        )


class EventsQuery(FilterQuery, LanguageQuery):
    """A page of a list of events."""

    order: Order = Field(default=Order.UNREVIEWED_FIRST, description="Of the list.")
    cursor: str | None = Field(default=None, pattern=CURSOR, description="From the page before.")
    limit: int = Field(default=50, ge=1, le=PAGE_MAX, description="Events of a page.")


class SimilarQuery(LanguageQuery):
    """How many similar events."""

    limit: int = Field(default=5, ge=1, le=50, description="Events at most.")


class AudioQuery(Query):
    """How a clip is to be heard."""

    format: AudioFormat = Field(default=AudioFormat.FLAC, description="Of the file.")
    low_hz: Hertz | None = Field(default=None, description="Lower edge of the band that is heard alone.")
    high_hz: Hertz | None = Field(default=None, description="Its upper edge.")

    @property
    def band(self) -> Band | None:
        """What is heard alone; None: everything. Raises QueryError for a band that cannot be."""
        if self.low_hz is None and self.high_hz is None:
            return None
        return Band(self.low_hz or 0.0, 1_000_000.0 if self.high_hz is None else self.high_hz)


class ExportQuery(FilterQuery):
    """Which labelled sound is exported."""

    rating: Judgement | None = Field(
        default=None, description="Only events of which this was said last; default: anomaly and no_anomaly."
    )

    @property
    def ratings(self) -> tuple[Judgement, ...]:
        """The same as the library takes it."""
        return ("anomaly", "no_anomaly") if self.rating is None else (self.rating,)


_Query = TypeVar("_Query", bound=Query)


def query_from_parameters(model: type[_Query], given: QueryParams) -> _Query:
    """Check what stands behind the question mark.

    Raises:
        QueryError: A name is not known or stands twice, or a value does not fit; the text says which.
    """
    items = given.multi_items()
    if twice := sorted({name for name, _ in items if sum(name == other for other, _ in items) > 1}):
        raise QueryError(
            worded("query-twice", "{key} stands twice in the query; give it once", key=twice[0][:40])
        )
    try:
        return model.model_validate(dict(items))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        name = ".".join(str(part) for part in first["loc"])[:40]
        if first["type"] == "extra_forbidden":
            known = ", ".join(field.alias or name for name, field in model.model_fields.items())
            raise QueryError(
                worded(
                    "query-unknown",
                    "{key} is not known in this query; known: {known}",
                    key=repr(name),
                    known=known or "nothing",
                )
            ) from error
        told = f"{name}: {first['msg']}; /api/v1/openapi.json describes it"
        raise QueryError(worded("query", DETAIL, detail=told)) from error
