"""The table of `wiretropy scan`: what it shows at which width, how it counts, and the commands below it."""

from __future__ import annotations

import json
import math
import random
import re
import shlex
import shutil
from pathlib import Path

import pytest
from program import conversation, pipeline, random_bytes, wiretropy
from wire import Connection, End, Wire, pcap_bytes

from wiretropy.flows import read_flows
from wiretropy.limits import MAX_CROSSINGS

WIDTHS = (80, 100, 120, 160)
LONG_IPV6 = ("2001:db8:85a3:8d3:1319:8a2e:370:7348", "2001:db8:ffff:ffff:ffff:ffff:ffff:443a")


def table_of(text: str) -> list[str]:
    """The lines between the first two empty ones: heading, rule, two for each flow."""
    return text.split("\n\n")[1].splitlines()


@pytest.fixture
def ipv6(tmp_path: Path) -> Path:
    """Random bytes between two addresses of nearly greatest length."""
    wire = Wire()
    talk = Connection(wire, End(LONG_IPV6[0], 51_234), End(LONG_IPV6[1], 8_443)).open()
    talk.send("orig", b"GET / HTTP/1.1\r\n\r\n").send("resp", random.Random(1).randbytes(90_000)).close()
    path = tmp_path / "ipv6.pcap"
    path.write_bytes(pcap_bytes(wire.packets))
    return path


@pytest.mark.parametrize("columns", WIDTHS)
def test_every_flow_has_two_lines_with_whole_addresses_at_any_width(columns: int, examples: Path) -> None:
    out = wiretropy("scan", examples / "demo.pcap", columns=columns).stdout
    lines = table_of(out)
    assert max(map(len, lines)) <= columns
    rows = {row["uid"]: row for row in read_flows(examples / "demo.pcap")}
    shown = list(zip(lines[3::2], lines[4::2], strict=True))
    assert len(shown) == len(rows) == 9
    for first, second in shown:
        [row] = [row for uid, row in rows.items() if uid.startswith(first.split()[0])]
        assert f"  {row['orig_ip']}:{row['orig_port']}  " in first
        assert f"  {row['resp_ip']}:{row['resp_port']}  " in second
        assert f"{row['resp_payload_bytes']:,}  {row['resp_entropy']:.3f}"[:-2] in second
        if row["resp_crossing_offsets"]:
            assert f"7.9 at byte {row['resp_crossing_offsets'][0]:,}" in second


def test_what_is_not_shown_is_named_and_a_wide_table_shows_everything(examples: Path) -> None:
    path = examples / "demo.pcap"
    told = [
        line for width in WIDTHS for line in wiretropy("scan", path, columns=width).stdout.splitlines()
        if line.startswith("not shown")
    ]  # fmt: skip
    assert told == [
        "not shown at 80 columns: whole flow ids, why flows ended, packet numbers, curves, ±, "
        "protocols, how sure verdicts are; "
        "a wider terminal shows more, --json everything",
        "not shown at 100 columns: whole flow ids, why flows ended, packet numbers, curves; "
        "a wider terminal shows more, --json everything",
        "not shown at 120 columns: packet numbers; a wider terminal shows more, --json everything",
    ]


@pytest.mark.parametrize("columns", WIDTHS)
def test_long_addresses_lose_their_middle_and_never_their_port(columns: int, ipv6: Path) -> None:
    lines = table_of(wiretropy("scan", ipv6, columns=columns).stdout)
    assert max(map(len, lines)) <= columns
    whole = [f"[{LONG_IPV6[0]}]:51234", f"[{LONG_IPV6[1]}]:8443"]
    short = ["[2001:db…70:7348]:51234", "[2001:db…ff:443a]:8443"]
    for line, expected in zip(lines[3:5], whole if columns >= 160 else short, strict=True):
        assert f"  {expected}  " in line


def test_alerts_are_counted_as_they_are_told_one_for_each_side(tmp_path: Path) -> None:
    """Both sides of one flow cross, one side of another."""
    wire = Wire()
    for port in (1, 2):
        talk = Connection(wire, End("10.0.0.1", 50_000 + port), End("10.0.0.2", port)).open()
        talk.send("orig", random_bytes(5_000) if port == 1 else b"x").send("resp", random_bytes(6_000)).close()
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap_bytes(wire.packets))
    out = wiretropy("scan", path).stdout
    assert out.startswith("2 flows; 3 alerts in 2 flows, one for each side that reached 7.9 bits per byte")
    assert len(re.findall(r"payload reached", out)) == 3
    assert wiretropy("scan", path, "--expected-ports", "1").stdout.startswith("2 flows; 1 alert in 1 flow,")


@pytest.mark.parametrize(
    ("length", "expected"),
    [(100, "6.286 ± 0.071"), (4_096, "7.9546 ± 0.0040"), (65_536, "7.99719 ± 0.00025"), (10, "3.287 ± 0.082")],
)
def test_a_spread_is_shown_with_two_figures(length: int, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap_bytes(conversation(random_bytes(length))))
    out = wiretropy("scan", path).stdout
    assert f"  {expected}  " in out
    if length >= 4_096:
        assert f"where random bytes average {expected}\n" in out


# The commands below the alerts.


def commands(out: str) -> list[str]:
    """What the table offers to paste."""
    return re.findall(r"^to .*?: +(wiretropy .*)$", out, re.MULTILINE)


def test_commands_below_the_alerts_work_when_they_are_pasted(tmp_path: Path) -> None:
    """They name all captures, whatever they are called, and every option on which flows and measurements depend."""
    first, second = tmp_path / "it's a\n\x1bfile.pcap", tmp_path / "-b.pcap"
    first.write_bytes(pcap_bytes(conversation(random_bytes(3_000), port=1_001, server_port=8_443)))
    second.write_bytes(pcap_bytes(conversation(random_bytes(90_000), port=1_002, server_port=9_443)))
    options = "--threshold 7.99 --depth all --active-limit 4000 --verify-checksums --no-decap --expected-ports 8443"
    scan = pipeline(rf"""wiretropy scan {options} -- $'it\'s a\n\033file.pcap' -b.pcap""", tmp_path)
    assert scan.returncode == 0, scan.stderr
    plot, carve = commands(scan.stdout)
    given = "--threshold 7.99 --depth all --no-decap --verify-checksums --active-limit 4000.0"
    assert plot.endswith(given)
    assert carve.endswith(given)
    assert "\x1b" not in scan.stdout

    drawn = pipeline(f"{plot} --json", tmp_path)
    assert drawn.returncode == 0, drawn.stderr
    [curve] = [c for c in json.loads(drawn.stdout)["curves"] if c["side"] == "resp"]
    assert curve["measured_bytes"] == 90_000
    carved = pipeline(f"{carve} --json", tmp_path)
    assert carved.returncode == 0, carved.stderr
    [row] = read_flows(tmp_path / json.loads(carved.stdout)["path"])
    assert (row["orig_port"], row["resp_port"]) == (1_002, 9_443)


def test_commands_below_the_alerts_repeat_the_filter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wiretropy.capture.bpf.compile_filter", lambda *_: None)
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap_bytes(conversation(random_bytes(3_000))))
    for command in commands(wiretropy("scan", path, "-f", "tcp or port 'x'").stdout):
        assert shlex.split(command)[-2:] == ["-f", "tcp or port 'x'"]


def test_an_alert_beyond_the_default_depth_can_be_carved(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap_bytes(conversation(b"all work and no play" * 4_000 + random_bytes(900_000))))
    out = wiretropy("scan", path, "--depth", "all").stdout
    [alert] = re.findall(r"^(A\S+)  tcp .* at byte [0-9]{3},", out, re.MULTILINE)
    done = wiretropy("carve", path, "--depth", "all", "--alert", alert, "-o", tmp_path / "b.pcap")
    assert done.returncode == 0, done.stderr


def test_standard_input_is_named_and_offered_to_nobody(examples: Path, tmp_path: Path) -> None:
    shutil.copy(examples / "https.pcap", tmp_path / "a.pcap")
    done = pipeline("wiretropy scan - < a.pcap", tmp_path)
    assert commands(done.stdout) == []
    assert "of standard input" in done.stdout
    assert "to draw a flow or take its packets, save standard input to a file" in done.stdout


def hovering(length: int, threshold: float) -> tuple[bytes, list[int]]:
    """Bytes whose entropy goes to and fro across a threshold, and every place where it crosses."""
    counts, total, crossings = [0] * 256, 0.0, []
    stream = bytearray()
    is_above = False
    for n in range(1, length + 1):
        byte = counts.index(max(counts)) if is_above else counts.index(min(counts))
        total += math.log2((counts[byte] + 1) ** (counts[byte] + 1)) - math.log2(max(counts[byte], 1) ** counts[byte])
        counts[byte] += 1
        stream.append(byte)
        entropy = math.log2(n) - total / n
        if (entropy >= threshold) != is_above:
            is_above = not is_above
            crossings.append(n)
    return bytes(stream), crossings


@pytest.mark.parametrize(("length", "more"), [(400, ""), (4_000, " or more")])
def test_crossings_are_all_counted_up_to_the_first_256(length: int, more: str, tmp_path: Path) -> None:
    stream, crossings = hovering(length, 7.5)
    assert (len(crossings) > MAX_CROSSINGS) == bool(more)
    wire = Wire()
    Connection(wire, End("10.0.0.1", 51_234), End("10.0.0.2", 8_443)).open().send("resp", stream).close()
    path = tmp_path / "hovering.pcap"
    path.write_bytes(pcap_bytes(wire.packets))
    [row] = read_flows(path, threshold=7.5)
    assert row["resp_crossing_offsets"] == crossings[:MAX_CROSSINGS]
    shown = min(len(crossings), MAX_CROSSINGS)
    assert f"{shown}{more} crossings in all" in wiretropy("scan", path, "--threshold", "7.5", columns=160).stdout
