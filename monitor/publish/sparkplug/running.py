"""Takes the tag `Machine/Running` out of what a host has written: a signal, and no operator's command."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from monitor.errors import CommandError
from monitor.publish.sparkplug.command_tags import RUNNING_TAG
from monitor.publish.sparkplug.commands import written_value
from monitor.publish.sparkplug.payload import Metric


def split_running(
    metrics: Sequence[Metric], name_of: Callable[[int], str | None]
) -> tuple[tuple[Metric, ...], tuple[Metric, ...]]:
    """Return what a message says of the machine, and all other metrics of it.

    `name_of` reads aliases, where they are in use.
    """
    meant = tuple(metric for metric in metrics if _name(metric, name_of) == RUNNING_TAG.name)
    return meant, tuple(metric for metric in metrics if metric not in meant)


def running_from_metrics(meant: Sequence[Metric]) -> bool:
    """Return whether the machine runs, as one metric says.

    Raises:
        CommandError: There are several, or it is no truth value of now.
    """
    if len(meant) > 1:
        raise CommandError(f"{RUNNING_TAG.name} stands twice in one message")
    return bool(written_value(meant[0], RUNNING_TAG))


def _name(metric: Metric, name_of: Callable[[int], str | None]) -> str | None:
    if metric.name is not None or metric.alias is None:
        return metric.name
    return name_of(metric.alias)
