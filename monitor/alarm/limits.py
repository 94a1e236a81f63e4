"""Which limits are in force: what an operator has set, within the configuration's bounds, else its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from monitor.alarm.snapshot import AlarmSnapshot
from monitor.errors import CommandError
from monitor.operators import LIMIT_KEYS, Limits
from monitor.worded import worded

CALIBRATED_LIMIT = 1.0
"""The alarm limit unless an operator has set another: by definition the unit of a score."""
SHARE = 0.9
"""A deadband that no longer fits under its warning becomes this share of it."""


class LimitSettings(Protocol):
    """What the configuration says of limits, in units of the calibrated alarm limit."""

    @property
    def warning_value(self) -> float:
        """Warning level."""

    @property
    def deadband(self) -> float:
        """Both levels clear below themselves minus this."""

    @property
    def on_delay_s(self) -> float:
        """0: at the first window."""

    @property
    def off_delay_s(self) -> float:
        """0: at the first window."""

    @property
    def limit_min(self) -> float:
        """The lowest alarm limit that an operator may set."""

    @property
    def limit_max(self) -> float:
        """The highest alarm limit that an operator may set."""

    @property
    def delay_max_s(self) -> float:
        """The longest delay that an operator may set."""


def limits_in_force(settings: LimitSettings, facts: AlarmSnapshot) -> Limits:
    """Return what scores are held against.

    The configuration may have changed since an operator set them: its bounds win, the warning is never above
    the limit, and the deadband always below the warning.
    """
    limit = _within(facts.limit, CALIBRATED_LIMIT, settings.limit_min, settings.limit_max)
    wanted = settings.warning_value if facts.warning_value is None else facts.warning_value
    warning_value = min(wanted, limit)
    deadband = settings.deadband if facts.deadband is None else facts.deadband
    return Limits(
        limit=limit,
        warning_value=warning_value,
        deadband=deadband if deadband < warning_value else SHARE * warning_value,
        on_delay_s=_within(facts.on_delay_s, settings.on_delay_s, 0.0, settings.delay_max_s),
        off_delay_s=_within(facts.off_delay_s, settings.off_delay_s, 0.0, settings.delay_max_s),
        set_by=facts.limits_by,
        set_utc_s=facts.limits_utc_s,
    )


def checked_limits(
    settings: LimitSettings, facts: AlarmSnapshot, wanted: Mapping[str, float]
) -> dict[str, float | None]:
    """Return what an operator has then set, by LIMIT_KEYS, None for what is as configured.

    Raises:
        CommandError: A value is outside its bounds or does not go with the others; the text has the bounds.
    """
    in_force = limits_in_force(settings, facts)
    after = {key: wanted.get(key, getattr(in_force, key)) for key in LIMIT_KEYS}
    bounds = (
        ("limit", settings.limit_min, settings.limit_max, "alarm.limit_min, alarm.limit_max"),
        ("on_delay_s", 0.0, settings.delay_max_s, "alarm.delay_max_s"),
        ("off_delay_s", 0.0, settings.delay_max_s, "alarm.delay_max_s"),
    )
    for key, low, high, names in bounds:
        if key in wanted and not low <= wanted[key] <= high:
            raise CommandError(
                worded(
                    "limit-out-of-bounds",
                    "{key} {wanted} must be {low} to {high} ({keys})",
                    key=key,
                    wanted=wanted[key],
                    low=low,
                    high=high,
                    keys=names,
                )
            )
    if not 0 < after["warning_value"] <= after["limit"]:
        raise CommandError(
            worded(
                "warning-above-limit",
                "warning_value {warning} must be above 0 and at most the limit, {limit}; set both",
                warning=after["warning_value"],
                limit=after["limit"],
            )
        )
    if not 0 <= after["deadband"] < after["warning_value"]:
        raise CommandError(
            worded(
                "deadband-too-wide",
                "deadband {deadband} must be 0 or more and below warning_value {warning}, or a warning would "
                "never clear; set both",
                deadband=after["deadband"],
                warning=after["warning_value"],
            )
        )
    return {key: wanted.get(key, getattr(facts, key)) for key in LIMIT_KEYS}


def _within(set_value: float | None, configured: float, low: float, high: float) -> float:
    """Return what an operator has set, brought within its bounds; the configuration needs no bounds."""
    return configured if set_value is None else min(max(set_value, low), high)
