"""Facts about the captures in `examples/`, checked without wiretropy and without root."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from lab.catalogue import discover
from lab.manifest import CONTENTS, Row, read_manifest
from lab.pcap import MAGIC_MICROSECONDS, TcpFlow, has_correct_checksums, read_packets, tcp_flows

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
CAPTURES = sorted(EXAMPLES.glob("*.pcap"))
ROWS = read_manifest(EXAMPLES / "manifest.csv")

ETHERNET_FRAME_BYTES = 1514  # 1,500 of IP and 14 of Ethernet; anything larger was merged by an offload
FILE_CAP_BYTES, DEMO_CAP_BYTES, TOTAL_CAP_BYTES = 120_000, 250_000, 900_000
MEASURED_BYTES = 65_536  # what wiretropy measures of each direction by default


def flows_of(name: str) -> list[TcpFlow]:
    return tcp_flows(read_packets(EXAMPLES / name))


def flow_of(row: Row) -> TcpFlow:
    named = [flow for flow in flows_of(row.file) if (written(flow.orig), written(flow.resp)) == (row.orig, row.resp)]
    assert len(named) == 1, f"{row.file} holds {len(named)} flows {row.orig} -> {row.resp}"
    return named[0]


def written(side: tuple[str, int]) -> str:
    return f"{side[0]}:{side[1]}"


def rows_of(name: str) -> list[Row]:
    return [row for row in ROWS if row.file == name]


def row_id(row: Row) -> str:
    return f"{row.file}:{row.orig}"


every_capture = pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
every_row = pytest.mark.parametrize("row", ROWS, ids=row_id)


@every_capture
def test_capture_begins_with_the_magic_of_a_classic_pcap(path: Path) -> None:
    assert path.read_bytes()[:4] == MAGIC_MICROSECONDS.to_bytes(4, "little")


@every_capture
def test_packets_are_whole_and_of_wire_size(path: Path) -> None:
    packets = list(read_packets(path))
    assert packets
    assert all(len(packet.frame) == packet.origlen <= ETHERNET_FRAME_BYTES for packet in packets)


@every_capture
def test_packets_have_correct_checksums(path: Path) -> None:
    assert all(has_correct_checksums(packet) for packet in read_packets(path))


@every_capture
def test_packets_are_in_order_of_time(path: Path) -> None:
    times = [packet.time_ns for packet in read_packets(path)]
    assert times == sorted(times)


@every_capture
def test_every_flow_is_complete_from_syn_to_close(path: Path) -> None:
    for flow in flows_of(path.name):
        assert flow.is_closed, f"{written(flow.orig)} was never closed"
        # payload() refuses a direction with a byte missing.
        assert flow.payload(flow.orig) or flow.payload(flow.resp)


@every_capture
def test_addresses_are_private_or_for_documentation(path: Path) -> None:
    for flow in flows_of(path.name):
        for address, _port in (flow.orig, flow.resp):
            assert address.startswith(("10.", "203.0.113.", "198.51.100.", "192.0.2.")), address


@every_capture
def test_every_flow_of_a_capture_has_its_row(path: Path) -> None:
    assert sorted((written(flow.orig), written(flow.resp)) for flow in flows_of(path.name)) == sorted(
        (row.orig, row.resp) for row in rows_of(path.name)
    )


def test_examples_stay_small() -> None:
    sizes = {path.name: path.stat().st_size for path in CAPTURES}
    assert all(size <= FILE_CAP_BYTES for name, size in sizes.items() if name != "demo.pcap"), sizes
    assert sizes.get("demo.pcap", 0) <= DEMO_CAP_BYTES
    assert sum(path.stat().st_size for path in EXAMPLES.iterdir()) <= TOTAL_CAP_BYTES


def test_readme_names_every_capture() -> None:
    readme = (EXAMPLES / "README.md").read_text()
    assert [path.name for path in CAPTURES if f"`{path.name}`" not in readme] == []


@every_row
def test_row_names_a_flow_of_its_file(row: Row) -> None:
    assert flow_of(row)


@every_row
def test_row_says_who_spoke_and_what(row: Row) -> None:
    assert row.client
    assert row.server
    assert row.content in CONTENTS
    assert row.label in {one.label for one in discover().values()}


@every_row
def test_encryption_begins_inside_the_payload_or_never(row: Row) -> None:
    flow = flow_of(row)
    for offset, side in ((row.orig_encrypted_from, flow.orig), (row.resp_encrypted_from, flow.resp)):
        assert offset == "" or 0 < int(offset) < len(flow.payload(side))
    if row.content != "encrypted":
        assert row.orig_encrypted_from == row.resp_encrypted_from == ""


@pytest.mark.parametrize("name", ["https.pcap", "rtmp-long.pcap", "ssh2-long.pcap"])
def test_long_transfer_fills_the_measured_depth(name: str) -> None:
    assert any(len(flow.payload(flow.resp)) > MEASURED_BYTES for flow in flows_of(name))


def test_short_ssh2_sessions_are_short_and_greet_as_ssh2() -> None:
    flows = flows_of("ssh2-short.pcap")
    assert len(flows) >= 2
    for flow in flows:
        for side in (flow.orig, flow.resp):
            assert flow.payload(side).startswith(b"SSH-2.0-OpenSSH_")
            assert len(flow.payload(side)) < 8_192


def test_https_flows_begin_with_a_tls_handshake() -> None:
    for flow in flows_of("https.pcap"):
        assert flow.payload(flow.orig)[:2] == b"\x16\x03"
        assert flow.payload(flow.resp)[:2] == b"\x16\x03"


def test_gzip_body_is_announced_in_plain_headers_and_begins_as_gzip() -> None:
    (flow,) = flows_of("http-gzip.pcap")
    headers, _, body = flow.payload(flow.resp).partition(b"\r\n\r\n")
    assert b"Content-Encoding: gzip" in headers
    chunk_size, _, chunk = body.partition(b"\r\n")
    assert int(chunk_size, 16) > 0
    assert chunk.startswith(b"\x1f\x8b\x08")  # RFC 1952: gzip magic, deflate
    assert 20_000 <= len(body) <= 70_000


def test_plain_http_is_ascii_text() -> None:
    for flow in flows_of("http-plain.pcap"):
        assert flow.payload(flow.orig).isascii()
        assert flow.payload(flow.resp).isascii()


SSH1_CIPHER_NUMBERS = {"des": 2, "3des": 3, "blowfish": 6}


def test_ssh1_sessions_greet_as_ssh1() -> None:
    flows = flows_of("ssh1.pcap")
    assert len(flows) >= 3
    for flow in flows:
        assert flow.payload(flow.orig).startswith(b"SSH-1.5-")
        assert flow.payload(flow.resp).startswith(b"SSH-1.5-Uppity")


@pytest.mark.parametrize("row", rows_of("ssh1.pcap"), ids=row_id)
def test_ssh1_cipher_is_the_one_the_manifest_names(row: Row) -> None:
    flow = flow_of(row)
    packet = flow.payload(flow.orig).partition(b"\n")[2]
    padding = 8 - int.from_bytes(packet[:4], "big") % 8
    message, cipher = packet[4 + padding], packet[5 + padding]
    assert message == 3  # SSH_CMSG_SESSION_KEY, which begins with the cipher's number
    assert f"cipher={next(name for name, number in SSH1_CIPHER_NUMBERS.items() if number == cipher)} " in row.settings


def test_ssh1_was_spoken_by_two_clients_with_three_ciphers() -> None:
    rows = rows_of("ssh1.pcap")
    assert {row.client.split()[0] for row in rows} == {"plink", "ssh1"}
    assert {row.settings.split()[0] for row in rows} == {"cipher=3des", "cipher=blowfish", "cipher=des"}


def test_encrypted_rows_say_where_encryption_begins() -> None:
    assert [
        row_id(row)
        for row in ROWS
        if row.content == "encrypted" and not (row.orig_encrypted_from or row.resp_encrypted_from)
    ] == []


@pytest.mark.parametrize("name", ["rtmp.pcap", "rtmp-long.pcap"])
def test_rtmp_flows_begin_with_version_3_from_both_sides(name: str) -> None:
    for flow in flows_of(name):
        for side in (flow.orig, flow.resp):
            assert flow.payload(side)[0] == 3
            assert len(flow.payload(side)) > 1 + 1536 + 1536  # version, own random bytes, the other's echoed


RDP_CAPTURES = ("rdp-rdesktop.pcap", "rdp-xfreerdp.pcap", "rdp-broken-off.pcap")
RDP_LEVEL_NUMBERS = {"none": 0, "low": 1, "medium": 2, "high": 3, "fips": 4}  # MS-RDPBCGR 2.2.1.4.3, encryptionLevel
SC_SECURITY = b"\x02\x0c"  # the type of the server's security settings, little-endian


@pytest.mark.parametrize("row", [row for row in ROWS if row.file in RDP_CAPTURES], ids=row_id)
def test_rdp_server_announces_the_level_the_manifest_names(row: Row) -> None:
    flow = flow_of(row)
    assert b"Cookie: mstshash=ada\r\n" in flow.payload(flow.orig)[:64]
    settings = flow.payload(flow.resp)
    at = settings.index(SC_SECURITY) + 4  # behind the block's type and length comes the method, then the level
    level = int.from_bytes(settings[at + 4 : at + 8], "little")
    assert f"level={next(name for name, number in RDP_LEVEL_NUMBERS.items() if number == level)} " in row.settings


def test_rdp_was_spoken_by_two_clients_at_four_levels() -> None:
    rows = [row for row in ROWS if row.file in RDP_CAPTURES[:2]]
    assert {row.client.split()[0] for row in rows} == {"rdesktop", "xfreerdp"}
    assert {row.settings.split()[1] for row in rows} == {"level=none", "level=low", "level=high", "level=fips"}


def test_demo_holds_whole_flows_of_the_other_captures() -> None:
    for row in rows_of("demo.pcap"):
        demo = flow_of(row)
        (twin,) = [one for one in ROWS if one.file != "demo.pcap" and (one.orig, one.resp) == (row.orig, row.resp)]
        source = flow_of(twin)
        assert [demo.payload(side) for side in (demo.orig, demo.resp)] == [
            source.payload(side) for side in (source.orig, source.resp)
        ]


def test_demo_mixes_kinds_of_traffic_and_interleaves_them() -> None:
    assert {row.label for row in rows_of("demo.pcap")} >= {
        "ssh/ssh-1",
        "ssh/ssh-2",
        "tls/https",
        "rdp/standard",
        "rtmp",
        "http/gzip",
        "http/plain",
    }
    spans = [(flow.segments[0].time_ns, flow.segments[-1].time_ns) for flow in flows_of("demo.pcap")]
    assert sum(later[0] < earlier[1] for earlier, later in pairwise(spans)) >= 2
