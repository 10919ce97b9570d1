"""What ndpiReader prints, read: flags, names and risks, whatever else stands in a line; and how methods are counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.accuracy import ndpi
from bench.accuracy.ndpi import Judged, Named


def line(ends: str, rest: str, proto: str = "TCP") -> str:
    return f"\t1\t{proto} {ends} {rest}[14 pkts/1665 bytes <-> 54 pkts/71319 bytes][Goodput ratio: 44/95][0.01 sec]"


def only(printed: str) -> Named:
    [flow] = ndpi.flows_of(printed).values()
    return flow


V4 = "10.0.0.5:45864 <-> 203.0.113.9:443"
TLS = "[proto: 91/TLS][Encrypted][Confidence: DPI][cat: Web/5]"
HTTP = "[proto: 7/HTTP][ClearText][Confidence: DPI][cat: Web/5]"
UNKNOWN = "[proto: 0/Unknown][ClearText][Confidence: Unknown]"


def test_encrypted_cleartext_and_unknown_are_three_things():
    assert only(line(V4, TLS)) == Named("TLS", True, False)
    assert only(line(V4, TLS)).says is True
    assert only(line(V4, HTTP)).says is False
    assert only(line(V4, UNKNOWN)).says is None


def test_suspicious_entropy_counts_as_encrypted_among_other_risks():
    risk = "[Risk: ** Known Protocol on Non Standard Port **** Suspicious Entropy **][Risk Score: 100]"
    assert only(line(V4, UNKNOWN) + risk).says is True
    assert only(line(V4, HTTP) + "[Risk: ** HTTP Numeric IP Address **][Risk Score: 10]").says is False


def test_keys_are_transport_and_ends_in_any_order():
    [there] = ndpi.flows_of(line(V4, TLS))
    [back] = ndpi.flows_of(line("203.0.113.9:443 -> 10.0.0.5:45864", TLS))
    assert there == back == ("tcp", frozenset({("10.0.0.5", 45_864), ("203.0.113.9", 443)}))
    [v6] = ndpi.flows_of(line("[2001:db8::1]:5353 -> [ff02::fb]:5353", "[proto: 8/MDNS][ClearText]", "UDP"))
    assert v6 == ("udp", frozenset({("2001:db8::1", 5_353), ("ff02::fb", 5_353)}))


def test_a_vlan_and_a_second_name_are_read_past():
    flow = only(
        line("10.0.0.1:1 <-> 8.8.8.8:53", "[VLAN: 150][proto: 5.126/DNS.Google][ClearText][Confidence: DPI]", "UDP")
    )
    assert flow == Named("DNS.Google", False, False)


def test_names_from_packets_do_not_make_a_flow_encrypted():
    host = "[Hostname/SNI: x][Encrypted][PLAIN TEXT (** Suspicious Entropy **)]"
    assert only(line(V4, HTTP) + host).says is False


def test_lines_that_are_no_flows_of_tcp_or_udp_are_left_out():
    printed = [
        "Detected protocols:",
        "\tTLS      packets: 68   bytes: 72984  flows: 1",
        "",
        "\t1\tICMP 10.0.0.1:0 -> 10.0.0.2:0 [proto: 81/ICMP]",
    ]
    assert ndpi.flows_of("\n".join(printed)) == {}


def test_of_flows_with_the_same_ends_the_encrypted_one_counts():
    for lines in ((UNKNOWN, HTTP, TLS), (TLS, HTTP, UNKNOWN)):
        assert only("\n".join(line(V4, each) for each in lines)).says is True
    assert only("\n".join(line(V4, each) for each in (HTTP, UNKNOWN))).says is False


def flow(
    truth: bool, *said: bool | None, group: str = ndpi.EXAMPLES, label: str = "a", capture: str = "a.pcap"
) -> Judged:
    return Judged(group, label, capture, truth, said)


def test_right_wrong_and_silent_are_counted_apart():
    flows = [flow(True, True), flow(True, False), flow(False, None), flow(False, False)]
    assert ndpi.tally(flows, 0) == "2 / 1 / 1"


def test_silence_is_not_right_and_one_capture_has_no_interval():
    flows = [flow(True, True), flow(False, None), flow(False, False), flow(True, False)]
    assert ndpi.share(flows, 0) == "50.0 [50.0, 50.0]"
    two = [flow(True, True, capture="b.pcap"), flow(True, False)]
    assert ndpi.share(two, 0) == "50.0 [0.0, 100.0]"


def test_the_section_has_a_row_for_each_truth_and_leaves_out_rare_labels():
    flows = [flow(True, True, None, True), flow(False, False, False, True)]
    flows += [flow(True, True, True, None, group=ndpi.PUBLIC, label="TLS")] * ndpi.LEAST_FLOWS
    flows += [flow(True, True, True, True, group=ndpi.PUBLIC, label="rare", capture="b.pcap")]
    section = ndpi.section_of(flows, "nDPI 4.2.0")
    assert section.tables[0].rows == [
        ["examples", "encrypted", "1", "1", "1 / 0 / 0", "0 / 0 / 1", "1 / 0 / 0"],
        ["examples", "not encrypted", "1", "1", "1 / 0 / 0", "1 / 0 / 0", "0 / 1 / 0"],
        ["public captures", "encrypted", "6", "2", "6 / 0 / 0", "6 / 0 / 0", "1 / 0 / 5"],
    ]
    assert [row[:2] for row in section.tables[1].rows] == [row[:2] for row in section.tables[0].rows]
    assert [row[0] for row in section.tables[2].rows] == ["a", "a", "TLS"]


def test_the_table_says_so_where_the_program_is_not_installed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ndpi.shutil, "which", lambda program: None)
    [table] = ndpi.beside().tables
    assert "not installed" in table.rows[0][0]


@pytest.mark.skipif(ndpi.shutil.which(ndpi.PROGRAM) is None, reason="ndpiReader is not installed (Debian: libndpi-bin)")
def test_the_program_itself_is_read(examples: Path):
    flows = list(ndpi.compare("x", {examples / "https.pcap": ndpi.truth_of_examples()[examples / "https.pcap"]}))
    assert [(each.label, each.is_encrypted, each.said) for each in flows] == [
        ("tls/https: encrypted", True, (True, True, True))
    ] * 2
