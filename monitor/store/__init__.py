"""What the box keeps: alarms before they are sent, sound and error maps around them, and labels."""

from monitor.store.clips import ClipJob, ClipRecorder
from monitor.store.opening import open_store
from monitor.store.records import AuditEntry, Event, Label, Reply, StoredClip, StoredWindow
from monitor.store.retention import Reckon, RetentionFacts, RetentionReport, prune
from monitor.store.store import Store

__all__ = [
    "AuditEntry",
    "ClipJob",
    "ClipRecorder",
    "Event",
    "Label",
    "Reckon",
    "Reply",
    "RetentionFacts",
    "RetentionReport",
    "Store",
    "StoredClip",
    "StoredWindow",
    "open_store",
    "prune",
]
