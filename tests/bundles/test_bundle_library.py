"""The versions of a machine's bundles: checked, whole or not there, and named by one document."""

import itertools
import os
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from engines.bundle import open_bundle, write_manifest
from engines.errors import BundleDamagedError
from monitor.bundles.library import Library, check_version
from monitor.bundles.roles import By
from monitor.calibration import load_calibration, save_calibration
from monitor.errors import CalibrationError, LibraryError
from monitor.listening import DEMO_BUNDLE

DEMOS = DEMO_BUNDLE.parent


def by(number: int = 1) -> By:
    return By(actor="anna", origin="terminal", at_utc_s=1.8e9 + number, command_id=f"c{number}", note="why")


def variant(tmp_path: Path, number: int) -> Path:
    """A bundle that differs from the others in its calibration alone."""
    folder = tmp_path / f"made-{number}"
    shutil.copytree(DEMO_BUNDLE, folder)
    bundle = open_bundle(folder)
    manifest = bundle.manifest
    open_files = {name: entry for name, entry in manifest.files.items() if name != "calibration.json"}
    write_manifest(folder, replace(manifest, files=open_files, training={"number": number}))
    calibration = load_calibration(bundle.calibration_path, bundle_id=bundle.bundle_id)
    save_calibration(replace(calibration, source=f"number {number}"), bundle.calibration_path)
    return folder


@pytest.fixture
def library(tmp_path: Path) -> Library:
    (tmp_path / "state").mkdir()
    return Library(tmp_path / "state", "pump-1")


def test_an_installed_bundle_is_a_candidate_and_judges_nothing(library: Library, tmp_path: Path) -> None:
    version = library.install(variant(tmp_path, 1), by())

    roles = library.roles()
    assert (None, version.name, None) == (roles.live, roles.candidate, roles.previous)
    assert open_bundle(DEMO_BUNDLE).bundle_id == open_bundle(version.folder).bundle_id
    with pytest.raises(LibraryError, match="wheeltapper promote pump-1"):
        library.live_folder()


def test_promoted_and_rolled_back_it_is_where_it_was(library: Library, tmp_path: Path) -> None:
    first = library.install(variant(tmp_path, 1), by(1))
    library.promote(by(2))
    second = library.install(variant(tmp_path, 2), by(3))
    library.promote(by(4), candidate=second.name)
    assert second.folder == library.live_folder()

    library.roll_back(by(5))

    roles = library.roles()
    assert (first.name, None, None) == (roles.live, roles.candidate, roles.previous)
    told = [(one.action, one.version_from, one.version_to, one.by.actor) for one in roles.changes]
    assert [
        ("install", None, first.name, "anna"),
        ("promote", None, first.name, "anna"),
        ("install", None, second.name, "anna"),
        ("promote", first.name, second.name, "anna"),
        ("rollback", second.name, first.name, "anna"),
    ] == told
    with pytest.raises(LibraryError, match="no version to go back to"):
        library.roll_back(by(6))


def test_what_was_looked_at_is_what_is_promoted(library: Library, tmp_path: Path) -> None:
    first = library.install(variant(tmp_path, 1), by(1))
    library.install(variant(tmp_path, 2), by(2))

    with pytest.raises(LibraryError, match="by now"):
        library.promote(by(3), candidate=first.name)
    assert library.roles().live is None


def test_nothing_is_promoted_when_nothing_waits(library: Library) -> None:
    with pytest.raises(LibraryError, match="bundle install pump-1 FOLDER"):
        library.promote(by())


def test_the_live_version_is_not_installed_again(library: Library, tmp_path: Path) -> None:
    folder = variant(tmp_path, 1)
    library.install(folder, by(1))
    library.promote(by(2))

    with pytest.raises(LibraryError, match="live already"):
        library.install(folder, by(3))
    assert library.roles().candidate is None


def test_old_versions_go_and_those_with_a_role_stay(library: Library, tmp_path: Path) -> None:
    names = []
    for number in range(2):
        names.append(library.install(variant(tmp_path, number), by(number)).name)
        library.promote(by(10 + number))
    names += [library.install(variant(tmp_path, n), by(n), keep=2).name for n in range(2, 7)]

    kept = {folder.name for folder in (library.folder / "versions").iterdir()}
    roles = library.roles()
    assert (names[1], names[6], names[0]) == (roles.live, roles.candidate, roles.previous)
    assert {names[0], names[1], names[6], names[4], names[5]} == kept == set(roles.installed)


def test_a_damaged_bundle_is_not_installed(library: Library, tmp_path: Path) -> None:
    folder = variant(tmp_path, 1)
    with (folder / "model.onnx").open("ab") as file:
        file.write(b"x")

    with pytest.raises(BundleDamagedError):
        library.install(folder, by())
    assert [] == [path.name for path in library.folder.iterdir() if path.name != ".lock"]


def test_a_bundle_without_a_limit_is_not_installed(library: Library, tmp_path: Path) -> None:
    folder = variant(tmp_path, 1)
    (folder / "calibration.json").unlink()

    with pytest.raises(CalibrationError, match="wheeltapper calibrate"):
        library.install(folder, by())
    assert library.roles().candidate is None


def test_another_calibration_is_another_version_of_the_same_bundle(library: Library, tmp_path: Path) -> None:
    folder, other = variant(tmp_path, 1), variant(tmp_path, 2) / "calibration.json"
    first = library.install(folder, by(1))
    second = library.install(folder, by(2), calibration=other)

    assert first.name != second.name
    assert other.read_bytes() == (second.folder / "calibration.json").read_bytes()


@pytest.mark.parametrize("name", ["manifest.json", "calibration.json", "model.onnx"])
def test_a_version_that_was_changed_in_its_place_is_found_out(
    library: Library, tmp_path: Path, name: str
) -> None:
    version = library.install(variant(tmp_path, 1), by())
    check_version(version.folder)
    with (version.folder / name).open("ab") as file:
        file.write(b"\n")

    with pytest.raises((LibraryError, BundleDamagedError)):
        check_version(version.folder)


def test_a_damaged_version_is_mended_by_installing_it_again(library: Library, tmp_path: Path) -> None:
    folder = variant(tmp_path, 1)
    version = library.install(folder, by(1))
    (version.folder / "model.onnx").write_bytes(b"")

    library.install(folder, by(2))

    check_version(version.folder)


def test_two_never_change_a_library_at_once(library: Library, tmp_path: Path) -> None:
    library.install(variant(tmp_path, 1), by())
    with library._lock(), pytest.raises(LibraryError, match="try again"):
        Library(library.state_dir, "pump-1").promote(by(2))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"kind": "wheeltapper-bundles", "schema": 9}'])
def test_a_document_that_is_none_is_refused_with_a_way_out(library: Library, text: str) -> None:
    library.folder.mkdir(parents=True)
    (library.folder / "bundles.json").write_text(text)
    with pytest.raises(LibraryError, match="move it away"):
        library.roles()


def test_a_name_that_leaves_the_folder_is_refused(library: Library, tmp_path: Path) -> None:
    library.install(variant(tmp_path, 1), by())
    document = library.folder / "bundles.json"
    document.write_text(document.read_text().replace('"live": null', '"live": "../../elsewhere"'))
    with pytest.raises(LibraryError, match="is no version"):
        library.roles()


# killed at every step -----------------------------------------------------------------------------

STEPS = ("rename", "replace", "mkdir", "open", "fsync", "unlink", "rmdir")


def killed_at(step: int, act: Callable[[], object]) -> bool:
    """Do something in another process that is killed before its n-th step on the disk; whether it was."""
    pid = os.fork()
    if pid == 0:
        left = itertools.count(step, -1)

        def counting(call: Callable[..., object]) -> Callable[..., object]:
            def counted(*arguments: object, **names: object) -> object:
                if next(left) == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return call(*arguments, **names)

            return counted

        for name in STEPS:
            setattr(os, name, counting(getattr(os, name)))
        try:
            act()
        finally:
            os._exit(0)
    end_s = time.monotonic() + 20
    while time.monotonic() < end_s:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.WIFSIGNALED(status)
        time.sleep(0.001)
    os.kill(pid, signal.SIGKILL)
    raise AssertionError("it hangs")


@pytest.mark.parametrize("what", ["install", "promote", "rollback"])
def test_a_kill_at_any_step_leaves_the_old_roles_or_the_new(tmp_path: Path, what: str) -> None:
    seen = set()
    source = tmp_path / "prepared"
    source.mkdir()
    prepared = Library(source, "pump-1")
    first = prepared.install(variant(tmp_path, 1), by(1))
    prepared.promote(by(2))
    second = prepared.install(variant(tmp_path, 2), by(3))
    if what == "rollback":
        prepared.promote(by(4))
    third = variant(tmp_path, 3)
    for step in itertools.count():
        state = tmp_path / f"state-{step}"
        shutil.copytree(source, state)
        library = Library(state, "pump-1")
        before = library.roles()
        acts = {
            "install": lambda it=library: it.install(third, by(9)),
            "promote": lambda it=library: it.promote(by(9)),
            "rollback": lambda it=library: it.roll_back(by(9)),
        }
        was_killed = killed_at(step, acts[what])

        after = library.roles()
        is_new = after != before
        if is_new:
            assert (what, "c9") == (after.changes[-1].action, after.changes[-1].by.command_id)
        for version in after.named:
            check_version(library.version_folder(version))
        seen.add((was_killed, is_new))
        # and the library can be used as if nothing had been
        library.install(variant(state, 4), by(10), keep=0)
        kept = {folder.name for folder in (library.folder / "versions").iterdir()}
        assert library.roles().named == kept
        assert not (library.folder / ".incoming").exists()
        shutil.rmtree(state)
        if not was_killed:
            break
        assert step < 200
    assert {(True, False), (False, True)} <= seen
    assert first.name != second.name
