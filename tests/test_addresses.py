"""No secret of a stream's address is shown, in whatever part of it it stands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.addresses import address_shown, secrets_of_address, without_secret_forms


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtsp://joe:pw@cam:554/1", "rtsp://***@cam:554/1"),
        ("http://joe:p@w@cam", "http://***@cam"),
        ("rtsp://u:hun ter2@h/x", "rtsp://***@h/x"),
        ("rtsp://u:hun'ter2@h/x", "rtsp://***@h/x"),
        ("rtsp://u:hun/ter2@h/x", "rtsp://***"),
        ("rtsp://u:12/ter2@h/x", "rtsp://***"),
        ("rtsp://u:hun?ter2@h/x", "rtsp://***"),
        ("rtsp://u:hun[ter2@h/x", "rtsp://***@h/x"),
        ("rtp//u:hunter2@h/x", "***"),
        ("https://h/x?token=SECRETTOK", "https://h/x?***"),
        ("srt://h:9000?passphrase=SECRETPASS", "srt://h:9000?***"),
        ("https://h/x#SECRET", "https://h/x#***"),
        ("rtsp://10.0.0.3:554/user=admin_password=hunter2_channel=1", "rtsp://10.0.0.3:554/***"),
        ("rtsp://10.0.0.3/live/user%3Dadmin/p=1", "rtsp://10.0.0.3/live/***"),
        ("udp://[ff02::1]:5000", "udp://[ff02::1]:5000"),
        ("udp://@239.0.0.1:5000", "udp://@239.0.0.1:5000"),
        ("http://cam/live@1", "http://cam/live@1"),
        ("http://cam/a:b", "http://cam/a:b"),
    ],
)
def test_scheme_host_port_and_path_are_shown_and_no_secret(url: str, shown: str) -> None:
    assert shown == address_shown(url)


@pytest.mark.parametrize(
    ("url", "secrets"),
    [
        ("rtsp://u:c%40m@h/x", {"c%40m", "c@m"}),
        ("rtsp://u:a/b@h/x", {"a/b"}),
        ("https://h/x?token=t0k&y=2", {"t0k", "2"}),
        ("rtsp://h/user=admin_password=hun_ter2_channel=1", {"hun_ter2"}),
        ("rtsp://h/x", set()),
        ("no address", set()),
    ],
)
def test_secrets_are_known_as_they_stand_and_decoded(url: str, secrets: set[str]) -> None:
    known = set(secrets_of_address(url))
    assert secrets <= known
    assert bool(secrets) is bool(known)


PARTS = st.text("aZ0:/?#@[]=&%_' .", max_size=12)


@given(PARTS, PARTS)
def test_a_password_is_never_shown_whatever_is_around_it(before: str, after: str) -> None:
    for url in (f"rtsp://u:{before}hunter2{after}@h/x", f"rtsp://h/{before}password=hunter2{after}"):
        assert "hunter2" not in address_shown(url)


@pytest.mark.parametrize(
    ("text", "without"),
    [
        ("redirected to http://a:b@other/", "redirected to http://***@other/"),
        ("open rtsp://h/a/b/user=x_password=y/1?z failed", "open rtsp://h/a/b/***?*** failed"),
        ("user=admin_password=hunter2_channel=1", "user=admin_password=***"),
        ("passphrase: x and userPassword=y", "passphrase: *** and userPassword=***"),
        ("compass=3 at key 5, mqtt.password_file: /x", "compass=3 at key 5, mqtt.password_file: /x"),
    ],
)
def test_what_looks_like_a_secret_goes(text: str, without: str) -> None:
    assert without == without_secret_forms(text)
