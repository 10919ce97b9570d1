"""Ranges, threshold, band, layout and styles, before anything is drawn."""

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plot_records import flow, random_bytes, table

from wiretropy.entropy import random_mean, random_sd
from wiretropy.inert import inert
from wiretropy.plot import plot
from wiretropy.plot.layout import byte_ticks, spread, text_place
from wiretropy.plot.style import COLORS, legend, styles


def many(n: int) -> pa.Table:
    """Flows that differ in port and length."""
    return table([flow(f"C{i:02d}", resp=random_bytes(500 + 20 * i, i), resp_port=1_000 + i) for i in range(n)])


def test_twelve_flows_with_most_payload_are_drawn_by_default() -> None:
    figure = plot(many(15))
    assert [c.uid for c in figure.curves] == [f"C{i:02d}" for i in range(14, 2, -1)]
    assert figure.title == "12 flows with most payload, of 15 in made.pcap"
    assert len(plot(many(15), host="10.0.0.5").curves) == 15
    assert len(plot(many(15), top=2).curves) == 2


def test_band_is_mean_and_four_standard_deviations_of_random_bytes() -> None:
    band = plot(many(1)).band
    i = int(np.flatnonzero(band.offsets == 256)[0])
    assert band.mean[i] == pytest.approx(random_mean(256), abs=1e-9)
    assert band.mean[i] - band.low[i] == pytest.approx(4 * random_sd(256), abs=1e-9)


def test_block_band_is_that_of_the_blocks_lengths() -> None:
    band = plot(many(1), blocks=True).block_band
    assert band is not None
    assert (band.offsets[0], band.mean[0]) == (0, pytest.approx(random_mean(32)))
    assert band.mean == pytest.approx(random_mean(32))
    assert plot(many(1)).block_band is None


def test_zoom_sets_the_x_axis_and_entropy_needs_of_the_visible_part_the_y_axis() -> None:
    payload = bytes(1_000) + random_bytes(3_000)
    flows = table([flow(resp=payload)])
    assert plot(flows, zoom=(0, 2_000)).x_range == (0, 2_000)
    assert plot(flows, zoom=(0, 2_000)).y_range[0] == 0
    low, high = plot(flows, side="resp", zoom=(3_900, 4_000)).y_range
    assert 6.5 <= low < 7.5
    assert 8.0 < high < 8.1


@pytest.mark.parametrize("zoom", [(5, 5), (-1, 5), (9, 2)])
def test_empty_zoom_is_refused(zoom: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="zoom range must rise"):
        plot(many(1), zoom=zoom)


@pytest.mark.parametrize("log", [False, True])
def test_a_zoom_beside_the_curves_is_refused_and_says_how_far_they_go(log: bool) -> None:
    with pytest.raises(ValueError, match="nothing to see from 501 to 9,000: the curve goes from byte 32 to 500"):
        plot(many(1), side="resp", zoom=(501, 9_000), log=log)
    with pytest.raises(ValueError, match="the curves go from byte 32 to 520"):
        plot(many(2), side="resp", zoom=(521, 9_000), log=log)
    assert plot(many(2), side="resp", zoom=(510, 9_000), log=log).x_range == (510, 9_000)


def test_a_zoom_before_the_first_point_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing to see from 0 to 20: the curve goes from byte 32 to 500"):
        plot(many(1), side="resp", zoom=(0, 20))


def test_a_zoom_between_two_points_shows_the_line_between_them() -> None:
    assert plot(many(1), side="resp", zoom=(100, 101)).x_range == (100, 101)


def test_an_unknown_side_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="side must be orig, resp, both or all; got 'x'"):
        plot(many(1), side="x")  # type: ignore[arg-type]


def lengths(*of: int) -> pa.Table:
    """Flows whose responders sent so many bytes."""
    return table([flow(f"C{i}", resp=random_bytes(length, i)) for i, length in enumerate(of)])


@pytest.mark.parametrize(
    ("of", "is_log"),
    [
        ((8_000,), False),
        ((500, 8_000), False),
        ((500, 1_990, 8_000), True),
        ((500, 2_010, 8_000), False),
        ((500, 600, 700, 7_000, 8_000), True),
        ((500, 600, 6_000, 7_000, 8_000), False),
    ],
)
def test_the_axis_is_logarithmic_where_half_of_the_curves_would_be_crowded(of: tuple[int, ...], is_log: bool) -> None:
    flows = lengths(*of)
    assert plot(flows, side="resp").is_log is is_log
    assert plot(flows, side="resp", log=not is_log).is_log is not is_log
    assert plot(flows, side="resp", zoom=(0, 1_000)).is_log is False
    assert plot(flows, side="resp", zoom=(0, 1_000), log=True).is_log is True


def test_a_flow_with_one_short_side_is_drawn_on_a_linear_axis() -> None:
    assert plot(table([flow(orig=random_bytes(100), resp=random_bytes(60_000))])).is_log is False


def test_long_axis_ends_on_a_multiple_of_4096_and_ticks_are_powers_of_two() -> None:
    figure = plot(table([flow(resp=random_bytes(61_000))]), side="resp")
    assert figure.x_range == (0, 61_440)
    assert byte_ticks(figure) == [0, 8_192, 16_384, 24_576, 32_768, 40_960, 49_152, 57_344]
    assert byte_ticks(plot(many(1), zoom=(0, 2_000))) == [0, 500, 1_000, 1_500, 2_000]


def test_crossings_of_another_threshold_are_left_out() -> None:
    flows = table([flow(resp=random_bytes(3_000), resp_crossing_offsets=[1_903], resp_crossing_packets=[17])])
    shown = plot(flows, side="resp", crossing_threshold=7.9).curves[0]
    assert shown.crossings.tolist() == [1_903]
    assert legend([shown]) == [("10.0.0.5:40000 ← 192.0.2.1:443  crosses at 1,903", 0)]
    assert plot(flows, side="resp", threshold=7.5).curves[0].crossings.size == 0


def test_thirty_curves_differ_in_colour_and_line_style_together() -> None:
    made = styles(plot(many(30), top=30).curves)
    assert len({(style.color, style.dash) for style in made}) == 30
    assert all(a.dash != b.dash and a.color != b.color for a, b in pairwise(made))


def test_what_a_notebook_prints_is_short(three_flows: pa.Table) -> None:
    figure = plot(three_flows, flow="Crandom", side="resp", title="t", blocks=True)
    assert repr(figure) == "<Figure 't', curves: 1, bytes: 0 to 5000>"
    assert repr(figure.curves) == (
        "(<Curve '10.0.0.5:40000 ← 192.0.2.1:443': responder of Crandom, 5,000 bytes, "
        f"{figure.curves[0].entropy[-1]:.3f} bits per byte>,)"
    )
    assert repr(figure.band) == f"<Band: {figure.band.offsets.size} points from 32 to 5,000 bytes>"


def test_sides_of_one_flow_differ_in_line_style_and_flows_share_colour(three_flows: pa.Table) -> None:
    single = styles(plot(three_flows, flow="Crandom").curves)
    assert len({style.dash for style in single}) == len({style.color for style in single}) == 3
    several = styles(plot(three_flows, side="all").curves)
    assert [style.color for style in several] == [c for c in COLORS[:3] for _ in range(3)]


def test_groups_share_one_legend_entry(three_flows: pa.Table) -> None:
    figure = plot(three_flows, overlay="proto")
    assert [text for text, _ in legend(figure.curves)] == ["tcp (2)", "udp"]
    made = styles(figure.curves)
    assert made[0] == made[1] != made[2]


def test_more_curves_than_can_be_read_are_not_named() -> None:
    assert len(legend(plot(many(40), top=40).curves)) == 40
    assert legend(plot(many(41), top=41).curves) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.floats(0.001, 0.2))
def test_labels_never_overlap_nor_leave_the_panel(wanted: list[float], gap: float) -> None:
    placed = spread(np.array(wanted), gap, 0.0, 1.0)
    least = min(gap, 1 / max(len(wanted) - 1, 1))
    assert np.all(np.diff(np.sort(placed)) >= least - 1e-9)
    assert placed.min() >= -1e-9
    assert placed.max() <= 1 + 1e-9
    order = np.argsort(wanted, kind="stable")
    assert np.all(np.diff(placed[order]) > 0)


def test_labels_with_room_stay_where_their_curves_end() -> None:
    assert spread(np.array([0.9, 0.1, 0.5]), 0.1, 0.0, 1.0) == pytest.approx([0.9, 0.1, 0.5])


def test_threshold_text_keeps_clear_of_the_curves() -> None:
    figure = plot(table([flow(resp=random_bytes(60_000))]), side="resp")
    x, y = text_place(figure, 7.9, 0.1, 0.03)
    assert x > 0.5
    assert y < (7.9 - figure.y_range[0]) / (figure.y_range[1] - figure.y_range[0])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ü 漢", "plain ü 漢"),
        ("\x1b[2J\x07\r\n\t", "\\x1b[2J\\x07\\x0d\\x0a\\x09"),
        ("a\u202egnp.\u2066", "a\\u202egnp.\\u2066"),
        ("\u2028\u200b\x9b\udc80", "\\u2028\\u200b\\x9b\\udc80"),
    ],
)
def test_text_from_outside_is_inert(text: str, shown: str) -> None:
    assert inert(text) == shown


def test_long_text_loses_its_middle() -> None:
    assert inert("abcdefghij", max_length=6) == "ab…hij"
    assert inert("abcdef", max_length=6) == "abcdef"
