"""What a source's scores are held against, as a part of its alarm document."""

from __future__ import annotations

from pydantic import Field

from monitor.operators import Limits
from monitor.publish.fields import LIMITS, SECONDS, TEXT, UTC, Time, rfc3339_from_utc_s
from monitor.publish.part import Part


class LimitsDocument(Part):
    """The limits in force: as configured, or as an operator has set them."""

    limit: float = Field(
        description="The alarm is raised at or above this score; 1.0 unless an operator has set another.",
        json_schema_extra=LIMITS,
    )
    warning_value: float = Field(
        description="The warning is raised at or above this score.", json_schema_extra=LIMITS
    )
    deadband: float = Field(description="Both clear below themselves minus this.", json_schema_extra=LIMITS)
    on_delay_s: float = Field(
        description="The score must stay at or above the limit this long.", json_schema_extra=SECONDS
    )
    off_delay_s: float = Field(
        description="The score must stay below limit - deadband this long.", json_schema_extra=SECONDS
    )
    set_by: str | None = Field(
        description="Which operator changed any of them last; null: all are as configured.",
        json_schema_extra=TEXT,
    )
    set_at: Time | None = Field(
        description="When that was; null: all are as configured.", json_schema_extra=UTC
    )


def limits_document(limits: Limits) -> LimitsDocument:
    """Return the limits as a document says them."""
    return LimitsDocument(
        limit=limits.limit,
        warning_value=limits.warning_value,
        deadband=limits.deadband,
        on_delay_s=limits.on_delay_s,
        off_delay_s=limits.off_delay_s,
        set_by=limits.set_by,
        set_at=None if limits.set_utc_s is None else rfc3339_from_utc_s(limits.set_utc_s),
    )
