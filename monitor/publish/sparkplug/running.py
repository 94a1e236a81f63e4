"""Takes the tag `Machine/Running` out of what a host has written: a signal, and no operator's command."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from monitor.errors import CommandError
from monitor.publish.sparkplug.command_tags import RUNNING_TAG
from monitor.publish.sparkplug.commands import written_value
from monitor.publish.sparkplug.payload import Metric


def running_from_metrics(
    metrics: Sequence[Metric], name_of: Callable[[int], str | None]
) -> tuple[bool | None, tuple[Metric, ...]]:
    """Return whether the machine runs, None where nothing says so, and all other metrics of the message.

    `name_of` reads aliases, where they are in use.

    Raises:
        CommandError: It stands twice, or is no truth value of now.
    """
    meant = [metric for metric in metrics if _name(metric, name_of) == RUNNING_TAG.name]
    rest = tuple(metric for metric in metrics if metric not in meant)
    if not meant:
        return None, rest
    if len(meant) > 1:
        raise CommandError(f"{RUNNING_TAG.name} stands twice in one message")
    return bool(written_value(meant[0], RUNNING_TAG)), rest


def _name(metric: Metric, name_of: Callable[[int], str | None]) -> str | None:
    if metric.name is not None or metric.alias is None:
        return metric.name
    return name_of(metric.alias)
