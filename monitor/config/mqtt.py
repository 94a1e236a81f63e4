"""How the broker is reached, and what it is told."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from monitor.config.section import Section
from monitor.config.shapes import DISCOVERY_PREFIX, TOPIC_PREFIX


class MqttConfig(Section):
    """The broker."""

    enabled: bool = Field(
        default=True,
        description="false: no JSON topics; alarms stay in the store and the terminal, or go out by "
        "`sparkplug` alone, for which broker, login and TLS of this section hold all the same.",
    )
    host: str = Field(
        default="embedded",
        min_length=1,
        description="Host name of the broker, or `embedded`: a small broker inside the daemon, for "
        "trying out (extra `demo`).",
    )
    port: int = Field(default=1883, ge=1, le=65535, description="8883 is usual with TLS.")
    version: Annotated[Literal["3.1.1", "5"], BeforeValidator(str)] = Field(
        default="3.1.1",
        description="Of the protocol. With 5 messages carry content type, schema, source and bundle as "
        "properties, and the broker drops live scores and maps that nobody has fetched within a minute.",
    )
    prefix: str = Field(
        default="wheeltapper/{site}/{box}",
        pattern=TOPIC_PREFIX,
        description="Start of every topic; {site} and {box} are filled in.",
    )
    client_id: str | None = Field(default=None, description="Default: wheeltapper-{site}-{box}.")
    username: str | None = Field(default=None, description="Login name.")
    password_file: Path | None = Field(
        default=None,
        description="File that holds the password, which itself never stands in this file; or "
        "credential:NAME, what systemd's LoadCredential= gives the service under that name.",
    )
    tls: bool = Field(default=False, description="Encrypt, and check the broker's certificate.")
    ca_file: Path | None = Field(
        default=None, description="The plant's own certificate authority (PEM; also credential:NAME)."
    )
    cert_file: Path | None = Field(
        default=None, description="Client certificate (PEM; also credential:NAME)."
    )
    key_file: Path | None = Field(
        default=None, description="Key of the client certificate (PEM; also credential:NAME)."
    )
    insecure_skip_tls_name_check: bool = Field(
        default=False,
        description="true: take a broker whose certificate names another host, so that whoever has a "
        "certificate of the same authority can pretend to be the broker. Said in the log at each start.",
    )
    keepalive_s: int = Field(
        default=30,
        ge=5,
        le=3600,
        description="The broker announces our death after 1.5 times this.",
    )
    map_windows: Literal["flagged", "all", "none"] = Field(
        default="flagged", description="Which windows' error maps are published."
    )
    map_shape: tuple[int, int] = Field(
        default=(32, 16), description="Rows (mel) and columns (frames) of a published error map."
    )
    queue_messages: int = Field(
        default=1000,
        ge=10,
        le=100000,
        description="Live scores and maps that may wait for the broker; when full the oldest is "
        "dropped and counted.",
    )
    offline_score_every_s: float = Field(
        default=60.0,
        gt=0,
        le=86400,
        description="While the broker is away, one score per source in this time is kept on disk: "
        "the highest.",
    )
    offline_scores_max: int = Field(
        default=100_000,
        ge=0,
        le=10_000_000,
        description="Scores kept on disk at most; when full the oldest go. Events always stay.",
    )

    home_assistant: bool = Field(
        default=False, description="true: sources appear in Home Assistant by themselves."
    )
    home_assistant_prefix: str = Field(
        default="homeassistant",
        pattern=DISCOVERY_PREFIX,
        description="Start of its discovery topics, as set there.",
    )

    @model_validator(mode="after")
    def _check(self) -> MqttConfig:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file belong together: give both or neither")
        if self.cert_file is not None and not self.tls:
            raise ValueError("cert_file needs tls: true")
        if self.insecure_skip_tls_name_check and not self.tls:
            raise ValueError("insecure_skip_tls_name_check needs tls: true; without TLS nothing is checked")
        if self.host == "embedded" and self.version == "5":
            raise ValueError('version "5" needs a real broker in host: the embedded one speaks 3.1.1 only')
        if self.username is not None and self.password_file is None:
            raise ValueError("username needs password_file: the path of a file that holds the password")
        if self.map_shape[0] < 1 or self.map_shape[1] < 1:
            raise ValueError(f"map_shape {list(self.map_shape)} needs at least one row and one column")
        return self
