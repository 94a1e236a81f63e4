"""The configuration's file: who may read it matters where it holds a password."""

from __future__ import annotations

import stat
from collections.abc import Iterator

from monitor.addresses import secrets_of_address
from monitor.config import StreamSource
from monitor.doctor.finding import Finding, Patient, ok, warning


def check_config_file(patient: Patient) -> Iterator[Finding]:
    """Say that the configuration is valid, and whether strangers can read a password in it."""
    path, config = patient.config_path, patient.config
    yield ok("configuration", f"{path} is valid: {len(config.sources)} sources")
    streams = [source for source in config.sources if isinstance(source, StreamSource)]
    if path.stat().st_mode & stat.S_IROTH and any(any(secrets_of_address(source.url)) for source in streams):
        yield warning(
            "configuration",
            "a stream's address holds a password, and everybody on this box can read it",
            f"chmod o-r {path}",
        )
