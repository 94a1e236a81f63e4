"""The section `bundles` of config.yaml: whose bundles are used, how many are kept, and who promotes."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from monitor.config.section import NAME, Section


class TrustedKeyConfig(Section):
    """A public key (ed25519) whose owner may sign bundles and calibrations: `public_key` or `file`."""

    name: str = Field(pattern=NAME, description="Whose key it is, for people.")
    public_key: str | None = Field(
        default=None, description="The key itself in base64, as `wheeltapper bundle keygen` prints it."
    )
    file: Path | None = Field(default=None, description="Or a PEM file that holds it.")
    signs: Literal["everything", "calibrations"] = Field(
        default="everything",
        description="`calibrations`: it may set limits and bring no models, as the box's own key should.",
    )

    @model_validator(mode="after")
    def _check_key(self) -> TrustedKeyConfig:
        if (self.public_key is None) == (self.file is None):
            raise ValueError("give either public_key or file")
        if self.public_key is not None:
            try:
                length = len(base64.b64decode(self.public_key, validate=True))
            except binascii.Error:
                length = 0
            if length != 32:
                raise ValueError(
                    "public_key must be 32 bytes in base64, as `wheeltapper bundle keygen` prints it"
                )
        return self


class BundlesConfig(Section):
    """Whose bundles are used, how many old ones are kept, and who promotes (docs/bundles.md)."""

    trusted_keys: tuple[TrustedKeyConfig, ...] = Field(
        default=(),
        max_length=100,
        description="Public keys, a section each, see below. With any, a bundle or a calibration that none "
        "of them has signed is refused; empty: signatures are not looked at.",
    )
    keep_versions: int = Field(
        default=5,
        ge=0,
        le=1000,
        description="Of each source with `bundle: managed` so many versions are kept besides the live one, "
        "the candidate and the one before.",
    )
    promotion: Literal["managed", "manual"] = Field(
        default="manual",
        description="`managed`: a candidate that is better than the live bundle is promoted by itself, and "
        "a person who promotes another one has to say why. `manual`: nothing is promoted by itself, and "
        "who promotes is told how it compares (docs/promotion.md).",
    )
    promotion_hours: float = Field(
        default=168.0,
        gt=0,
        le=8760,
        description="Hours that a candidate judges beside the live bundle before it can be better: a week "
        "has every shift in it.",
    )
    promotion_anomalies: int = Field(
        default=10,
        ge=1,
        le=1000,
        description="Events labelled `anomaly`, from which neither bundle has learned, before a candidate "
        "can be better: of 10 none may be missed that the live one finds, which says with 95 % that it "
        "misses at most 26 % of such.",
    )

    @model_validator(mode="after")
    def _check_names(self) -> BundlesConfig:
        names = [key.name for key in self.trusted_keys]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"trusted_keys: {', '.join(twice)} stands twice; give each key its own name")
        return self
