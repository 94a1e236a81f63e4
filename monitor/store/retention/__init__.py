"""What is kept, for how long, and in which order it goes when there is no room."""

from monitor.store.retention.pruning import prune
from monitor.store.retention.report import RetentionFacts, RetentionReport
from monitor.store.retention.shadow_rows import Reckon

__all__ = ["Reckon", "RetentionFacts", "RetentionReport", "prune"]
