"""All births of a node, in the order that hosts count on: the node's first, then every device's."""

from __future__ import annotations

from monitor.publish.sparkplug.actions import Publish
from monitor.publish.sparkplug.composer import Composer
from monitor.publish.sparkplug.roster import Roster
from monitor.publish.sparkplug.tags import BDSEQ, REBIRTH, Reading


def birth_messages(composer: Composer, roster: Roster, bdseq: int, now_ms: int) -> list[Publish]:
    """Return NBIRTH and a DBIRTH for each device that is alive; deaths that are owed come after them.

    A device whose death could not be told is born once more, for a host may not know it, and then dies.
    """
    node = roster.tags_of(None)
    node.take({BDSEQ: Reading(bdseq), REBIRTH: Reading(value=False)}, now_ms)
    owed = roster.take_owed_deaths()
    births = [composer.nbirth(node.birth(), now_ms)]
    births.extend(
        composer.dbirth(one, roster.tags_of(one).birth(), now_ms)
        for one in roster.device_ids
        if one in owed or roster.is_alive(one)
    )
    return births + [composer.ddeath(one, now_ms) for one in roster.device_ids if one in owed]
