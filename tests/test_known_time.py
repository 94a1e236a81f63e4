"""A plausible time is known only where the kernel, systemd or a hardware clock vouches for it."""

from __future__ import annotations

import ctypes
import time
from pathlib import Path

import pytest

from monitor.known_time import KnownTime, clock_is_synchronised

NOW_S = 1_790_000_000.0


def box(root: Path, *, systemd: bool = True, hardware_clocks: tuple[str, ...] = ()) -> Path:
    """A root with what systemd and the kernel would have there."""
    if systemd:
        (root / "run/systemd/system").mkdir(parents=True)
    for number, said in enumerate(hardware_clocks):
        (root / f"sys/class/rtc/rtc{number}").mkdir(parents=True)
        (root / f"sys/class/rtc/rtc{number}/since_epoch").write_text(f"{said}\n", encoding="ascii")
    return root


def known(root: Path, *, kernel: bool | None = False, vouched: bool = False, timedated: bool = False) -> bool:
    knows = KnownTime(root=root, vouched=vouched, synchronised=lambda: kernel, timedated=lambda: timedated)
    return knows(NOW_S)


@pytest.mark.parametrize("kernel", [False, None])
@pytest.mark.parametrize(
    ("hardware_clocks", "is_known"),
    [
        ((), False),
        (("47",), False),  # its battery is flat: systemd has put the clock forward
        (("",), False),
        ((str(int(NOW_S) - 3 * 86_400),), False),
        ((str(int(NOW_S) - 7200),), True),  # it shows local time
        (("47", str(int(NOW_S))), True),  # as on a Jetson, which has two
    ],
)
def test_where_no_time_server_has_answered_the_hardware_clock_decides(
    tmp_path: Path,
    kernel: bool | None,  # noqa: FBT001 - a parameter of the test
    hardware_clocks: tuple[str, ...],
    is_known: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    root = box(tmp_path, hardware_clocks=hardware_clocks)
    assert is_known == known(root, kernel=kernel)
    assert known(root, kernel=True), "the kernel has been told the time"
    assert known(root, vouched=True), "somebody has said so before"
    (root / "run/systemd/timesync").mkdir(parents=True)
    (root / "run/systemd/timesync/synchronized").touch()
    assert known(root, kernel=kernel), "systemd-timesyncd has been told the time"


@pytest.mark.parametrize("hardware_clocks", [(), ("47",)])
def test_where_the_fence_hides_the_kernels_answer_systemd_is_asked(
    tmp_path: Path, hardware_clocks: tuple[str, ...]
) -> None:
    root = box(tmp_path, hardware_clocks=hardware_clocks)
    assert known(root, kernel=None, timedated=True), "chronyd has set it before the daemon's start"
    assert not known(root, kernel=None, timedated=False)
    assert not known(root, kernel=False, timedated=True), "it would say what the kernel says"


def test_in_a_container_the_clock_is_the_hosts(tmp_path: Path) -> None:
    assert known(box(tmp_path / "without", systemd=False))
    booted = box(tmp_path / "booted")
    assert not known(booted), "systemd started the box itself"
    (booted / "run/systemd/container").write_text("systemd-nspawn\n", encoding="ascii")
    assert known(booted)


def test_once_it_was_known_it_stays_so_until_it_is_in_1970(tmp_path: Path) -> None:
    answers = [False, True, False, False]
    knows = KnownTime(root=box(tmp_path), synchronised=lambda: answers.pop(0), timedated=lambda: False)
    assert [False, True, True] == [knows(NOW_S) for _ in range(3)]
    assert not knows(47.0)
    assert not KnownTime(root=tmp_path, vouched=True)(47.0)


def test_the_kernel_answers_whether_the_clock_is_synchronised() -> None:
    before_s = time.time()
    assert clock_is_synchronised() in {True, False, None}
    assert time.time() - before_s < 5, "asking changes nothing"


@pytest.mark.parametrize(
    ("error_us", "is_synchronised"), [(900, True), (15_999_999, True), (16_000_000, False)]
)
def test_chronyd_that_leaves_the_hardware_clock_alone_counts_as_ntpd_does(
    monkeypatch: pytest.MonkeyPatch,
    error_us: int,
    is_synchronised: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    class Libc:
        """A kernel with STA_UNSYNC set: adjtimex returns TIME_ERROR."""

        def adjtimex(self, said: object) -> int:
            said._obj.maxerror = error_us  # type: ignore[attr-defined]  # what ctypes.byref points to
            return 5

    monkeypatch.setattr(ctypes, "CDLL", lambda *_args, **_keys: Libc())
    assert is_synchronised is clock_is_synchronised()
