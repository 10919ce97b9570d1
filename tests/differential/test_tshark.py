"""Packets, bytes and streams equal tshark's, but for differences that are listed with their reasons."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import oracle
import pytest
import tshark
from conftest import REPOSITORY, corpus_folder
from tshark import Traffic, Way, needs_tshark

from wiretropy.flows import read_flows

needs_capinfos = pytest.mark.skipif(shutil.which("capinfos") is None, reason="capinfos is not installed")

FRAGMENTS = "a datagram in fragments counts all its packets here; tshark's table has only the one that completes it"
BAD_TCP = "a TCP header shorter than 20 bytes belongs to no flow here; tshark goes by its ports"
OTHER_TUNNEL = "L2TP and CAPWAP are not opened here"
QUOTED = "an sFlow datagram holds a sampled ICMP packet, by which this comparison sorts tshark's count"

DIFFERENCES: dict[str, str] = {
    "HelloWorld20240418+boofuzz_nova/pcap_BGP_EVPN.pcap": "Juniper's link type is not read here",
    "OISF+suricata-verify/tests_defrag_bug-6887-defrag-eth-vlan-ipv6-tcp_frag-eth-vlan-ipv6-tcp.pcap": FRAGMENTS,
    "OISF+suricata-verify/tests_defrag_bug-6887-defrag-ipv6-tcp_frag-ip-tcp.pcap": FRAGMENTS,
    "OISF+suricata-verify/tests_defrag_bug-6887-defrag-ppp-ipv6-tcp_frag-ppp-ipv6-tcp.pcap": FRAGMENTS,
    "OISF+suricata-verify/tests_drop-protocol-change_input.pcap": BAD_TCP,
    "OISF+suricata-verify/tests_transform-base64-7296_input.pcap": BAD_TCP,
    "dotpcap+packetnet/Test_CaptureFiles_udp-ip-fragmented.pcap": FRAGMENTS,
    "kbandla+dpkt/examples_data_nb6-http.pcap": OTHER_TUNNEL,
    "ntop+nDPI/tests_cfgs_default_pcap_badpackets.pcap": "fragments that the capture cut cannot be put together;"
    " tshark goes by the ports in the first one",
    "ntop+nDPI/tests_cfgs_default_pcap_capwap_data.pcapng": OTHER_TUNNEL,
    "ntop+nDPI/tests_cfgs_default_pcap_sflow.pcap": QUOTED,
    "seladb+PcapPlusPlus/Tests_ExamplesTest_expected_output_http_req_frag.pcap": FRAGMENTS,
    "seladb+PcapPlusPlus/Tests_ExamplesTest_expected_output_ipfragutil_bpf_filter.pcap": FRAGMENTS,
    "seladb+PcapPlusPlus/Tests_ExamplesTest_expected_output_ipfragutil_ip_ids.pcap": FRAGMENTS,
    "seladb+PcapPlusPlus/Tests_ExamplesTest_pcap_examples_frag_http_req.pcap": FRAGMENTS,
    "seladb+PcapPlusPlus/Tests_ExamplesTest_pcap_examples_ipv6-frag.pcap": FRAGMENTS,
    "seladb+PcapPlusPlus/Tests_Packet++Test_PacketExamples_IPv4Frag.pcap": FRAGMENTS,
    "seladb+PcapPlusPlus/Tests_Packet++Test_PacketExamples_NullLoopback.pcap": "a loopback header with an EtherType"
    " where the address family should be is not read here",
    "seladb+PcapPlusPlus/Tests_Packet++Test_PacketExamples_ipv6_opt_fragments.pcap": FRAGMENTS,
    "seladb+PcapPlusPlus/Tests_Pcap++Test_PcapExamples_frag_with_padding.pcap": FRAGMENTS,
    "seladb+PcapPlusPlus/Tests_Pcap++Test_PcapExamples_ip4_fragments.pcap": FRAGMENTS,
    "seladb+PcapPlusPlus/Tests_Pcap++Test_PcapExamples_ip6_fragments.pcap": FRAGMENTS,
    "seladb+PcapPlusPlus/Tests_Pcap++Test_PcapExamples_null_loopback.pcap": "a loopback header with an EtherType"
    " where the address family should be is not read here",
    "zeek+zeek/testing_btest_Traces_tunnels_gtp_gtp_ext_header.pcap": FRAGMENTS,
}
"""Captures of the corpus whose conversations differ from tshark's, and why: 24 of 808."""

SAMPLE_EVERY = 50
"""One of so many captures is compared, all of them where WIRETROPY_FULL is set: that takes minutes."""

EXAMPLES = sorted((REPOSITORY / "examples").glob("*.pcap"))


def relative(path: Path) -> str:
    """The name of a capture in the list of differences."""
    return "/".join(path.parts[-2:])


def corpus_captures(folder: str) -> list[Any]:
    """Captures of a part of the corpus, in the order of their names."""
    if not (corpus_folder() / folder).is_dir():
        absent = pytest.mark.skip(reason=f"no corpus of captures at {corpus_folder()}; name one with WIRETROPY_CORPUS")
        return [pytest.param(Path("absent"), marks=absent)]
    found = sorted(path for path in (corpus_folder() / folder).rglob("*") if path.is_file())
    captures = [path for path in found if path.suffix not in (".csv", ".md")]
    if os.environ.get("WIRETROPY_FULL"):
        return captures
    return [path for number, path in enumerate(captures) if number % SAMPLE_EVERY == 0 or relative(path) in DIFFERENCES]


TRAFFIC = corpus_captures("traffic")


def traffic(path: Path, **changes: Any) -> Traffic:
    """Packets and frame bytes of TCP and UDP by direction."""
    packets: Counter[Way] = Counter()
    wire_bytes: Counter[Way] = Counter()
    for row in read_flows(path, **changes).to_arrow().to_pylist():
        if row["proto"] not in ("tcp", "udp"):
            continue
        for one, other in (("orig", "resp"), ("resp", "orig")):
            ends = (row[f"{one}_ip"], row[f"{one}_port"], row[f"{other}_ip"], row[f"{other}_port"])
            if row[f"{one}_packets"]:
                packets[Way(row["proto"], *ends)] += row[f"{one}_packets"]
                wire_bytes[Way(row["proto"], *ends)] += row[f"{one}_wire_bytes"]
    return Traffic(packets, wire_bytes)


@needs_tshark
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_conversations_of_the_examples_equal_tsharks(path: Path) -> None:
    assert traffic(path) == tshark.traffic(path)


@needs_tshark
@pytest.mark.parametrize("path", TRAFFIC, ids=relative)
def test_conversations_of_the_corpus_equal_tsharks_but_for_the_listed(path: Path) -> None:
    ours, theirs = traffic(path), tshark.traffic(path)
    if relative(path) in DIFFERENCES:
        assert ours != theirs, f"no difference any more; take it off the list: {relative(path)}"
    else:
        assert ours == theirs


@needs_capinfos
@pytest.mark.parametrize("path", [*EXAMPLES, *TRAFFIC], ids=relative)
def test_packets_seen_whole_are_those_that_capinfos_counts(path: Path) -> None:
    said = subprocess.run(["capinfos", "-c", "-M", "-T", "-r", str(path)], capture_output=True, text=True, check=True)
    packets = read_flows(path).summary.packets
    # A packet that the end of the file cuts is none to capinfos.
    assert packets.seen - packets.undecoded.get("truncated", 0) == int(said.stdout.split("\t")[-1])


@needs_tshark
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_streams_of_the_examples_hold_the_bytes_that_tshark_follows(path: Path) -> None:
    rows = [row for row in read_flows(path, depth="all").to_arrow().to_pylist() if row["proto"] == "tcp"]
    expected: Counter[tuple[object, ...]] = Counter()
    for number in range(len(rows)):
        stream = tshark.follow(path, number)
        assert stream is not None
        for sender, receiver, sent in (
            (stream.first, stream.second, stream.first_bytes),
            (stream.second, stream.first, stream.second_bytes),
        ):
            entropy = oracle.entropy(sent)
            expected[sender, receiver, len(sent), None if entropy is None else round(entropy, 9)] += 1
    assert tshark.follow(path, len(rows)) is None
    found: Counter[tuple[object, ...]] = Counter()
    for row in rows:
        for one, other in (("orig", "resp"), ("resp", "orig")):
            ends = [f"{row[f'{side}_ip']}:{row[f'{side}_port']}" for side in (one, other)]
            assert row[f"{one}_missed_bytes"] == 0
            entropy = row[f"{one}_entropy"]
            found[*ends, row[f"{one}_payload_bytes"], None if entropy is None else round(entropy, 9)] += 1
    assert found == expected
