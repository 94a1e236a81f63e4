"""Which candidates there are at present: the libraries say, whoever changed them.

A terminal installs, promotes and rolls back without asking the daemon, so the documents are looked at now and
then: a look costs a call of the operating system for each source that is managed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from monitor.bundles.choice import is_managed
from monitor.bundles.library import DOCUMENT, Library
from monitor.config import Config
from monitor.errors import LibraryError
from monitor.logs import Log

Stamp = tuple[int, int, int]
"""Of a document: when it was written, its size, its place on the disk."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A candidate that is to judge beside a live bundle."""

    version: str
    """Its name in the library."""
    stamp: Stamp
    """Of the library's document: another one after every install."""


class Roll:
    """Belongs to the shadow thread."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._known: dict[str, tuple[Stamp, str | None]] = {}

    def wanted(self, config: Config) -> dict[str, Wanted]:
        """Return the candidate of each managed source that has one, in the order of the configuration."""
        return dict(self._look(config)) if config.shadow.enabled else {}

    def _look(self, config: Config) -> Iterator[tuple[str, Wanted]]:
        for source in config.sources:
            if not is_managed(source):
                continue
            library = Library(config.state_dir, source.id)
            try:
                found = (library.folder / DOCUMENT).stat()
            except OSError:  # nothing was installed yet
                continue
            stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
            known = self._known.get(source.id)
            if known is None or known[0] != stamp:
                self._known[source.id] = known = (stamp, self._candidate(library))
            if known[1] is not None:
                yield source.id, Wanted(known[1], stamp)

    def _candidate(self, library: Library) -> str | None:
        try:
            roles = library.roles()
        except LibraryError as error:
            self._log.warning("candidates cannot be looked up", source=library.source_id, reason=str(error))
            return None
        return roles.candidate if roles.live is not None else None
