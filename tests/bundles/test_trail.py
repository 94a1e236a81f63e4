"""What was installed without the daemon is on record before whatever is asked after it, and once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from monitor.bundles.library import Library
from monitor.bundles.roles import By
from monitor.bundles.trail import InstallWatch, record_changes
from monitor.errors import StoreError
from monitor.listening import DEMO_BUNDLE
from monitor.operators import Origin
from monitor.store import AuditEntry, Store, open_store
from monitor.testing import CapturedLog

NOON_UTC_S = 1.8e9


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(tmp_path)) as opened:
        yield opened


def by(command_id: str, at_utc_s: float, origin: Origin = Origin.TERMINAL) -> By:
    return By("anna", origin.value, at_utc_s, command_id)


def asked(store: Store, at_utc_s: float) -> None:
    """Put a command on record that an operator gives while the daemon listens."""
    store.add_audit(AuditEntry(at_utc_s, Origin.PAGE, "pump", "p-1", "bert", "acknowledge", {}, "done", None))


def rows(store: Store) -> list[tuple[str, float]]:
    """What is on record, oldest first."""
    return [(str(row.action), row.at_utc_s) for row in reversed(store.audit(100))]


def test_an_install_is_on_record_before_what_is_asked_next(tmp_path: Path, store: Store) -> None:
    library, watch = Library(tmp_path, "pump"), InstallWatch(tmp_path, store, CapturedLog())
    watch.look(["pump"])  # nothing was ever installed
    library.install(DEMO_BUNDLE, by("t-1", NOON_UTC_S))
    watch.look(["pump"])
    asked(store, NOON_UTC_S + 60.0)
    library.promote(by("t-2", NOON_UTC_S + 120.0))
    record_changes(store, library, CapturedLog())
    expected = [("install", 0.0), ("acknowledge", 60.0), ("promote", 120.0)]
    assert [(action, NOON_UTC_S + later) for action, later in expected] == rows(store)


def test_what_the_daemon_does_itself_is_left_to_its_answer(tmp_path: Path, store: Store) -> None:
    library, watch = Library(tmp_path, "pump"), InstallWatch(tmp_path, store, CapturedLog())
    library.install(DEMO_BUNDLE, by("t-1", NOON_UTC_S))
    library.promote(by("m-1", NOON_UTC_S + 1.0, Origin.MQTT))
    for _ in range(3):
        watch.look(["pump"])
    assert [("install", NOON_UTC_S)] == rows(store), "a promotion has its row with the reply"


def test_roles_that_cannot_be_read_are_told_and_looked_at_again_when_they_change(
    tmp_path: Path, store: Store
) -> None:
    library, log = Library(tmp_path, "pump"), CapturedLog()
    library.install(DEMO_BUNDLE, by("t-1", NOON_UTC_S))
    document = library.folder / "bundles.json"
    whole = document.read_bytes()
    document.write_bytes(b"{")
    watch = InstallWatch(tmp_path, store, log)
    for _ in range(3):
        watch.look(["pump"])
    assert [] == rows(store)
    assert 1 == log.text().count("not on record yet"), "once, not twice a second"
    document.write_bytes(whole)
    watch.look(["pump"])
    assert [("install", NOON_UTC_S)] == rows(store)


def test_an_install_that_the_store_refused_is_on_record_a_while_later(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    library, log = Library(tmp_path, "pump"), CapturedLog()
    watch = InstallWatch(tmp_path, store, log)
    library.install(DEMO_BUNDLE, by("t-1", NOON_UTC_S))

    def refuse(_entry: AuditEntry) -> None:
        raise StoreError("no space left")

    with monkeypatch.context() as disk:
        disk.setattr(store, "add_audit", refuse)
        for _ in range(3):
            watch.look(["pump"])
    assert 1 == log.text().count("not on record yet"), "once, not twice a second"
    watch.look(["pump"])
    assert [] == rows(store), "not yet"
    watch._again_s = 0.0
    watch.look(["pump"])
    assert [("install", NOON_UTC_S)] == rows(store)
