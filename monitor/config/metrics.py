"""The section `metrics` of config.yaml: what Prometheus reads."""

from __future__ import annotations

from pydantic import Field

from monitor.config.section import Section


class MetricsConfig(Section):
    """Figures for Prometheus at /metrics (docs/metrics.md)."""

    enabled: bool = Field(
        default=False,
        description="true: the daemon serves /metrics. Off unless asked for: it opens no port of itself.",
    )
    host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description="Address to listen at. Everybody who reaches it can read it: there is no password and "
        "nothing secret, but names of sources and devices.",
    )
    port: int = Field(default=9469, ge=1, le=65535, description="Of /metrics.")
