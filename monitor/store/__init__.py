"""What the box keeps: alarms before they are sent, sound and error maps around them, and labels."""

from monitor.store.records import Event, Label, Reply, StoredClip, StoredWindow
from monitor.store.store import Store, open_store

__all__ = ["Event", "Label", "Reply", "Store", "StoredClip", "StoredWindow", "open_store"]
