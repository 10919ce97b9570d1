"""What a curve holds: points, last byte, blocks, gaps, packets, labels."""

import numpy as np
import pyarrow as pa
import pytest
from plot_records import entropy, flow, grid_points, random_bytes, table

from wiretropy.plot.curves import curve, curves, flow_labels


def test_curve_has_the_grid_points_and_the_last_measured_byte() -> None:
    payload = random_bytes(2_500)
    made = curve(flow(resp=payload), "resp", "x")
    assert made is not None
    assert made.offsets.tolist() == [*range(32, 2_049, 32), 2_304, 2_500]
    assert made.entropy[-1] == pytest.approx(entropy(payload), abs=1e-12)
    assert made.entropy[3] == pytest.approx(entropy(payload[:128]), abs=1e-12)


def test_last_point_on_the_grid_is_not_drawn_twice() -> None:
    made = curve(flow(resp=random_bytes(2_304)), "resp", "x")
    assert made is not None
    assert made.offsets.tolist() == grid_points(2_304)


def test_curve_shorter_than_the_first_grid_point_is_one_point() -> None:
    made = curve(flow(orig=b"abcd"), "orig", "x")
    assert made is not None
    assert (made.offsets.tolist(), made.entropy.tolist()) == ([4], [2.0])


def test_trajectory_of_another_grid_is_refused_rather_than_drawn_at_wrong_offsets() -> None:
    record = flow(resp=random_bytes(2_500), resp_trajectory=[5.0] * 67)
    with pytest.raises(ValueError, match=r"2,500 measured bytes have 65 points .* holds 67; scan the capture again"):
        curve(record, "resp", "x")


def test_side_without_payload_has_no_curve() -> None:
    assert curve(flow(orig=b"abcd"), "resp", "x") is None


def test_gaps_and_crossings_are_carried() -> None:
    record = flow(
        resp=random_bytes(3_000),
        resp_gap_offsets=[1_000],
        resp_gap_bytes=[1_460],
        resp_crossing_offsets=[1_903],
        resp_crossing_packets=[17],
    )
    made = curve(record, "resp", "x")
    assert made is not None
    assert (made.gaps.tolist(), made.gap_bytes.tolist()) == ([1_000], [1_460])
    assert (made.crossings.tolist(), made.crossing_packets.tolist()) == ([1_903], [17])


def test_packet_number_is_that_of_the_packet_which_completed_the_point() -> None:
    trace = pa.table({"uid": ["C"] * 3, "number": [4, 9, 11], "orig_offset": [0, 40, 40], "resp_offset": [30, 30, 70]})
    record = flow("C", random_bytes(40), random_bytes(70))
    by_side = {side: curve(record, side, "x", trace=trace) for side in ("orig", "resp", "both")}
    packets = {side: None if c is None or c.packets is None else c.packets.tolist() for side, c in by_side.items()}
    # resp: points 32, 64, 70; both: 32, 64, 96, 110
    assert packets == {"orig": [9, 9], "resp": [11, 11, 11], "both": [9, 9, 11, 11]}


def test_one_flow_shows_all_sides_and_several_show_what_crossed_or_else_what_sent_more() -> None:
    """What a scan's alert names is among the curves."""
    crossed = {"crossing_offsets": [1_900], "crossing_packets": [9]}
    orig, resp = ({f"{side}_{name}": value for name, value in crossed.items()} for side in ("orig", "resp"))
    payload = random_bytes(2_500)
    flows = table(
        [
            flow("C1", payload, b"x" * 9_000, **orig),
            flow("C2", payload, payload, **orig, **resp),
            flow("C3", b"x" * 90, b"x" * 50),
            flow("C4", b"x" * 50, b"x" * 90),
        ]
    )
    assert [c.side for c in curves(flows, [0])] == ["orig", "resp", "both"]
    drawn = curves(flows, range(4))
    assert [(c.uid, c.side) for c in drawn] == [
        ("C1", "orig"), ("C2", "resp"), ("C2", "orig"), ("C3", "orig"), ("C4", "resp"),
    ]  # fmt: skip
    assert len({c.label for c in drawn}) == 5


def test_all_sides_of_several_flows_are_drawn_when_asked_for(three_flows: pa.Table) -> None:
    assert [c.side for c in curves(three_flows, [0, 1], sides="all")] == ["orig", "resp", "both"] * 2


def test_labels_name_endpoints_and_the_arrow_tells_the_side() -> None:
    pair = table([flow("a", b"x" * 9, b"y" * 9), flow("b", b"x" * 9, b"y" * 9, orig_ip="fe80::1", orig_port=5)])
    labels = {side: [c.label for c in curves(pair, [0, 1], sides=side)] for side in ("orig", "resp", "both")}
    assert labels["orig"] == ["10.0.0.5:40000 → 192.0.2.1:443", "[fe80::1]:5 → 192.0.2.1:443"]
    assert labels["resp"][0] == "10.0.0.5:40000 ← 192.0.2.1:443"
    assert labels["both"][0] == "10.0.0.5:40000 ↔ 192.0.2.1:443"


def test_transport_is_named_only_when_it_differs(three_flows: pa.Table) -> None:
    labels = [c.label for c in curves(three_flows, [0, 1, 2])]
    assert [label.split()[0] for label in labels] == ["udp", "tcp", "tcp"]


def test_equal_labels_get_the_flow_id() -> None:
    labels = flow_labels([flow("Cone"), flow("Ctwo"), flow("Cthree", resp_port=22)], {})
    assert [label.endswith(uid) for label, uid in zip(labels, ("Cone", "Ctwo", "Cthree"), strict=True)] == [
        True,
        True,
        False,
    ]


def test_given_names_replace_addresses_and_are_inert(three_flows: pa.Table) -> None:
    (made,) = curves(three_flows, [2], sides="resp", names={"Crandom": "AES\x1b[31m\u202e"})
    assert made.label == "AES\\x1b[31m\\u202e"


def test_overlay_groups_by_the_value_of_a_column(three_flows: pa.Table) -> None:
    assert [c.group for c in curves(three_flows, [0, 1, 2], overlay="proto")] == ["udp", "tcp", "tcp"]
    assert [c.group for c in curves(three_flows, [0, 1], overlay="resp_port")] == ["resp_port 53", "resp_port 80"]
    with pytest.raises(ValueError, match="no column 'labell'"):
        curves(three_flows, [0], overlay="labell")


def test_captures_go_by_file_name_unless_two_share_it() -> None:
    def groups(*sources: str) -> list[str]:
        flows = table([flow(f"C{i}", orig=b"x", source=source) for i, source in enumerate(sources)])
        return [c.group for c in curves(flows, range(len(sources)), sides="orig", overlay="source")]

    assert groups("a/b.pcap", "a/c.pcap", "a/b.pcap") == ["b.pcap", "c.pcap", "b.pcap"]
    assert groups("-", "a/b.pcap") == ["standard input", "b.pcap"]
    assert groups("a/b.pcap", "c/b.pcap") == ["a/b.pcap", "c/b.pcap"]


def test_nothing_measured_on_the_side_is_refused() -> None:
    with pytest.raises(ValueError, match=r"the chosen flow has no measured payload \(responder\)"):
        curves(table([flow(orig=b"x" * 50)]), [0], sides="resp")


def test_curves_are_those_of_the_schema_columns() -> None:
    (made,) = curves(table([flow(resp=random_bytes(100))]), np.array([0]), sides="resp")
    assert made.block_entropy.size == 3
