"""An admin brings a bundle as a candidate, held to what the terminal asks; nothing else leaves a trace."""

from __future__ import annotations

import contextlib
import io
import json
import socket
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from fixtures_live import DEMO
from fixtures_mosquitto import eventually
from fixtures_verbs import ran
from replay_rig import Browser, Plant

from engines.bundle import open_bundle
from monitor.bundles.library import Library
from monitor.config import Config, parse_config
from monitor.desk.arrivals import FOLDER

Open = Callable[..., Browser]
ADDRESS = "/api/v1/sources/pump/bundles"


def parcel(folder: Path = DEMO / "ae", *, mode: str = "w", below: str = ".") -> bytes:
    """A tar of a bundle's folder, as `tar cf BUNDLE.tar -C FOLDER .` makes it."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode=mode) as tar:  # type: ignore[call-overload]
        tar.add(folder, arcname=below)
    return content.getvalue()


def odd_parcel(name: str, kind: bytes = tarfile.REGTYPE) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, "/etc/passwd"
        tar.addfile(member)
        tar.add(DEMO / "ae", arcname="bundle")
    return content.getvalue()


def sent(browser: Browser, content: bytes, path: str = ADDRESS, **headers: str) -> httpx.Response:
    more = {
        "Content-Type": "application/x-tar",
        "Origin": browser.url,
        "X-CSRF-Token": browser.token("/events"),
    }
    return browser.client.post(path, content=content, headers=more | headers)


def candidate(plant: Plant) -> str | None:
    return Library(plant.config.state_dir, "pump").roles().candidate


def test_an_admin_brings_a_candidate_and_it_is_on_record(plant: Plant, open_browser: Open) -> None:
    content, ada = parcel(), open_browser("ada")
    assert [403, 403] == [sent(open_browser(name), content).status_code for name in ("vera", "anna")]
    assert candidate(plant) is None
    answer = sent(ada, content, f"{ADDRESS}?note=from%20the%20office")
    assert 200 == answer.status_code, answer.text
    name = candidate(plant)
    assert name is not None
    assert name.startswith(open_bundle(DEMO / "ae").bundle_id)
    assert f"{name} is the candidate of pump" in answer.json()["detail"]
    assert "promote it, then set sources.pump.bundle to managed and reload" in answer.json()["detail"]
    (row,) = [row for row in plant.store.audit(10) if row.action == "install"]
    assert ("ada", "page", "done", "from the office") == (
        row.actor,
        row.origin.value,
        row.result,
        row.arguments["note"],
    )
    assert not (plant.config.state_dir / FOLDER).exists(), "nothing of it is left behind"
    assert 200 == sent(ada, parcel(below="pump-bundle")).status_code, "a folder in the tar does no harm"


def test_what_is_no_bundle_is_refused_and_the_refusal_is_on_record(plant: Plant, open_browser: Open) -> None:
    ada = open_browser("ada")
    damaged = (
        parcel().replace(b"ir_version", b"ir_versioN") if b"ir_version" in parcel() else parcel()[:-9000]
    )
    wrong = {
        "no tar": b"x" * 5000,
        "compressed": parcel(mode="w:gz"),
        "two folders": odd_parcel("elsewhere/model.onnx"),
        "out of it": odd_parcel("../../../escaped"),
        "a link": odd_parcel("bundle/link", tarfile.SYMTYPE),
        "cut off": damaged,
    }
    answers = {what: sent(ada, content) for what, content in wrong.items()}
    assert dict.fromkeys(wrong, 409) == {what: answer.status_code for what, answer in answers.items()}
    assert "tar cf BUNDLE.tar -C FOLDER ." in answers["no tar"].json()["error"]
    assert (None, False) == (candidate(plant), (plant.config.state_dir / FOLDER).exists())
    assert not list(plant.config.state_dir.parent.rglob("escaped"))
    assert len(wrong) == sum(
        row.result == "refused" for row in plant.store.audit(20) if row.action == "install"
    )


def test_the_gate_wants_token_type_length_and_a_known_source(plant: Plant, open_browser: Open) -> None:
    content, ada = parcel(), open_browser("ada")
    assert 403 == sent(ada, content, **{"X-CSRF-Token": "guessed"}).status_code
    assert 403 == sent(ada, content, Origin="http://elsewhere").status_code
    assert 415 == sent(ada, content, **{"Content-Type": "application/json"}).status_code
    assert 401 == httpx.post(f"{ada.url}{ADDRESS}", content=content).status_code
    assert 404 == sent(ada, content, "/api/v1/sources/nobody/bundles").status_code
    assert candidate(plant) is None


@contextlib.contextmanager
def speaking_http(browser: Browser, length: int | None) -> Iterator[socket.socket]:
    """A connection that has sent the head of an upload."""
    token, url = browser.token("/events"), httpx.URL(browser.url)
    cookies = "; ".join(f"{name}={value}" for name, value in browser.client.cookies.items())
    size = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    head = (
        f"POST {ADDRESS} HTTP/1.1\r\nHost: {url.host}:{url.port}\r\nOrigin: {browser.url}\r\n"
        f"Cookie: {cookies}\r\n"
        f"X-CSRF-Token: {token}\r\nContent-Type: application/x-tar\r\n{size}\r\n\r\n"
    )
    with socket.create_connection((url.host, int(url.port or 0)), timeout=30) as line:
        line.sendall(head.encode())
        yield line


@pytest.mark.parametrize(("length", "status"), [(None, 411), (600_000_000, 413), (0, 422)])
def test_a_bundle_that_is_too_large_or_of_no_length_is_refused_unread(
    open_browser: Open, length: int | None, status: int
) -> None:
    with speaking_http(open_browser("ada"), length) as line:
        assert f" {status} " in line.recv(200).decode().splitlines()[0]


def test_one_comes_at_a_time_and_one_that_breaks_off_leaves_nothing(plant: Plant, open_browser: Open) -> None:
    content, ada = parcel(), open_browser("ada")
    arriving = plant.config.state_dir / FOLDER / "bundle.tar"
    with speaking_http(ada, len(content)) as line:
        line.sendall(content[:200_000])
        eventually(lambda: arriving.exists() and arriving.stat().st_size > 0, 10.0, "its beginning")
        second = sent(ada, content)
        assert (409, True) == (second.status_code, "another bundle is on its way" in second.json()["error"])
    eventually(lambda: not arriving.exists(), 10.0, "the end of what broke off")
    assert candidate(plant) is None
    assert 200 == sent(ada, content).status_code


def test_whoever_goes_while_a_refused_bundle_still_comes_is_no_failure(
    plant: Plant, open_browser: Open, caplog: pytest.LogCaptureFixture
) -> None:
    content, ada = parcel(), open_browser("ada")
    arriving = plant.config.state_dir / FOLDER / "bundle.tar"
    with speaking_http(ada, len(content)) as first:
        first.sendall(content[:200_000])
        eventually(lambda: arriving.exists() and arriving.stat().st_size > 0, 60.0, "its beginning")
        with speaking_http(ada, len(content)) as second:  # refused, for the first is on its way
            second.sendall(content[:1000])
        assert 409 == sent(ada, content).status_code, "and the page goes on"
    eventually(lambda: not arriving.exists(), 60.0, "the end of the first")
    assert 200 == sent(ada, content).status_code
    assert [] == [record for record in caplog.records if record.exc_info]


def test_where_keys_are_configured_only_a_signed_one_is_taken(
    plant: Plant, open_browser: Open, tmp_path: Path
) -> None:
    ran("bundle", "keygen", tmp_path / "plant")
    tree = {
        "state_dir": str(tmp_path),
        "bundles": {"trusted_keys": [{"name": "plant", "file": str(tmp_path / "plant.pub")}]},
        "sources": [{"id": "pump", "kind": "simulated"}],
    }
    trusting: Config = parse_config(json.dumps(tree), name="one that trusts")
    plant.config = plant.config.model_copy(update={"bundles": trusting.bundles})
    ada = open_browser("ada")
    refused = sent(ada, parcel())
    assert (409, True) == (refused.status_code, "has no signature" in refused.json()["error"])
    assert str(tmp_path / FOLDER) not in refused.json()["error"], "no path of this box, but the bundle's"
    assert candidate(plant) is None
