"""The columns of a flow record are the same wherever they are named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import oracle
import pytest
from click.testing import CliRunner
from wire import Datagrams, Wire, write_pcap

from wiretropy import _core, schema
from wiretropy.cli.scan import command
from wiretropy.entropy import trajectory_grid
from wiretropy.flows import read_flows, trace_flows
from wiretropy.tables import TRACE_SCHEMA, arrow_schema

PREFIXES = ("orig_", "resp_", "both_")


@pytest.mark.parametrize("has_counts", [False, True])
def test_the_core_produces_the_columns_of_the_schema_in_its_order(has_counts: bool) -> None:
    stated = [(column.name, column.type, column.is_nullable) for column in schema.columns(has_counts=has_counts)]
    made = [
        (name, kind.lower().replace("float64", "double").replace("utf8", "string").replace("boolean", "bool"), nulls)
        for name, kind, nulls in _core.record_fields(has_counts)
    ]
    assert [name for name, _, _ in made] == [name for name, _, _ in stated]
    for (name, kind, nulls), (_, stated_kind, stated_nulls) in zip(made, stated, strict=True):
        inner = stated_kind.removeprefix("list<").removesuffix(">")
        assert kind.startswith("list") == stated_kind.startswith("list"), name
        assert inner in kind, (name, kind, stated_kind)
        assert nulls == stated_nulls, name


@pytest.mark.parametrize("has_counts", [False, True])
def test_flows_have_the_arrow_schema_that_the_columns_state(has_counts: bool, tmp_path: Path) -> None:
    wire = Wire()
    Datagrams(wire).send("orig", b"x")
    flows = read_flows(write_pcap(tmp_path / "one.pcap", wire.packets), counts=has_counts)
    assert flows.to_arrow().schema == arrow_schema(has_counts=has_counts)
    assert flows.columns == [column.name for column in schema.columns(has_counts=has_counts)]


def test_column_names_occur_once_and_every_column_says_what_it_means() -> None:
    columns = schema.columns(has_counts=True, has_alerts=True)
    assert len({column.name for column in columns}) == len(columns)
    assert all(column.meaning.endswith(".") for column in columns)


def test_columns_that_the_product_promises_are_there() -> None:
    promised = (
        "uid community_id source ts_first_ns ts_last_ns proto orig_ip orig_port resp_ip resp_port orig_packets"
        " resp_packets orig_payload_bytes resp_payload_bytes orig_missed_bytes resp_missed_bytes orig_entropy"
        " resp_entropy both_entropy orig_trajectory resp_trajectory end_reason"
    ).split()
    assert set(promised) <= {column.name for column in schema.COLUMNS}


def test_json_lines_have_the_names_of_the_columns_in_their_order(examples: Path) -> None:
    for options, has_counts in ([], False), (["--counts"], True):
        result = CliRunner().invoke(command, [str(examples / "https.pcap"), "--json", *options])
        assert result.exit_code == 0
        names = [column.name for column in schema.columns(has_counts=has_counts, has_verdicts=True, has_alerts=True)]
        for line in result.stdout.splitlines():
            assert list(json.loads(line)) == names


def test_counts_are_those_of_the_measured_bytes(tmp_path: Path) -> None:
    sent = {"orig_": b"abracadabra" * 9, "resp_": np.random.default_rng(4).bytes(9_000)}
    wire = Wire()
    talk = Datagrams(wire)
    talk.send("orig", sent["orig_"])
    for at in range(0, 9_000, 1_000):
        talk.send("resp", sent["resp_"][at : at + 1_000])
    [row] = read_flows(write_pcap(tmp_path / "one.pcap", wire.packets), counts=True).to_arrow().to_pylist()
    sent["both_"] = sent["orig_"] + sent["resp_"]
    for prefix, payload in sent.items():
        expected = np.bincount(np.frombuffer(payload, np.uint8), minlength=256)
        assert row[f"{prefix}counts"] == expected.tolist()


GRID_LENGTHS = [0, 1, 31, 32, 33, 63, 64, 2047, 2048, 2049, 2303, 2304, 4095, 4096, 4607, 4608, 65_535, 65_536, 300_001]


@pytest.mark.parametrize("length", GRID_LENGTHS)
def test_the_documented_grid_is_the_one_that_is_sampled(length: int, tmp_path: Path) -> None:
    wire = Wire()
    talk = Datagrams(wire)
    payload = np.random.default_rng(length).bytes(length)
    talk.send("orig", b"")
    for at in range(0, length, 1_400):
        talk.send("orig", payload[at : at + 1_400])
    [row] = read_flows(write_pcap(tmp_path / "one.pcap", wire.packets), depth="all").to_arrow().to_pylist()
    points = oracle.grid(length)
    assert trajectory_grid(length).tolist() == points
    assert len(row["orig_trajectory"]) == len(row["orig_block_entropy"]) == len(points)
    expected = [np_entropy(payload[:point]) for point in points]
    assert row["orig_trajectory"] == pytest.approx(expected, abs=1e-9)


def np_entropy(payload: bytes) -> float:
    """Entropy by NumPy, in the form -sum p log2 p, which shares no formula with the core."""
    counts = np.bincount(np.frombuffer(payload, np.uint8), minlength=256)
    shares = counts[counts > 0] / len(payload)
    return float(-(shares * np.log2(shares)).sum())


def test_a_trajectory_of_the_default_depth_has_104_points() -> None:
    assert len(trajectory_grid(schema.DEFAULT_DEPTH)) == len(oracle.grid(65_536)) == 104


def test_grid_documentation_states_the_points_per_doubling_that_the_schema_has() -> None:
    assert trajectory_grid.__doc__ is not None
    assert f"{schema.POINTS_PER_OCTAVE} points for each doubling" in trajectory_grid.__doc__


def test_packet_rows_have_the_schema_that_is_stated(examples: Path) -> None:
    tables = list(trace_flows(examples / "http-plain.pcap"))
    assert tables
    assert all(table.schema == TRACE_SCHEMA for table in tables)
