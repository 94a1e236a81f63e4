"""Who there is: the node and its devices, their tags, and which devices are alive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from monitor.errors import SparkplugError
from monitor.publish.sparkplug.tags import CONTROL_TAGS, Reading, Tag, TagSet
from monitor.publish.sparkplug.topics import check_id

MAX_DEVICES = 2_000


def check_device_ids(device_ids: Sequence[str]) -> None:
    """Refuse devices that no node could have.

    Raises:
        SparkplugError: An id is not fit for a topic, or there are too many.
    """
    for device_id in device_ids:
        check_id("device id", device_id)
    if len(device_ids) > MAX_DEVICES:
        raise SparkplugError(f"{len(device_ids)} devices: one node has at most {MAX_DEVICES}")


class Roster:
    """The tags of the node and of every device. Aliases, where wanted, are unique over all of them."""

    def __init__(self, node_tags: Sequence[Tag], at_ms: int, *, aliases: bool) -> None:
        """Take the node's own tags; those that the specification demands are added."""
        self._aliases = aliases
        self._next_alias = 1
        self._node = self._tag_set((*CONTROL_TAGS, *node_tags), at_ms)
        self._devices: dict[str, TagSet] = {}
        self._alive: set[str] = set()
        self._owed_deaths: set[str] = set()

    def add(self, device_id: str, tags: Sequence[Tag], readings: Mapping[str, Reading], at_ms: int) -> None:
        """Take a device as alive, with what its tags are; one that was known keeps what it was, and aliases.

        Raises:
            SparkplugError: Its id is not fit for a topic or differs from another by letter case alone; it
                was known with other tags; a reading does not fit; or there are too many devices.
        """
        known = self._devices.get(device_id)
        if known is None:
            self._check_new(device_id)
            # tried on a set without aliases, so that what is refused leaves nothing behind
            TagSet(tags, at_ms, {}).check(readings)
            known = self._tag_set(tags, at_ms)
        elif known.tags != tuple(tags):
            raise SparkplugError(f"device {device_id}: is known with other tags; they never change")
        known.check(readings)
        known.take(readings, at_ms)
        self._devices[device_id] = known
        self._alive.add(device_id)
        self._owed_deaths.discard(device_id)

    def lose(self, device_id: str) -> bool:
        """Take a device for dead; returns whether it was alive.

        Raises:
            SparkplugError: There is no such device.
        """
        self.tags_of(device_id)
        was_alive = device_id in self._alive
        self._alive.discard(device_id)
        return was_alive

    def forget(self, device_id: str) -> None:
        """Let go of a dead device; should it come again it is a new one, with other aliases."""
        if device_id not in self._owed_deaths:
            del self._devices[device_id]

    def owe_death(self, device_id: str) -> None:
        """Remember that hosts have yet to be told of a device's death."""
        self._owed_deaths.add(device_id)

    def take_owed_deaths(self) -> set[str]:
        """Return those whose death was to be told, and owe it no more."""
        owed, self._owed_deaths = self._owed_deaths, set()
        return owed

    def tags_of(self, device_id: str | None) -> TagSet:
        """Return the tags of a device, or of the node for None.

        Raises:
            SparkplugError: There is no such device.
        """
        if device_id is None:
            return self._node
        tags = self._devices.get(device_id)
        if tags is None:
            raise SparkplugError(f"no device is named {device_id!r:.80}; it must appear first")
        return tags

    def is_alive(self, device_id: str | None) -> bool:
        """Whether the node, or a device, could be spoken for."""
        return device_id is None or device_id in self._alive

    @property
    def device_ids(self) -> tuple[str, ...]:
        """Every device, dead ones too, in the order in which they first appeared."""
        return tuple(self._devices)

    @property
    def alive_ids(self) -> tuple[str, ...]:
        """Every device that is alive, in that order."""
        return tuple(device_id for device_id in self._devices if device_id in self._alive)

    def _check_new(self, device_id: str) -> None:
        check_id("device id", device_id)
        if device_id.lower() in {known.lower() for known in self._devices}:
            raise SparkplugError(f"device {device_id}: another differs only by letter case; rename one")
        if len(self._devices) >= MAX_DEVICES:
            raise SparkplugError(f"device {device_id}: one node has at most {MAX_DEVICES} devices")

    def _tag_set(self, tags: Sequence[Tag], at_ms: int) -> TagSet:
        names = [tag.name for tag in tags if tag.aliased] if self._aliases else []
        aliases = {name: self._next_alias + index for index, name in enumerate(names)}
        self._next_alias += len(names)
        return TagSet(tags, at_ms, aliases)
