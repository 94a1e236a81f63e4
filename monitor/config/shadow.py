"""The section `shadow` of config.yaml: how candidates judge beside the live bundles."""

from __future__ import annotations

from pydantic import Field

from monitor.config.section import Section


class ShadowConfig(Section):
    """How a candidate judges beside a live bundle, with `bundle: managed` (docs/promotion.md)."""

    enabled: bool = Field(
        default=True,
        description="true: a candidate that is installed judges the same windows as the live bundle, at once "
        "and for evidence alone. false: it waits until it is promoted.",
    )
    cpu_share: float = Field(
        default=0.1,
        gt=0,
        le=1,
        description="All candidates together take so much of one CPU core's time at most. Windows beyond it "
        "are skipped and counted; none is judged while a window waits for a live bundle.",
    )
    ask_every_s: float = Field(
        default=3600.0,
        ge=1,
        le=604800,
        description="With `bundles.promotion: managed` it is asked this often whether a candidate is better, "
        "once it has judged for bundles.promotion_hours.",
    )
    max_engines: int = Field(
        default=8,
        ge=1,
        le=1000,
        description="So many different candidates are open at once, each with an engine in memory; others "
        "wait for their turn. Sources that share a candidate share its engine.",
    )
