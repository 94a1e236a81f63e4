"""The table of tags: every name, type, unit and meaning that a host is told; for commands: command_tags.py.

readings.py fills them from our own messages. A name or a type, once published, never changes: plants build
screens and alarms on them. New tags may be added.
"""

from __future__ import annotations

from monitor.messages import AlarmState, CaptureState, Quality
from monitor.publish.sparkplug.command_tags import COMMAND_TAGS, LIMIT_UNIT, NODE_COMMAND_TAGS, RUNNING_TAG
from monitor.publish.sparkplug.datatypes import DataType
from monitor.publish.sparkplug.followed_tags import FOLLOWED_TAGS
from monitor.publish.sparkplug.tags import CONTROL_TAGS, Tag

STATE_CODES = {
    AlarmState.NORMAL: 0,
    AlarmState.UNACKNOWLEDGED: 1,
    AlarmState.ACKNOWLEDGED: 2,
    AlarmState.RETURNED: 3,
    AlarmState.SHELVED: 4,
    AlarmState.OUT_OF_SERVICE: 5,
    AlarmState.SUPPRESSED: 6,
}
"""Alarm state -> the number that `Alarm/State` has."""
BANDS = 8
"""Values of `Error/Bands`."""
MAX_TEXT = 1_000
"""Letters of a text; what is longer is cut."""

_SQUARED = "squared error, standardised"
_DIRECTION = "High means unusual; 1.0 is the calibrated alarm limit, 0.0 the median of normal sound."


def _codes() -> str:
    return ", ".join(f"{code} {state.value.replace('_', ' ')}" for state, code in STATE_CODES.items())


def _words(kind: type[Quality | CaptureState]) -> str:
    return ", ".join(member.value for member in kind)


SCORE_TAGS = (
    Tag(
        "Score",
        DataType.DOUBLE,
        f"How unusual the last window of sound was. {_DIRECTION}",
        LIMIT_UNIT,
        low=0.0,
        high=2.0,
        documentation="Null with quality bad while the input cannot be judged: a bad input is no anomaly, "
        "and it is not normal either. `Input/Quality` says what is wrong. Null and good while the machine "
        "is off.",
    ),
    Tag(
        "Limit",
        DataType.DOUBLE,
        "The alarm is raised at this score; 1.0 unless an operator has set another.",
        LIMIT_UNIT,
        kept=False,
    ),
    Tag("WarningLimit", DataType.DOUBLE, "The warning is raised at this score.", LIMIT_UNIT, kept=False),
    Tag(
        "ExpectedPerDay",
        DataType.DOUBLE,
        "False alarms a day that a limit at this score would raise.",
        "1/day",
        low=0.0,
    ),
    Tag("Input/LevelDbfs", DataType.DOUBLE, "RMS level of the window.", "dBFS", low=-120.0, high=0.0),
    Tag(
        "Input/Quality",
        DataType.STRING,
        f"Whether the window could be judged: {_words(Quality)}.",
        documentation="Anything but ok has no score, freezes the alarm as it is and sets `Alarm/Uncertain`; "
        "but off does so only without `Alarm/Suppressed`, once most of the sound was too quiet. unlearned: "
        "the sound is good, and the source waits for its first bundle (`Engine/Bundle` is null).",
    ),
)

ALARM_TAGS = (
    Tag(
        "Alarm/State",
        DataType.INT32,
        f"ISA-18.2 state: {_codes()}.",
        low=0.0,
        high=6.0,
        documentation="Shelved and out of service are still evaluated: `Alarm/Active` goes on. While it is "
        "suppressed by design, because the machine is off or no bundle is live yet, nothing is: "
        "`Alarm/Active` stays as it was.",
    ),
    Tag("Alarm/StateText", DataType.STRING, "The same as a word."),
    Tag("Alarm/Active", DataType.BOOLEAN, "At or above the limit, whatever an operator has set aside."),
    Tag(
        "Alarm/Acked",
        DataType.BOOLEAN,
        "Nothing waits to be acknowledged.",
        documentation="Null: not noted, in old history.",
    ),
    Tag("Alarm/Warning", DataType.BOOLEAN, "At or above the warning level."),
    Tag("Alarm/Uncertain", DataType.BOOLEAN, "The input cannot be judged, or too little of it was lately."),
    Tag("Alarm/Shelved", DataType.BOOLEAN, "Set aside by an operator for a time; also while out of service."),
    Tag(
        "Alarm/ShelvedUntil", DataType.DATETIME, "When shelving ends; null: not shelved, or until it returns."
    ),
    Tag("Alarm/OutOfService", DataType.BOOLEAN, "Taken out by an operator until put back."),
    Tag(
        "Alarm/Suppressed",
        DataType.BOOLEAN,
        "Suppressed by design: the machine is off, or no bundle is live yet; also while set aside.",
    ),
    Tag("Alarm/EventId", DataType.STRING, "The open event; null: none is."),
    Tag("Alarm/EventStart", DataType.DATETIME, "When its first window at or above the limit began."),
    Tag(
        "Alarm/Peak", DataType.DOUBLE, "The highest score of the event so far.", LIMIT_UNIT, low=0.0, high=2.0
    ),
    Tag("Alarm/Reason", DataType.STRING, "What made the alarm change last."),
    Tag("Alarm/Actor", DataType.STRING, "Who gave the command; null: the sound did it."),
    Tag("Alarm/Note", DataType.STRING, "What that person wrote; null: nothing."),
    Tag("Alarm/Explanation", DataType.STRING, "What the event sounds like, in words; null: not known."),
    Tag(
        "Alarm/Deadband", DataType.DOUBLE, "Limits clear below themselves minus this.", LIMIT_UNIT, kept=False
    ),
    Tag(
        "Alarm/OnDelaySeconds",
        DataType.DOUBLE,
        "The score must stay at or above the limit this long.",
        "s",
        kept=False,
    ),
    Tag(
        "Alarm/OffDelaySeconds",
        DataType.DOUBLE,
        "The score must stay below the limit less the deadband this long.",
        "s",
        kept=False,
    ),
    Tag(
        "Alarm/LimitsBy",
        DataType.STRING,
        "Who set any of the limits last; null: all are as configured.",
        kept=False,
    ),
)

MAP_TAGS = (
    Tag(
        "Error/Bands",
        DataType.FLOAT_ARRAY,
        "Mean error of the window in bands of frequency, low first.",
        _SQUARED,
        kept=False,
    ),
    Tag(
        "Error/BandEdgesHz",
        DataType.FLOAT_ARRAY,
        "Edges of these bands, one more than there are bands.",
        "Hz",
        kept=False,
    ),
    Tag(
        "Error/Map",
        DataType.FLOAT_ARRAY,
        "When and at which frequencies the window was unusual: `Error/MapRows` times `Error/MapColumns`.",
        _SQUARED,
        documentation="Row after row, low frequencies first; within a row early first. Means over areas of "
        "the model's own map. Not part of history.",
        kept=False,
    ),
    Tag("Error/MapRows", DataType.INT32, "Rows (frequency) of the map.", kept=False),
    Tag("Error/MapColumns", DataType.INT32, "Columns (time) of the map.", kept=False),
    Tag("Error/MapEdgesHz", DataType.FLOAT_ARRAY, "Edges of the rows, one more than rows.", "Hz", kept=False),
    Tag("Error/MapSeconds", DataType.DOUBLE, "How much sound the columns cover.", "s", low=0.0, kept=False),
)

HEALTH_TAGS = (
    Tag("Input/State", DataType.STRING, f"How capture is doing: {_words(CaptureState)}."),
    Tag("Input/Reason", DataType.STRING, "What was found; null: it is healthy."),
    Tag("Input/Device", DataType.STRING, "What is being listened to."),
    Tag("Input/LostSamples", DataType.INT64, "Samples lost since the source opened.", "samples", low=0.0),
    Tag("Input/Restarts", DataType.INT64, "Times that the source was opened again.", low=0.0),
    Tag("Engine/Bundle", DataType.STRING, "The model bundle that judges."),
    Tag("Engine/Backend", DataType.STRING, "The library that runs the model, its version, place, precision."),
    Tag("Engine/Fallback", DataType.STRING, "Why no better backend answers; null: the best one does."),
    Tag("Engine/DroppedWindows", DataType.INT64, "Windows given up for lack of time.", "windows", low=0.0),
    Tag(
        "Engine/KeepsUp",
        DataType.BOOLEAN,
        "False: windows were given up within the last minute, or the engine does not come back.",
    ),
    Tag("Engine/DroppedShare", DataType.DOUBLE, "Share of the last minute's windows given up.", low=0.0),
    Tag(
        "Engine/LagSeconds",
        DataType.DOUBLE,
        "From the end of a window's sound to its score.",
        "s",
        low=0.0,
        kept=False,
    ),
)

MACHINE_TAGS = (
    Tag(
        "Machine/Off", DataType.BOOLEAN, "A condition of the source's section `off` holds: nothing is judged."
    ),
    Tag("Machine/OffReason", DataType.STRING, "Which conditions hold; null: the machine counts as running."),
    Tag(
        "Machine/SignalMissing",
        DataType.STRING,
        "Why the plant's signal cannot be relied on, so that the machine counts as running; null: it can.",
    ),
    RUNNING_TAG,
)

DEVICE_TAGS = (
    *SCORE_TAGS,
    *ALARM_TAGS,
    *MAP_TAGS,
    *HEALTH_TAGS,
    *MACHINE_TAGS,
    *FOLLOWED_TAGS,
    *COMMAND_TAGS,
)
"""The tags of every device: one source, one machine."""

BOX_TAGS = (
    Tag("Box/Version", DataType.STRING, "Version of Wheeltapper."),
    Tag("Box/Started", DataType.DATETIME, "When the process began."),
    Tag("Box/ClockSet", DataType.BOOLEAN, "False: the box does not know the time; trust no time stamp."),
    Tag("Box/StoreError", DataType.STRING, "Why alarms cannot be stored at present; null: they are."),
    Tag("Box/ClipsError", DataType.STRING, "Why no clips are written at present; null: they are."),
    Tag("Box/UnsavedChanges", DataType.INT64, "Alarm changes that wait for the store.", low=0.0),
    Tag("Box/OutboxRecords", DataType.INT64, "Records that wait to be sent; null: not known.", low=0.0),
    Tag("Box/RestartedThreads", DataType.INT64, "Threads that had to be started again.", low=0.0),
    Tag("Box/Losses", DataType.INT64, "Messages, clips and commands given up since the start.", low=0.0),
)
"""How the box is; the tags of the node that it sets itself."""

NODE_TAGS = (*CONTROL_TAGS, *BOX_TAGS, *NODE_COMMAND_TAGS)
"""All tags of the node."""
