"""Cells, small curves and details of the flows in the table."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from plot_records import flow, judged, random_bytes, segment, table

from wiretropy.plot.report.rows import columns, details, percent, sparks


def cells(made: pa.Table, *names: str) -> list[list[str]]:
    told = {column.name: list(column.cells) for column in columns(made, np.zeros(made.num_rows, dtype=np.int64))}
    return [told[name] for name in names]


def test_entropy_is_marked_where_random_bytes_of_that_length_would_lie() -> None:
    counter = bytes(range(256)) * 16  # more even than random bytes
    text = b"all work and no play " * 200
    made = table([flow("a", b"", each) for each in (random_bytes(4_096), counter, text, b"short text", b"")])
    [entropies] = cells(made, "← entropy")
    assert [entropy.endswith("●") for entropy in entropies] == [True, False, False, False, False]
    assert entropies[1:] == ["8.0000", entropies[2], "2.846", ""]


def test_a_day_is_left_out_where_all_flows_began_on_it() -> None:
    day = 86_400 * 10**9
    [one_day] = cells(table([flow("a", ts_first_ns=1_500_000_000), flow("b", ts_first_ns=day - 1)]), "Began")
    [two_days] = cells(table([flow("a", ts_first_ns=1_500_000_000), flow("b", ts_first_ns=day)]), "Began")
    assert one_day == ["00:00:01.500", "23:59:59.999"]
    assert two_days == ["1970-01-01 00:00:01.500", "1970-01-02 00:00:00.000"]


def test_severity_is_named_and_addresses_of_ipv6_are_in_brackets() -> None:
    made = table([flow("a", orig_ip="2001:db8::1"), flow("b")])
    told = {column.name: column.cells for column in columns(made, np.array([3, 0]))}
    assert list(told["Alert"]) == ["high", ""]
    assert told["Originator"][0] == "[2001:db8::1]:40000"


def test_probabilities_never_claim_certainty() -> None:
    assert [percent(p) for p in (0.5, 0.9876, 0.999, 1.0)] == ["50.0 %", "98.8 %", "99.9 %", ">99.9 %"]
    made = judged([flow("a")], [{"verdict": "undecided"}])
    assert cells(made, "Verdict", "Sure") == [["undecided"], [""]]


def test_small_curves_rise_as_the_trajectory_does() -> None:
    flat, rising, none = b"a" * 4_000, b"a" * 1_000 + random_bytes(60_000), b""
    curves = sparks(table([flow("a", flat, rising), flow("b", none, flat)]))
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    assert curves[0][:16] == 16 * "A"
    levels = [digits.index(letter) for letter in curves[0][16:]]
    assert levels == sorted(levels)
    assert levels[0] == 0
    assert levels[-1] == round(7.99 * 63 / 8)
    assert curves[1] == 16 * " " + 16 * "A"


def test_details_are_left_out_where_no_flow_has_them() -> None:
    made = table([flow("a", vlan=7), flow("b", weirds=["odd"], orig_missed_bytes=1_234, is_midstream=True)])
    told = details(made)
    assert told["VLAN"] == ["7", ""]
    assert told["Oddities"] == ["", "odd"]
    assert told["Missing"] == ["", "its beginning, 1,234 bytes of the originator"]
    assert "Tunnels" not in told


def test_segments_beyond_the_eighth_are_counted() -> None:
    cuts = [segment("orig", at, at + 1, "text") for at in range(11)]
    [told] = details(judged([flow("a")], [{"segments": cuts}]))["Segments"]
    assert told.count("text") == 8
    assert told.endswith("; 3 more")
