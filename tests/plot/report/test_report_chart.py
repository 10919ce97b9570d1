"""The picture of a flow with alerts: its curves, the band, the mark, the segments."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from plot_records import crossing, flow, judged, random_bytes, segment, table

from wiretropy.entropy import random_quantile
from wiretropy.limits import REPORT_SEGMENTS
from wiretropy.plot.report import Gathering
from wiretropy.plot.report.chart import chart
from wiretropy.plot.report.gather import FlowAlerts
from wiretropy.plot.report.segments import segments_of
from wiretropy.policy.apply import apply
from wiretropy.policy.model import without_file


def flow_alerts(record: dict[str, object], segments: list[dict[str, object]] | None = None) -> FlowAlerts:
    made = table([record]) if segments is None else judged([record], [{"segments": segments}])
    [batch] = made.to_batches()
    gathering = Gathering()
    gathering.add(made, apply(batch, without_file()))
    [drawn] = gathering.found(None).drawn
    return drawn


def drawn(record: dict[str, object], segments: list[dict[str, object]] | None = None) -> ET.Element:
    svg = chart(flow_alerts(record, segments), "flow-1")
    assert svg is not None
    return ET.fromstring(svg)


def of_class(svg: ET.Element, name: str) -> list[ET.Element]:
    return [each for each in svg.iter() if name in each.get("class", "").split()]


def points(element: ET.Element) -> np.ndarray:
    return np.array([[float(v) for v in pair.split(",")] for pair in element.get("points", "").split()])


def level(svg: ET.Element, y: float) -> float:
    """Bits per byte of a place, read off two ticks of the axis."""
    ticks = [tick for tick in of_class(svg, "tick") if tick.get("text-anchor") == "end"]
    places = sorted((float(tick.text or ""), float(tick.get("y", "")) - 4) for tick in ticks)
    (low, y_low), *_, (high, y_high) = places
    return low + (y - y_low) / (y_high - y_low) * (high - low)


@pytest.fixture
def random_flow() -> dict[str, object]:
    return flow("C", b"hello" * 20, random_bytes(5_000), **crossing("resp", 1_900))


def test_both_sides_are_drawn_up_to_their_entropy(random_flow: dict[str, object]) -> None:
    svg = drawn(random_flow)
    orig, resp = of_class(svg, "curve")
    assert level(svg, points(resp)[-1, 1]) == pytest.approx(random_flow["resp_entropy"], abs=0.01)
    assert level(svg, points(orig)[-1, 1]) == pytest.approx(random_flow["orig_entropy"], abs=0.01)
    assert points(orig)[-1, 0] < points(resp)[-1, 0]


def test_band_holds_what_999_of_1000_random_payloads_show(random_flow: dict[str, object]) -> None:
    svg = drawn(random_flow)
    [band], [mean] = of_class(svg, "band"), of_class(svg, "mean")
    edge = points(band)
    high, low = edge[: len(edge) // 2], edge[len(edge) // 2 :][::-1]
    assert len(high) == len(points(mean))
    for tail, side in (("low", low), ("high", high)):
        wanted = random_quantile(128, 0.0005, tail=tail).quantile  # type: ignore[arg-type]
        assert level(svg, side[3, 1]) == pytest.approx(float(wanted), abs=0.01)


def test_offsets_are_logarithmic(random_flow: dict[str, object]) -> None:
    x = points(of_class(drawn(random_flow), "curve")[1])[:, 0]
    at = {n: x[n // 32 - 1] for n in (64, 256, 1_024)}
    assert at[256] - at[64] == pytest.approx(at[1_024] - at[256], abs=0.2)


def test_alert_is_marked_on_its_sides_curve(random_flow: dict[str, object]) -> None:
    svg = drawn(random_flow)
    [ring] = of_class(svg, "alarm")
    curve = points(of_class(svg, "curve")[1])
    assert float(ring.get("cy", "")) == pytest.approx(np.interp(float(ring.get("cx", "")), *curve.T), abs=0.5)
    assert "byte 1,900, packet 19" in "".join(ring.itertext())


def test_segments_lie_below_the_curves_on_the_same_axis(random_flow: dict[str, object]) -> None:
    segments = [segment("resp", 0, 400, "key material"), segment("resp", 400, 5_000, "encrypted")]
    svg = drawn(random_flow, segments)
    key, encrypted = of_class(svg, "ground")
    curve = points(of_class(svg, "curve")[1])
    x = {offset: np.interp(np.log(offset), np.log(np.arange(32, 2_049, 32)), curve[:64, 0]) for offset in (400, 1_024)}
    end = float(key.get("x", "")) + float(key.get("width", ""))
    assert end == pytest.approx(x[400], abs=0.2)
    assert float(encrypted.get("x", "")) == pytest.approx(end, abs=0.2)
    assert float(encrypted.get("x", "")) + float(encrypted.get("width", "")) == pytest.approx(curve[-1, 0], abs=0.2)
    titles = ["".join(g.itertext()) for g in svg.iter("g")]
    assert [title.split(",")[0] for title in titles] == ["key material", "encrypted"]
    assert len(of_class(svg, "bound")) == 1


def test_a_kind_that_is_not_known_is_drawn_as_opaque(random_flow: dict[str, object]) -> None:
    svg = drawn(random_flow, [segment("resp", 0, 5_000, "<new & kind>")])
    [group] = of_class(svg, "kind-opaque")
    assert "<new & kind>" in "".join(group.itertext())


def test_only_the_first_segments_of_a_side_are_drawn(random_flow: dict[str, object]) -> None:
    cuts = [segment("resp", at, at + 10, "text") for at in range(0, 4_000, 10)]
    flow_of_many = flow_alerts(random_flow, cuts)
    assert len(segments_of(flow_of_many.record, "resp")) == REPORT_SEGMENTS
    assert segments_of(flow_of_many.record, "orig") == []


def test_gaps_are_marked_with_what_is_missing(random_flow: dict[str, object]) -> None:
    svg = drawn(random_flow | {"resp_gap_offsets": [1_000], "resp_gap_bytes": [77]})
    [gap] = of_class(svg, "gap")
    assert "".join(gap.itertext()) == "gap of 77 bytes after 1,000"


def test_picture_is_described_in_words(random_flow: dict[str, object]) -> None:
    svg = drawn(random_flow)
    [description] = svg.iter("desc")
    assert re.search(
        r"responder 7\.9\d\d bits per byte after 5,000 bytes, where random bytes would average 7\.963",
        description.text or "",
    )
    assert svg.get("role") == "img"


def test_coordinates_are_finite_for_the_shortest_payload() -> None:
    svg = drawn(flow("C", b"a", b"b", **crossing("resp", 1)))
    assert "nan" not in ET.tostring(svg, "unicode")
    assert "inf" not in ET.tostring(svg, "unicode")


def test_a_flow_without_measured_payload_has_no_picture() -> None:
    assert chart(flow_alerts(flow("C", **crossing("resp", 1))), "flow-1") is None


def test_a_segment_names_its_capture_only_where_the_flow_began_in_another(random_flow: dict[str, object]) -> None:
    parts = [segment("resp", 0, 400, "text", 3, "made.pcap"), segment("resp", 400, 5_000, "encrypted", 1, "next.pcap")]
    told = [each.described for each in segments_of(flow_alerts(random_flow, parts).record, "resp")]
    assert told == [
        "text, bytes 1 to 400, from packet 3",
        "encrypted, bytes 401 to 5,000, from packet 1 of next.pcap",
    ]


def test_both_sides_together_are_drawn_for_alerts_about_them(random_flow: dict[str, object]) -> None:
    flow_of_one = flow_alerts(random_flow)
    [alert] = flow_of_one.alerts
    about_both = FlowAlerts(flow_of_one.record, (replace(alert, side="both", offset=2_000),))
    svg = ET.fromstring(chart(about_both, "flow-1") or "")
    assert [each.get("class") for each in of_class(svg, "curve")] == ["curve orig", "curve resp", "curve both"]
    [ring], [both] = of_class(svg, "alarm"), of_class(svg, "curve")[2:]
    assert float(ring.get("cy", "")) == pytest.approx(np.interp(float(ring.get("cx", "")), *points(both).T), abs=0.5)


def test_no_line_is_drawn_for_rules_without_a_threshold(random_flow: dict[str, object]) -> None:
    flow_of_one = flow_alerts(random_flow)
    [alert] = flow_of_one.alerts
    without = replace(alert, threshold=None)  # type: ignore[arg-type]
    svg = ET.fromstring(chart(FlowAlerts(flow_of_one.record, (without,)), "flow-1") or "")
    assert of_class(svg, "threshold") == []
    assert len(of_class(svg, "alarm")) == 1
    with_both = ET.fromstring(chart(FlowAlerts(flow_of_one.record, (without, alert)), "flow-1") or "")
    assert len(of_class(with_both, "threshold")) == 1
