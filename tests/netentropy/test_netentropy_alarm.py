"""The alarm state machine and the exact log lines."""

import socket
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wiretropy.netentropy.alarm import Event, Kind, Samples, track
from wiretropy.netentropy.lines import endpoint, line, syslog
from wiretropy.policy.protospec import Protospec, Range, read

END = Event(Kind.END, 500, 9, 99, reason="fin")
SPEC = Protospec("p", (22,), (Range(10, 19, 2.0, 4.0), Range(20, 29, 5.0, 6.0), Range(40, 49, 7.0, 8.0)))


def samples(*points: tuple[int, float]) -> Samples:
    """One sample a packet."""
    offsets, entropy = zip(*points, strict=True)
    numbers = np.arange(1, len(points) + 1)
    return Samples(np.array(offsets), numbers, numbers * 10, np.array(entropy))


def kinds(*points: tuple[int, float], spec: Protospec | None = SPEC) -> list[tuple[str, int]]:
    """Events as kind and offset."""
    return [(event.kind.value, event.offset) for event in track(samples(*points), spec, end=END)]


def test_entropy_inside_its_bands_is_silent_until_the_end() -> None:
    assert kinds((5, 0.1), (12, 3.0), (25, 5.5), (45, 7.5)) == [("end", 500)]


def test_leaving_above_or_below_raises_the_alarm_once_and_coming_back_lowers_it() -> None:
    assert kinds((12, 4.1), (14, 4.2), (16, 1.0), (18, 4.0), (22, 4.9)) == [
        ("rising", 12),
        ("falling", 18),
        ("rising", 22),
        ("end", 500),
    ]


def test_limits_belong_to_the_band_and_ends_to_the_range() -> None:
    assert kinds((10, 2.0), (19, 4.0), (20, 5.0), (29, 6.0)) == [("end", 500)]
    assert kinds((19, 5.0), (20, 5.0)) == [("rising", 19), ("falling", 20), ("end", 500)]


def test_sample_between_ranges_changes_nothing() -> None:
    assert kinds((25, 7.0), (35, 5.5), (45, 7.5)) == [("rising", 25), ("falling", 45), ("end", 500)]


def test_sample_past_the_last_range_stops_the_tracking_for_good() -> None:
    assert kinds((25, 7.0), (50, 7.5), (51, 0.0)) == [("rising", 25), ("stop", 50)]


def test_packets_are_compared_when_ranges_count_packets() -> None:
    spec = Protospec("p", (22,), (Range(2, 3, 5.0, 6.0),), unit="packets")
    assert kinds((1_000, 1.0), (2_000, 1.0), (3_000, 5.5), (4_000, 1.0), spec=spec) == [
        ("rising", 2_000),
        ("falling", 3_000),
        ("stop", 4_000),
    ]


def test_connection_without_protospec_or_payload_only_ends() -> None:
    assert kinds((25, 7.0), spec=None) == [("end", 500)]
    nothing = np.empty(0, dtype=np.int64)
    assert track(Samples(nothing, nothing, nothing, np.empty(0)), SPEC, end=END) == [END]


def test_ssh_session_below_its_last_band_alarms_with_the_ssh_protospec() -> None:
    (ssh,) = read(Path(__file__).with_name("ssh.protospec"))
    assert kinds(
        (40, 4.1), (100, 4.5), (200, 5.0), (3_000, 7.7), (9_000, 7.5), (20_000, 7.9), (65_537, 7.9), spec=ssh
    ) == [
        ("rising", 9_000),
        ("falling", 20_000),
        ("stop", 65_537),
    ]


def one_by_one(points: list[tuple[int, float]], spec: Protospec) -> list[tuple[str, int]]:
    """The state machine once more, a sample at a time."""
    has_alarm = False
    events: list[tuple[str, int]] = []
    for offset, entropy in points:
        if offset > spec.ranges[-1].end:
            return [*events, ("stop", offset)]
        for band in spec.ranges:
            if band.start <= offset <= band.end:
                is_outside = not band.low <= entropy <= band.high
                if is_outside != has_alarm:
                    events.append(("rising" if is_outside else "falling", offset))
                has_alarm = is_outside
    return [*events, ("end", 500)]


@given(st.lists(st.tuples(st.integers(1, 55), st.floats(0, 8)), min_size=1, max_size=30))
def test_whole_columns_give_what_one_sample_at_a_time_gives(points: list[tuple[int, float]]) -> None:
    points = sorted(points)
    assert kinds(*points) == one_by_one(points, SPEC)


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (Event(Kind.RISING, 9_000, 21, 0, 7.5), "RISING ALARM on a:1 -> b:2 offset=9000 packets=21 entropy=7.50000000"),
        (
            Event(Kind.FALLING, 1, 2, 0, 7.999999999),
            "Falling alarm on a:1 -> b:2 offset=1 packets=2 entropy=8.00000000",
        ),
        (Event(Kind.STOP, 65_537, 99, 0), "Stop tracking a:1 -> b:2 offset=65537 packets=99"),
        (Event(Kind.END, 0, 3, 0, reason="rst"), "End of connection a:1 -> b:2 offset=0 packets=3 (rst)"),
    ],
)
def test_line_has_the_old_programs_words(event: Event, text: str) -> None:
    assert line(event, "a:1", "b:2") == text


def test_ipv6_endpoints_are_in_brackets() -> None:
    assert endpoint("2001:db8::5", 22) == "[2001:db8::5]:22"


def test_syslog_gets_tag_facility_and_severity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # socket paths are limited to 107 bytes
    monkeypatch.setattr("os.getpid", lambda: 4_242)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as service:
        service.bind("log")
        send = syslog("log")
        send(Kind.RISING, "RISING ALARM on x")
        send(Kind.STOP, "Stop tracking x")
        # daemon is facility 3: 3 * 8 + 4 (warning) and + 6 (information)
        assert service.recv(200) == b"<28>net-entropy[4242]: RISING ALARM on x"
        assert service.recv(200) == b"<30>net-entropy[4242]: Stop tracking x"


def test_absent_syslog_service_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        syslog(str(tmp_path / "no-log"))
