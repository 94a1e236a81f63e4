"""The values that flow between the stages, in the order in which they flow.

    AudioBlock -> Window -> LogMel      sound.py, with Quality: whether it can be judged
    CaptureHealth                       capture.py: how a source is
    Inference -> Score                  judged.py
    MachineCondition                    running.py: whether a machine is off, and why
    AlarmChange                         alarms.py, with the states of ISA-18.2
    Record                              outbox.py: what waits to be sent

Values are frozen and their arrays read-only, so that a stage may keep them; stages import this package, none
of each other. `_s` is stream time (seconds of sound since the source first opened, lost samples included),
`_utc_s` is seconds since 1970 UTC; monotonic time stays out. A gap is a value: a block counts samples lost
before it, a window over a gap says so in its quality, and what cannot be judged scores None, never 0.
"""

from __future__ import annotations

from monitor.messages.alarms import AlarmChange, AlarmState, ChangeReason
from monitor.messages.capture import CaptureHealth, CaptureState
from monitor.messages.judged import Inference, Score
from monitor.messages.outbox import Outbox, Reader, ReadTo, Record
from monitor.messages.running import RUNS, MachineCondition, MachineOff, OffCause, SignalState
from monitor.messages.sound import (
    DEAF_QUALITIES,
    SAME_TIME_S,
    AudioBlock,
    Float32,
    LogMel,
    Quality,
    Span,
    Window,
    read_only,
)

__all__ = [
    "DEAF_QUALITIES",
    "RUNS",
    "SAME_TIME_S",
    "AlarmChange",
    "AlarmState",
    "AudioBlock",
    "CaptureHealth",
    "CaptureState",
    "ChangeReason",
    "Float32",
    "Inference",
    "LogMel",
    "MachineCondition",
    "MachineOff",
    "OffCause",
    "Outbox",
    "Quality",
    "ReadTo",
    "Reader",
    "Record",
    "Score",
    "SignalState",
    "Span",
    "Window",
    "read_only",
]
