"""The tags that a host may write, and those in which it is answered: part of the table of metrics.py.

What a written tag asks for is in commands.py.
"""

from __future__ import annotations

from monitor.publish.sparkplug.datatypes import DataType
from monitor.publish.sparkplug.tags import Tag

LIMIT_UNIT = "alarm limits"
"""The unit of scores, and of what they are held against."""

REPLY_TAGS = (
    Tag("Command/LastId", DataType.STRING, "Id of the command that was answered last.", kept=False),
    Tag("Command/LastAction", DataType.STRING, "What it asked; null: it could not be read.", kept=False),
    Tag("Command/LastResult", DataType.STRING, "What came of it: done or refused.", kept=False),
    Tag("Command/LastReason", DataType.STRING, "Why it was refused; null: it is done.", kept=False),
)
"""The answer to the last command, by whichever way it came."""

DOCUMENT_TAG = Tag(
    "Command/Document",
    DataType.STRING,
    "Write a command as JSON, as docs/mqtt.md describes it: with an id and an actor of your own.",
    kept=False,
    writable=True,
)
"""What has no tag of its own can be asked with it: a label, for example."""

COMMAND_TAGS = (
    Tag(
        "Command/Acknowledge",
        DataType.BOOLEAN,
        "Write true: somebody has seen the alarm.",
        kept=False,
        writable=True,
    ),
    Tag(
        "Command/ShelveSeconds",
        DataType.DOUBLE,
        "Write for how long the alarm is to be set aside.",
        "s",
        low=0.0,
        kept=False,
        writable=True,
    ),
    Tag(
        "Command/ShelveOnce",
        DataType.BOOLEAN,
        "Write true: set aside until it returns.",
        kept=False,
        writable=True,
    ),
    Tag("Command/Unshelve", DataType.BOOLEAN, "Write true: no longer set aside.", kept=False, writable=True),
    Tag(
        "Command/OutOfService",
        DataType.BOOLEAN,
        "Write true to take the alarm out of service, false to put it back.",
        kept=False,
        writable=True,
    ),
    Tag(
        "Command/AlarmLimit",
        DataType.DOUBLE,
        "Write the alarm limit.",
        LIMIT_UNIT,
        low=0.0,
        kept=False,
        writable=True,
    ),
    Tag(
        "Command/WarningLimit",
        DataType.DOUBLE,
        "Write the warning.",
        LIMIT_UNIT,
        low=0.0,
        kept=False,
        writable=True,
    ),
    Tag(
        "Command/Deadband",
        DataType.DOUBLE,
        "Write the deadband.",
        LIMIT_UNIT,
        low=0.0,
        kept=False,
        writable=True,
    ),
    Tag(
        "Command/OnDelaySeconds",
        DataType.DOUBLE,
        "Write the on-delay.",
        "s",
        low=0.0,
        kept=False,
        writable=True,
    ),
    Tag(
        "Command/OffDelaySeconds",
        DataType.DOUBLE,
        "Write the off-delay.",
        "s",
        low=0.0,
        kept=False,
        writable=True,
    ),
    Tag(
        "Command/ResetLimits",
        DataType.BOOLEAN,
        "Write true: all limits as in the configuration.",
        kept=False,
        writable=True,
    ),
    Tag(
        "Command/Actor",
        DataType.STRING,
        "Who acts, if it is written together with a command.",
        documentation="In one and the same DCMD; it does not hold for later ones. Without it the host acts.",
        kept=False,
        writable=True,
    ),
    Tag(
        "Command/Note",
        DataType.STRING,
        "A remark that is kept, if it is written together with a command.",
        kept=False,
        writable=True,
    ),
    DOCUMENT_TAG,
    *REPLY_TAGS,
)
"""What a host may write to a device, and the answer. Tags to be written have no value of their own: null."""

RUNNING_TAG = Tag(
    "Machine/Running",
    DataType.BOOLEAN,
    "What the plant says of the machine; null: nothing that can be relied on.",
    documentation="Where `off.signal` of the source has `kind: sparkplug`: write false when the machine is "
    "off, true when it runs, and again whenever this is null in a birth: it is not kept over a restart.",
    writable=True,
)
"""Not a command: it is told again and again, is no operator's doing, and is not answered."""
RELOAD_TAG = Tag(
    "Node Control/Reload",
    DataType.BOOLEAN,
    "Write true: read the configuration file again, and apply what can be applied without a restart.",
    kept=False,
    writable=True,
)
NODE_COMMAND_TAGS = (RELOAD_TAG, DOCUMENT_TAG, *REPLY_TAGS)
"""What a host may write to the node besides `Node Control/Rebirth`, and the answer."""
