"""The section `replay` of config.yaml: the technicians' page."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from monitor.config.section import Section

FAULT_CODE_CHARACTERS = 64
"""As many as a label takes."""


class ReplayConfig(Section):
    """The technicians' page: `wheeltapper replay`, a process of its own."""

    enabled: bool = Field(
        default=True,
        description="false: no page is served, and the daemon opens no control socket for one.",
    )
    host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description="Address to listen at. Anything but a loopback address needs users first "
        "(`wheeltapper replay user add`, docs/replay.md).",
    )
    port: int = Field(default=8080, ge=1, le=65535, description="Of the page.")
    allowed_hosts: tuple[str, ...] = Field(
        default=(),
        description="Names by which browsers may ask for the page; numeric addresses and localhost are "
        "always taken. Others are refused, so that no foreign site can pass itself off as the page.",
    )
    trusted_proxies: tuple[str, ...] = Field(
        default=(),
        description="Addresses of reverse proxies whose X-Forwarded-For and X-Forwarded-Proto are believed.",
    )
    tls_cert_file: Path | None = Field(default=None, description="Certificate (PEM), to serve HTTPS.")
    tls_key_file: Path | None = Field(default=None, description="Key of the certificate (PEM).")
    users_file: Path | None = Field(
        default=None,
        description="Who may log in; default: replay-users.json in state_dir. Without that file, "
        "allowed_hosts and trusted_proxies everybody who reaches a loopback address is admin.",
    )
    session_s: float = Field(
        default=43200.0, ge=60, le=2592000, description="So long after the login it has to be done again."
    )
    session_idle_s: float = Field(
        default=14400.0,
        ge=60,
        le=2592000,
        description="The same, after the last thing that somebody did on the page; an open page that only "
        "looks for news does not count.",
    )
    cache_dir: Path | None = Field(
        default=None, description="Where pictures are kept; default: replay-cache in state_dir."
    )
    cache_bytes: int = Field(
        default=200_000_000,
        ge=1_000_000,
        description="Pictures kept on disk; above it those that nobody has looked at for longest go first.",
    )
    fault_codes: tuple[str, ...] = Field(
        default=(),
        max_length=200,
        description="The site's list of faults, offered when an event is labelled; the page then takes no "
        "others. Empty: any.",
    )
    language: Literal["auto", "en", "de"] = Field(
        default="auto", description="Of the page; auto: the first that the browser asks for and we have."
    )

    @field_validator("fault_codes")
    @classmethod
    def _check_codes(cls, codes: tuple[str, ...]) -> tuple[str, ...]:
        for code in codes:
            if not code.strip() or len(code) > FAULT_CODE_CHARACTERS:
                raise ValueError(f"fault code {code!r} must have 1 to {FAULT_CODE_CHARACTERS} characters")
        return codes

    @model_validator(mode="after")
    def _check_tls(self) -> ReplayConfig:
        if (self.tls_cert_file is None) != (self.tls_key_file is None):
            raise ValueError("tls_cert_file and tls_key_file belong together; give both or neither")
        return self
