"""Which flows traffic means: every key, alone and together, in both families of addresses."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy_records import Flow, judged

from wiretropy.policy.matching import TrafficMatcher
from wiretropy.policy.model import Traffic

FLOWS = judged(
    Flow(orig_ip="10.1.2.3", resp_ip="192.0.2.1", resp_port=443),
    Flow(orig_ip="2001:db8::1", resp_ip="2001:db8:1::", resp_port=22, more={"proto": "udp", "community_id": "1:x"}),
    Flow(orig_ip="192.0.2.255", resp_ip="10.0.0.0", resp_port=40_000),
)


def nets(*texts: str) -> tuple[ip_network, ...]:  # type: ignore[valid-type]
    return tuple(map(ip_network, texts))


@pytest.mark.parametrize(
    ("traffic", "rows"),
    [
        (Traffic(), [0, 1, 2]),
        (Traffic(ports=((443, 443),)), [0]),
        (Traffic(ports=((22, 443),)), [0, 1]),
        (Traffic(ports=((40_000, 40_000),)), [0, 1, 2]),  # the originators' port
        (Traffic(networks=nets("10.0.0.0/8")), [0, 2]),
        (Traffic(originators=nets("10.0.0.0/8")), [0]),
        (Traffic(responders=nets("10.0.0.0/8")), [2]),
        (Traffic(networks=nets("2001:db8::/64")), [1]),
        (Traffic(networks=nets("::/0")), [1]),
        (Traffic(networks=nets("0.0.0.0/0", "::/0")), [0, 1, 2]),
        (Traffic(networks=nets("192.0.2.0/25", "192.0.2.255/32")), [0, 2]),
        (Traffic(protocols=("udp",)), [1]),
        (Traffic(community_ids=("1:x",)), [1]),
        (Traffic(ports=((443, 443),), protocols=("udp",)), []),
        (Traffic(names=("lab",)), [0, 2]),
        (Traffic(names=("lab", "six")), [0, 1, 2]),
        (Traffic(names=("lab",), ports=((443, 443),)), [0]),
    ],
)
def test_a_flow_fits_every_key_that_is_given(traffic: Traffic, rows: list[int]) -> None:
    match = TrafficMatcher({"lab": Traffic(networks=nets("10.0.0.0/8")), "six": Traffic(networks=nets("::/0"))})
    assert match.rows(FLOWS, traffic).nonzero()[0].tolist() == rows
    assert match.rows(FLOWS.slice(1), traffic).nonzero()[0].tolist() == [row - 1 for row in rows if row]


_ADDRESSES = st.one_of(
    st.integers(0, 2**12).map(lambda n: ip_address(n << 20)),
    st.integers(0, 2**12).map(lambda n: ip_address((0x2001 << 112) + (n << 80))),
)


@given(
    st.lists(_ADDRESSES, min_size=1, max_size=5),
    st.lists(st.tuples(_ADDRESSES, st.integers(0, 32)), min_size=1, max_size=6),
)
def test_addresses_lie_in_networks_as_the_standard_library_says(addresses: list, drawn: list) -> None:  # type: ignore[type-arg]
    networks = tuple(ip_network(f"{address}/{length}", strict=False) for address, length in drawn)
    batch = judged(*(Flow(orig_ip=str(address)) for address in addresses))
    found = TrafficMatcher({}).rows(batch, Traffic(originators=networks))
    assert found.tolist() == [any(a in n for n in networks if n.version == a.version) for a in addresses]
