"""The API over real HTTP: what its own description promises, and nothing to whoever asks for trouble."""

from __future__ import annotations

import http.client
import io
import json
import zipfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from urllib.parse import quote

import pytest
import soundfile
from jsonschema import Draft202012Validator
from learn_rig import waiting_to_be_heard
from past import T0, WINDOW_S, Past, noise, past_in
from replay_rig import Browser, Served, browser_at, replay_config, served_page

from monitor.explanation import SoundKind
from monitor.learning.documents import PACKAGE
from monitor.learning.plan import learn_place
from monitor.messages import AlarmState
from monitor.replay.api.routes import ENDPOINTS

API = "/api/v1"
HOSTILE = (
    "' OR '1'='1",
    "1; DROP TABLE events; --",
    "x') UNION SELECT note FROM labels --",
    "../../../../etc/passwd",
    "..%2f..%2fstore.sqlite",
    "%2e%2e/%2e%2e/store.sqlite",
    "/etc/passwd",
    "..\\..\\x",
    "\x00",
    "<script>alert(1)</script>",
    "e" * 3000,
    "💥",
    "\ud800".encode("utf-8", "replace").decode(),
)


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    with past_in(tmp_path_factory.mktemp("past") / "state") as past:
        for number in range(3):
            start_s = 100.0 * number + 3.0
            past.add_event(f"e{number}", start_s=start_s, kind=SoundKind.KNOCK)
            past.add_clip(f"e{number}", noise(6.0, seed=number), start_s=start_s - 3.0)
            past.add_window(f"e{number}", start_s=start_s)
            past.end_event(f"e{number}", at_s=start_s + 5.0)
        past.add_label("e0", "anomaly", "bearing")
        past.add_event("pruned", start_s=900.0)
        past.add_clip("pruned", noise(1.0, seed=7), start_s=899.0)
        past.add_window("pruned", start_s=900.0)
        with past.store.database.transaction() as connection:
            for table in ("clips", "windows"):
                connection.execute(f"UPDATE {table} SET gone = 'space' WHERE event_id = 'pruned'")  # noqa: S608
        place = learn_place(past.store.state_dir, "pump")
        waiting_to_be_heard(past.store.state_dir)
        (place / PACKAGE).write_bytes(bytes(range(100)))
        yield past


@pytest.fixture(scope="module")
def page(past: Past) -> Iterator[Served]:
    with served_page(replay_config(past.store.state_dir)) as served:
        yield served


@pytest.fixture(scope="module")
def browser(page: Served) -> Iterator[Browser]:
    with browser_at(page.url) as browser:
        yield browser


def ids(past: Past, event_id: str = "e0") -> dict[str, str]:
    whole = past.library.event(event_id)
    return {
        "event_id": event_id,
        "clip_id": whole.clips[0].clip_id,
        "window_id": whole.windows[0].window_id,
        "picture": "error_map",
        "source_id": "pump",
        "number": "0",
    }


def raw(page: Served, path: str) -> tuple[int, bytes]:
    """Ask for a path exactly as it is written: clients tidy dots away."""
    connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=20)
    connection.putrequest("GET", path, skip_accept_encoding=True)
    connection.endheaders()
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, content


def test_an_event_says_all_that_the_page_needs(browser: Browser) -> None:
    told = browser.get(f"{API}/events/e0").json()
    clip = told["clips"][0]
    assert ("pump", "knock", 5.0) == (told["source"], told["kind"], told["duration_s"])
    assert "2025-10-09T08:53:23.000Z" == told["start"]
    assert told["explanation"]["text"].startswith("Knock")
    assert [{"start_s": 3.0, "end_s": pytest.approx(3.0 + WINDOW_S, abs=1e-4)}] == clip["flagged"]
    assert {"clip_id": clip["clip_id"], "event_id": "e0", "start_s": 0.0, "end_s": 3.0} == told["reference"]
    assert ("anomaly", "bearing") == (told["label"]["rating"], told["label"]["fault_code"])
    german = browser.get(f"{API}/events/e0?language=de").json()["explanation"]
    assert "de" == german["language"]
    assert german["text"] != told["explanation"]["text"]
    assert None is browser.get(f"{API}/events/e0?language=xx").json()["explanation"]["text"]


def test_a_list_pages_through_all_events(browser: Browser) -> None:
    found, address = [], f"{API}/events?limit=1"
    for _ in range(4):
        page = browser.get(address).json()
        found += [event["event_id"] for event in page["events"]]
        address = f"{API}/events?limit=1&cursor={page['next_cursor']}"
    assert ["pruned", "e2", "e1", "e0"] == found
    assert (4, 3) == (page["total"], page["unreviewed"])


def test_filters_take_their_values_and_no_others(browser: Browser) -> None:
    def found(query: str) -> list[str]:
        return [
            event["event_id"] for event in browser.get(f"{API}/events?order=newest&{query}").json()["events"]
        ]

    assert ["e0"] == found("label=anomaly&kind=knock&source=pump&state=returned&fault_code=bearing")
    assert ["e1"] == found("from=2025-10-09T08:55:00Z&to=2025-10-09T08:56:00%2B00:00")
    assert [] == found("from=2030-01-01T00:00:00Z")
    for query, word in {
        "label=good": "label",
        "kind=bang": "kind",
        "from=yesterday": "from",
        "from=2025-10-09T08:55:00": "from",  # of which zone?
        "to=1760000000": "to",
        "limit=0": "limit",
        "limit=1&limit=2": "twice",
        "colour=red": "colour",
        "cursor=1": "cursor",
        "cursor=r.1": "order",
        "source=": "source",
    }.items():
        answer = browser.get(f"{API}/events?order=newest&{query}")
        assert (400, True) == (answer.status_code, word in answer.json()["error"]), (query, answer.text)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
def test_every_answer_is_what_the_description_says(past: Past, browser: Browser, endpoint: object) -> None:
    description = browser.get(f"{API}/openapi.json").json()
    path = f"{API}{endpoint.path}"  # type: ignore[attr-defined]
    told = description["paths"][path]["get"]["responses"]
    answer = browser.get(path.format(**ids(past)))
    assert str(answer.status_code) in told, answer.text
    content = told[str(answer.status_code)].get("content", {})
    kind = answer.headers["content-type"].partition(";")[0]
    assert kind in content
    schema = content[kind]["schema"]
    if "$ref" in schema:
        Draft202012Validator({**schema, "components": description["components"]}).validate(answer.json())


def test_what_the_daemon_tells_is_what_the_description_says(local_page: Served) -> None:
    with browser_at(local_page.url) as browser:
        description, now = browser.get(f"{API}/openapi.json").json(), browser.get(f"{API}/now")
    assert 200 == now.status_code
    schema = {"$ref": "#/components/schemas/Now", "components": description["components"]}
    Draft202012Validator(schema).validate(now.json())


FILES = {
    "/clips/{clip_id}/audio": "audio/flac",
    "/clips/{clip_id}/audio?format=wav": "audio/wav",
    "/clips/{clip_id}/audio?low_hz=500&high_hz=900": "audio/flac",
    "/clips/{clip_id}/axes": "application/json",
    "/clips/{clip_id}/pictures/waveform.png": "image/png",
    "/windows/{window_id}/pictures/difference.png": "image/png",
    "/events/{event_id}/thumbnail.png": "image/png",
    "/sources/{source_id}/learning/stretches/{number}/audio": "audio/flac",
}


@pytest.mark.parametrize(("path", "kind"), FILES.items())
def test_nothing_need_be_had_twice(past: Past, browser: Browser, path: str, kind: str) -> None:
    address = API + path.format(**ids(past))
    whole = browser.get(address)
    assert (200, kind) == (whole.status_code, whole.headers["content-type"])
    assert "private, no-cache" == whole.headers["cache-control"]
    etag, size = whole.headers["etag"], len(whole.content)
    for said in (etag, f'"other", W/{etag}', "*"):
        known = browser.get(address, headers={"If-None-Match": said})
        assert (304, b"", etag) == (known.status_code, known.content, known.headers["etag"])
    assert 200 == browser.get(address, headers={"If-None-Match": '"other"'}).status_code
    head = browser.client.head(address)
    assert (200, str(size), b"") == (head.status_code, head.headers["content-length"], head.content)


@pytest.mark.parametrize("path", [path for path in FILES if "audio" in path])
def test_sound_can_be_had_in_parts(past: Past, browser: Browser, path: str) -> None:
    address = API + path.format(**ids(past))
    whole = browser.get(address)
    assert "bytes" == whole.headers["accept-ranges"]
    content, size = whole.content, len(whole.content)
    spans = {
        "5-9": (5, 9),
        "0-0": (0, 0),
        f"{size - 3}-": (size - 3, size - 1),
        "-4": (size - 4, size - 1),
        f"-{size * 2}": (0, size - 1),
        f"7-{size * 2}": (7, size - 1),
    }
    for asked, (first, last) in spans.items():
        part = browser.get(address, headers={"Range": f"bytes={asked}"})
        assert (206, content[first : last + 1]) == (part.status_code, part.content), asked
        assert f"bytes {first}-{last}/{size}" == part.headers["content-range"]
    for asked in (f"{size}-", f"{size + 5}-{size + 9}", "-0"):
        none = browser.get(address, headers={"Range": f"bytes={asked}"})
        assert (416, b"") == (none.status_code, none.content)
        assert f"bytes */{size}" == none.headers["content-range"]
    for asked in ("9-5", "-", "a-b", "0-1,5-6", "1" * 500 + "-"):  # these may be ignored, and are
        assert 200 == browser.get(address, headers={"Range": f"bytes={asked}"}).status_code, asked
    for tag, status in {whole.headers["etag"]: 206, '"older"': 200}.items():
        part = browser.get(address, headers={"Range": "bytes=5-9", "If-Range": tag})
        assert status == part.status_code


def test_wav_is_the_clip_sample_for_sample(past: Past, browser: Browser) -> None:
    address = f"{API}/clips/{ids(past)['clip_id']}/audio"
    flac, _ = soundfile.read(io.BytesIO(browser.get(address).content), dtype="int32")
    wav, rate_hz = soundfile.read(io.BytesIO(browser.get(f"{address}?format=wav").content), dtype="int32")
    assert 16_000 == rate_hz
    assert flac.tolist() == wav.tolist()


def test_a_band_that_cannot_be_heard_is_refused(past: Past, browser: Browser) -> None:
    address = f"{API}/clips/{ids(past)['clip_id']}/audio"
    for query in (
        "low_hz=100&high_hz=105",
        "low_hz=-1",
        "high_hz=nan",
        "low_hz=inf",
        "low_hz=8100",
        "format=mp3",
    ):
        answer = browser.get(f"{address}?{query}")
        assert 400 == answer.status_code, (query, answer.text)


def test_what_was_pruned_is_410_with_the_reason(past: Past, browser: Browser) -> None:
    for path in (
        "/clips/{clip_id}/axes",
        "/clips/{clip_id}/audio",
        "/clips/{clip_id}/pictures/logmel.png",
        "/windows/{window_id}/pictures/logmel.png",
        "/events/{event_id}/thumbnail.png",
    ):
        answer = browser.get(API + path.format(**ids(past, "pruned")))
        assert 410 == answer.status_code, path
        assert any(word in answer.json()["error"] for word in ("store.max_bytes", "pruned"))
    assert "space" == browser.get(f"{API}/events/pruned").json()["clips"][0]["gone"]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_in_any_place_of_an_address_finds_nothing(page: Served, past: Past, text: str) -> None:
    before = past.library.counts()
    for endpoint, quoted in product(ENDPOINTS, (quote(text, safe=""), quote(text, safe="/.%\\"))):
        if "{" not in endpoint.path:
            continue
        for place in ids(past):
            if f"{{{place}}}" not in endpoint.path:
                continue
            status, content = raw(page, API + endpoint.path.format(**{**ids(past), place: quoted}))
            assert status in {400, 404}, (endpoint.path, quoted, status, content)
            assert b"root:" not in content
            assert b"SQLite" not in content
    assert before == past.library.counts()


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_in_any_parameter_is_refused_or_finds_nothing(
    page: Served, past: Past, text: str
) -> None:
    for endpoint in ENDPOINTS:
        for name, field in endpoint.query.model_fields.items():
            path = API + endpoint.path.format(**ids(past))
            status, content = raw(page, f"{path}?{field.alias or name}={quote(text, safe='')}")
            assert status in {200, 400}, (path, name, status, content)
            if status == 200:
                assert name in {"source", "fault_code", "candidate"}
                rows = "disputes" if name == "candidate" else "events"
                assert endpoint.name == "export" or [] == json.loads(content)[rows]
            assert b"SQLite" not in content
    assert 4 == past.library.counts().total


def test_changes_by_reading_are_not_possible(browser: Browser, past: Past) -> None:
    for endpoint in ENDPOINTS:
        address = API + endpoint.path.format(**ids(past))
        for method in ("PUT", "DELETE", "PATCH"):
            answer = browser.client.request(method, address)
            assert answer.status_code in {403, 405, 415}, (method, address, answer.status_code)


def test_an_export_is_a_zip_with_its_index_last(browser: Browser) -> None:
    answer = browser.get(f"{API}/export?label=anomaly")
    assert "application/zip" == answer.headers["content-type"]
    assert "attachment" in answer.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        names = archive.namelist()
    assert 4 == len(names)
    assert "index.csv" == names[-1]


def test_without_a_store_the_page_says_what_to_do(tmp_path: Path) -> None:
    with served_page(replay_config(tmp_path / "none")) as served, browser_at(served.url) as browser:
        for path in ("/events", "/events/e0", "/sources", "/export", "/clips/x/axes"):
            answer = browser.get(API + path)
            assert (503, True) == (answer.status_code, "start the daemon" in answer.json()["error"]), path


def test_a_store_that_was_begun_anew_is_found(tmp_path: Path) -> None:
    state_dir = tmp_path / "state"
    with past_in(state_dir) as past:
        past.add_event("old")
    with served_page(replay_config(state_dir)) as served, browser_at(served.url) as browser:
        assert ["old"] == [event["event_id"] for event in browser.get(f"{API}/events").json()["events"]]
        for path in state_dir.glob("store.sqlite*"):
            path.rename(tmp_path / path.name)
        with past_in(state_dir) as past:
            past.add_event("new")
            assert ["new"] == [event["event_id"] for event in browser.get(f"{API}/events").json()["events"]]


def test_a_page_reads_what_the_daemon_writes_at_that_moment(tmp_path: Path) -> None:
    with (
        past_in(tmp_path / "state") as past,
        served_page(replay_config(tmp_path / "state")) as served,
        browser_at(served.url) as browser,
    ):
        for number in range(5):
            past.add_event(f"e{number}", start_s=number)
            assert number + 1 == browser.get(f"{API}/events").json()["total"]
        past.end_event("e4", at_s=9.0)
        told = browser.get(f"{API}/events/e4").json()
        assert (AlarmState.RETURNED.value, "2025-10-09T08:53:29.000Z") == (told["state"], told["end"])
        assert T0 + 9.0 == past.library.event("e4").event.end_utc_s
