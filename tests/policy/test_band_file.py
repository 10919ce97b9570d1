"""Files of bands: what is written is read back, protospecs are read too, and faults are named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wiretropy.policy import protospec
from wiretropy.policy.band_file import BandsError, bands_json, protospec_text, read_bands
from wiretropy.policy.bands import GRID, Bands, Curve, Settled

BANDS = Bands(
    "ssh",
    (22, 2_222),
    (
        Curve("resp", "cumulative", (0, 1, 70), (1.0, 2.0, 7.5), (5.0, 5.5, 7.9), (9, 9, 8)),
        Curve("both", "block", (3,), (0.1234567,), (0.7654321,), (9,)),
    ),
    (Settled("resp", 600, 0, 12),),
    0.998,
    30,
)
SSH = Path(__file__).parents[1] / "netentropy" / "ssh.protospec"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "bands"
    path.write_text(text)
    return path


def test_bands_are_read_back_with_bounds_rounded_outwards(tmp_path: Path) -> None:
    bands = read_bands(written(tmp_path, bands_json(BANDS)))
    assert bands.curves[0] == BANDS.curves[0]
    assert (bands.curves[1].low, bands.curves[1].high) == ((0.123456,), (0.765433,))
    assert (bands.name, bands.ports, bands.settled, bands.coverage, bands.flows) == (
        "ssh",
        (22, 2_222),
        BANDS.settled,
        0.998,
        30,
    )


def test_a_protospec_bounds_the_grid_points_in_its_ranges() -> None:
    bands = read_bands(SSH)
    [curve] = bands.curves
    at = {GRID[point]: (low, high) for point, low, high in zip(curve.points, curve.low, curve.high, strict=True)}
    assert at[32] == (0.0, 4.38105154)
    assert at[64] == (4.22877741, 4.64838314)
    assert at[65_536] == (7.82608652, 7.99687433)
    assert max(at) == 65_536
    assert (bands.ports, curve.side, curve.measure) == ((22,), "both", "cumulative")


def test_what_is_written_for_net_entropy_is_a_protospec_as_wide_as_the_bands() -> None:
    text = protospec_text(BANDS, "resp")
    assert text is not None
    spec = protospec.parse(text, "ssh")
    assert (spec.ports, spec.direction, spec.is_cumulative) == ((22, 2_222), "dst", True)
    assert [(each.start, each.end) for each in spec.ranges] == [(32, 63), (64, 127), (3_072, GRID[70])]
    assert (spec.ranges[0].low, spec.ranges[0].high) == (1.0, 5.5), "the next grid point bounds its range too"
    assert spec.ranges[-1].end == GRID[70]
    assert protospec_text(BANDS, "orig") is None


def test_ranges_that_count_packets_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BandsError, match="count bytes, as RangeUnit: bytes"):
        read_bands(written(tmp_path, "Port: 22\nRangeUnit: packets\nRange: 1 63 0 4"))


def changed(change: Callable[[dict[str, Any]], None]) -> str:
    record = json.loads(bands_json(BANDS))
    change(record)
    return json.dumps(record)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{", "is no JSON"),
        ("{" * 100_000, "is no"),
        ('{"a": NaN}', "NaN is no number"),
        ('{"a": 1, "a": 2}', "stands twice"),
        ("{}", 'format needs "wiretropy-bands" of version 1'),
        (changed(lambda r: r.update(version=2)), "of version 1"),
        (changed(lambda r: r.update(ports=[70_000])), "ports needs ports"),
        (changed(lambda r: r.update(curves=3)), "curves needs a list"),
        (changed(lambda r: r["curves"][0].update(offsets=[33, 64, 96])), "curves[0].offsets needs ascending points"),
        (changed(lambda r: r["curves"][0].update(low=[1, 2])), "curves[0].low needs 3 numbers"),
        (changed(lambda r: r["curves"][0].update(low=[9, 2, 3])), "curves[0].low needs 3 numbers"),
        (changed(lambda r: r["curves"][0].update(low=[6, 2, 3])), "curves[0].low needs numbers that are not above"),
        (changed(lambda r: r["settled"][0].update(offset=-1)), "settled[0].offset needs a number of bytes"),
        (changed(lambda r: r.update(curves=[1])), "curves[0].side needs orig, resp or both"),
        ("Range: 1 2 9 9", ":1: Range needs entropies"),
    ],
)
def test_what_is_wrong_is_named(text: str, fault: str, tmp_path: Path) -> None:
    path = written(tmp_path, text)
    with pytest.raises(BandsError) as caught:
        read_bands(path)
    assert any(fault in each for each in caught.value.faults), caught.value.faults
    assert all(str(path) in each for each in caught.value.faults)


@pytest.mark.parametrize("name", ["", "\\ud800", "x" * 256, None, 1])
def test_names_that_alerts_could_not_carry_are_faults(name: Any, tmp_path: Path) -> None:
    record = json.loads(bands_json(BANDS)) | {"name": name}
    with pytest.raises(BandsError, match="name needs a text of 1 to 255 characters"):
        read_bands(written(tmp_path, json.dumps(record).replace("\\\\ud800", "\\ud800")))


@pytest.mark.parametrize("version", [True, 1.0, 2, "1", None])
def test_versions_other_than_the_whole_number_are_faults(version: Any, tmp_path: Path) -> None:
    with pytest.raises(BandsError, match="format needs"):
        read_bands(written(tmp_path, json.dumps(json.loads(bands_json(BANDS)) | {"version": version})))
