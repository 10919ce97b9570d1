"""Records are joined with the truth flow by flow, and what differs is counted."""

from __future__ import annotations

from pathlib import Path

from bench.truth import Flow, address, compare, truth_flows

KEY = ("tcp", "10.0.0.1", 1_024, "172.16.0.1", 80, -1)


def flow(*, port: int = 1_024, sent: int = 10, entropy: float = 3.0) -> Flow:
    return Flow((*KEY[:2], port, *KEY[3:]), (sent, 20), (entropy, 4.0))


def test_equal_flows_differ_in_nothing() -> None:
    result = compare([flow(), flow(port=2)], [flow(port=2), flow()])
    assert (result.flows, result.directions) == (2, 4)
    assert (result.missing, result.invented, result.wrong_bytes, result.wrong_entropies) == (0, 0, 0, 0)


def test_flow_without_record_is_missing_and_record_without_flow_is_invented() -> None:
    result = compare([flow(port=1)], [flow(port=2)])
    assert (result.missing, result.invented, result.directions) == (1, 1, 0)


def test_flows_of_one_tuple_are_paired_by_content_not_by_order() -> None:
    first, second = flow(sent=10, entropy=3.0), flow(sent=50, entropy=5.0)
    result = compare([first, second], [second, first])
    assert (result.missing, result.invented, result.wrong_bytes, result.wrong_entropies) == (0, 0, 0, 0)


def test_tuple_that_serves_two_flows_needs_two_records() -> None:
    assert compare([flow(), flow()], [flow()]).missing == 1
    assert compare([flow()], [flow(), flow()]).invented == 1


def test_reversed_flow_is_not_the_same_flow() -> None:
    turned = Flow(("tcp", KEY[3], KEY[4], KEY[1], KEY[2], -1), (20, 10), (4.0, 3.0))
    assert compare([flow()], [turned]).missing == 1


def test_entropy_may_differ_by_what_printing_takes_away_only() -> None:
    assert compare([flow(entropy=3.000001)], [flow(entropy=3.0000014999)]).wrong_entropies == 0
    assert compare([flow(entropy=3.000001)], [flow(entropy=3.0000016)]).wrong_entropies == 1


def test_differing_payload_bytes_are_counted_by_direction() -> None:
    assert compare([flow(sent=10)], [flow(sent=11)]).wrong_bytes == 1


def test_truth_file_names_vlan_and_ipv6_as_the_generator_sends_them(tmp_path: Path) -> None:
    table = tmp_path / "truth.tsv"
    head = "flow proto v6 vlan caddr cport saddr sport c_bytes s_bytes c_entropy s_entropy"
    line = "51 17 1 1 167772161 5 2886729729 443 7 0 2.500000 0.000000"
    table.write_text(f"{head}\n{line}\n".replace(" ", "\t"), encoding="ascii")
    (read,) = truth_flows(table)
    assert read == Flow(("udp", "2001:db8::a00:1", 5, "2001:db8::ac10:1", 443, 101), (7, 0), (2.5, 0.0))
    assert address(167_772_161, is_v6=False) == "10.0.0.1"
